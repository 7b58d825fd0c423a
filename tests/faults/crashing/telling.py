"""Goes through the scenarios, and says of each what came of it."""

import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from config.celery import app
from tests.faults.crashing import cases
from tests.faults.crashing.cases import Lived
from tests.faults.crashing.child import application
from tests.faults.crashing.plan import Asked
from tests.faults.crashing.plants import PLANTS, Plant
from tests.faults.crashing.scenes import SCENARIOS
from tests.faults.crashing.world import World, running
from tests.servers import Servers
from tests.stripe_peer.driver import Peer

_SHOWN: Final = 10
_WIDTH: Final = 1500  # of a breach; all of it stands in the facts of another run


def live_all(asked: Asked, folder: Path, servers: Servers, peer: Peer) -> int:
    """Live what is asked for; print a table and a line of JSON; return how much was broken."""
    application()
    app.loader.import_default_modules()
    _log_to(folder / "service.log")
    with running(servers, peer) as world:
        everything = _live_scenarios(asked, world)
        found = sum(_is_found(plant, world) for plant in PLANTS) if asked.plants else 0
    unfound = len(PLANTS) - found if asked.plants else 0
    breaches = sum(len(one.breaches) for one in everything) + unfound
    cuts = sum(sum(one.cuts.values()) for one in everything)
    told = {
        "scenarios": len(everything),
        "cuts": cuts,
        "unreached": sum(one.unreached for one in everything),
        "breaches": breaches,
        "planted": len(PLANTS) if asked.plants else 0,
        "found": found,
    }
    _say(json.dumps(told))
    return breaches or int(not cuts)  # nothing was cut, so nothing is known


def _live_scenarios(asked: Asked, world: World) -> list[Lived]:
    start, everything = 0, []
    for scenario in SCENARIOS:
        if asked.scenes and scenario.name not in asked.scenes:
            continue
        began = time.monotonic()
        world.renew()
        known = cases.know(scenario, world)
        all_cuts = cases.cuts(known)
        chosen = asked.chosen(all_cuts, start=start)
        start += len(all_cuts)
        lived = cases.live(scenario, known, chosen, world)
        everything.append(lived)
        asked_of = {link: len(names) for link, names in known.messages.items() if names}
        links = ", ".join(f"{link} {number}" for link, number in asked_of.items())
        _say(
            f"{scenario.name:<24}{links:<36}{len(chosen):>5} of {len(all_cuts):>4} cuts"
            f"{lived.unreached:>4} unreached{len(lived.breaches):>4} wrong"
            f"{time.monotonic() - began:>7.1f} s"
        )
        for breach in lived.breaches[:_SHOWN]:
            _say(f"    {breach[:_WIDTH]}")
    return everything


def _is_near(message: str, names: Sequence[str], number: int) -> bool:
    """Say whether such a message is there, or beside it.

    A busy machine's pipeline is read in more or fewer pieces: a process may ask one message sooner
    or later than the uncut one did.
    """
    return any(name.startswith(message) for name in names[max(0, number - 1) : number + 2])


def _is_found(plant: Plant, world: World) -> bool:
    """Say whether the cuts find a planted bug, where they find nothing without it."""
    [scenario] = [one for one in SCENARIOS if one.name == plant.scenario]
    world.renew()
    known = cases.know(scenario, world)
    chosen = [
        cut
        for cut in cases.cuts(known)
        if cut.link == plant.link and _is_near(plant.message, known.messages[cut.link], cut.number)
    ]
    control = cases.live(scenario, known, chosen, world)
    with plant.put():
        planted = cases.live(scenario, known, chosen, world)
    is_found = bool(planted.breaches) and not control.breaches
    _say(
        f"planted: {plant.name}: {len(planted.breaches)} wrong in {len(chosen)} cuts, "
        f"{len(control.breaches)} without it"
    )
    for breach in planted.breaches[:1]:
        _say(f"    {breach[:_WIDTH]}")
    return is_found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _log_to(path: Path) -> None:
    """Have what the service logs written to a file, by its children too, and why they ended."""
    sys.stderr = path.open("a")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
