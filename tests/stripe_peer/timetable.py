"""What is due on a clock, and the running of it in the order of time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tests.stripe_peer.world import TEST_CLOCK, World


@dataclass(frozen=True)
class Due:
    """One thing that will happen by itself; afterwards its source must no longer name it."""

    at: int  # seconds since 1970 on its clock
    clock: str | None  # a test clock's id; None is the world's clock
    run: Callable[[], object]


Source = Callable[[World, str | None], Iterable[Due]]
_SOURCES: Final[list[Source]] = []


def timetable(source: Source) -> Source:
    """Make a function a source of what is due: it is asked anew after each thing that happened.

    It is given the world and a clock's id, and yields what it has on that clock.
    """
    _SOURCES.append(source)
    return source


def run_until(world: World, clock: str | None, until: int) -> None:
    """Let everything happen that is due on a clock up to an instant; the clock then says it.

    Each thing happens while its clock says the second that it was due, so what it makes has
    that second as its `created`.
    """
    while True:
        due = [
            thing
            for source in _SOURCES
            for thing in source(world, clock)
            if thing.clock == clock and thing.at <= until
        ]
        if not due:
            break
        first = min(due, key=lambda thing: thing.at)
        _set(world, clock, max(first.at, _before(world, clock)))
        first.run()
    _set(world, clock, until)
    world.moment = None


def _before(world: World, clock: str | None) -> int:
    """A test clock never goes back; the world's clock is led from thing to thing."""
    return world.clock_says(clock) if clock is not None or world.moment is not None else 0


def _set(world: World, clock: str | None, at: int) -> None:
    if clock is None:
        world.moment = at
    else:
        world.kinds[TEST_CLOCK][clock]["frozen_time"] = at
