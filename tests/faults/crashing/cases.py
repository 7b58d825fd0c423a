"""Lives each case: a scene, a cut, what happens by itself afterwards, and what came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from billing.insights import audit
from tests.faults.crashing import facts
from tests.faults.crashing.child import Answer, Request, run
from tests.faults.crashing.facts import Facts
from tests.faults.crashing.recovering import Unrecovered, recover
from tests.faults.crashing.scenes import Scenario, Scene
from tests.faults.crashing.world import World
from tests.faults.proxy.cutting import Cut, How, Told

_NEW_STRIPE: Final = 20  # cases; whoever remembers all of them answers slowly
_AUDITED: Final = 10  # cases at once; no entry and no row of an account goes away in between


@dataclass
class Known:
    """What comes of a scenario that nothing cuts off.

    Attributes:
        messages: by link what the process asks, in order.
        ends: what may have come of it in the end; the first is that of the uncut run.
        status: what its caller is told.
    """

    messages: dict[str, list[str]]
    ends: list[Facts]
    status: int


@dataclass
class Lived:
    """What came of all cases of one scenario.

    Attributes:
        cuts: how many were cut off, by link.
        unreached: how many ended before their cut.
        breaches: what was wrong, each with its case.
    """

    cuts: dict[str, int] = field(default_factory=dict)
    unreached: int = 0
    breaches: list[str] = field(default_factory=list)


def know(scenario: Scenario, world: World) -> Known:
    """Live the scenario uncut, and each other way in which it may end.

    Raises:
        AssertionError: it does not end well even then.
    """
    told, answer, end = _uncut(scenario.scene, world)
    assert told.exit_code == 0, f"{scenario}: ended with {told.exit_code}, {answer}"
    assert answer.status < HTTPStatus.BAD_REQUEST, f"{scenario}: {answer}"
    others = [_uncut(scene, world)[2] for scene in scenario.others]
    assert [str(one) for one in audit.breaches()] == []
    return Known(told.messages, [end, *others], answer.status)


def cuts(known: Known) -> list[Cut]:
    """Return every cut of a scenario: at each message of each link, in each way."""
    return [
        Cut(link, number, how)
        for link, names in known.messages.items()
        for number, name in enumerate(names)
        for how in How
        if name != "goodbye"  # nobody waits for an answer, and nothing hangs on it
    ]


def live(scenario: Scenario, known: Known, chosen: list[Cut], world: World) -> Lived:
    """Live the scenario once for each of these cuts; audit all of it."""
    lived = Lived()
    for place, cut in enumerate(chosen):
        if place % _NEW_STRIPE == 0:
            world.renew()
        told = Told()
        try:
            scene = scenario.scene(world)
            answer, told = run(scene.act, world.proxy, world.led, cut)
            wrongs = list(_judged(scene, known, answer, told, world))
        except (Unrecovered, AssertionError) as wrong:
            wrongs = [str(wrong)]
        if told.is_cut:
            lived.cuts[cut.link] = lived.cuts.get(cut.link, 0) + 1
        else:
            lived.unreached += 1
        if (place + 1) % _AUDITED == 0 or place + 1 == len(chosen):
            wrongs += [
                f"this case or one of the last {_AUDITED}: {one}" for one in audit.breaches()
            ]
        name = known.messages[cut.link][cut.number]
        where = f"{scenario}, {cut.link} {cut.number} ({name}), {cut.how}"
        lived.breaches += [f"{where}: {wrong}" for wrong in wrongs]
    return lived


def _uncut(scene_of: Callable[[World], Scene], world: World) -> tuple[Told, Answer, Facts]:
    scene = scene_of(world)
    answer, told = run(scene.act, world.proxy, world.led, None)
    answer = recover(scene.act, answer, world)
    return told, answer, facts.of(scene.accounts)


def _judged(
    scene: Scene, known: Known, told_first: Answer, told: Told, world: World
) -> Iterator[str]:
    """Let the world recover; yield what is wrong then."""
    if told.is_late:
        yield "the process hung"
    answer = recover(scene.act, told_first, world)
    if answer.status != known.status:
        yield f"its caller was told {answer}"
    if isinstance(scene.act, Request) and "Idempotency-Key" in scene.act.headers:
        again = scene.act.do()
        if again != answer:
            yield f"asked again it says {again}, and not {answer}"
    yield from _wrong_ends(facts.of(scene.accounts), known)
    yield from (f"{name} was begun {n} times" for name, n in world.studio.taken.items() if n > 1)


def _wrong_ends(seen: Facts, known: Known) -> Iterator[str]:
    if seen not in known.ends:
        yield facts.difference(seen, known.ends[0])
