"""Goes through the scenarios, and says of each what came of it."""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Final

from config.celery import app
from tests.faults.crashing import cases
from tests.faults.crashing.child import application
from tests.faults.crashing.plan import Asked
from tests.faults.crashing.scenes import SCENARIOS
from tests.faults.crashing.world import running
from tests.servers import Servers
from tests.stripe_peer.driver import Peer

_SHOWN: Final = 10


def live_all(asked: Asked, folder: Path, servers: Servers, peer: Peer) -> int:
    """Live what is asked for; print a table and a line of JSON; return how much was broken."""
    application()
    app.loader.import_default_modules()
    _log_to(folder / "service.log")
    start = cut = unreached = 0
    breaches: list[str] = []
    with running(servers, peer) as world:
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
            cut, unreached = cut + sum(lived.cuts.values()), unreached + lived.unreached
            breaches += lived.breaches
            links = ", ".join(
                f"{link} {len(names)}" for link, names in known.messages.items() if names
            )
            _say(
                f"{scenario.name:<24}{links:<44}{len(chosen):>5} of {len(all_cuts):>4} cuts"
                f"{lived.unreached:>4} unreached{len(lived.breaches):>4} wrong"
                f"{time.monotonic() - began:>7.1f} s"
            )
            for breach in lived.breaches[:_SHOWN]:
                _say(f"    {breach[:1500]}")
    _say(json.dumps({"cuts": cut, "unreached": unreached, "breaches": len(breaches)}))
    return len(breaches)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _log_to(path: Path) -> None:
    """Have what the service logs written to a file, by its children too, and why they ended."""
    sys.stderr = path.open("a")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
