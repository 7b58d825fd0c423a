"""Who goes next: fair turns of the accounts, and shares of the lanes. Pure; whole numbers.

Accounts: weighted fair queueing, clocked by itself. A job's *turn* is the virtual instant at which
it would be made if every waiting account were served at once, each by its weight; the smallest
goes first. It follows from the job's own cost, from the turn of the account's last waiting job,
and from the clock of its lane: the highest turn that was started. So each account has one row of
turns, however many jobs it splits its work into, and time in which it ordered nothing earns none.

Lanes: the lower number goes first, but a lane that waits gets its share of a backend's starts.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

# So that weights divide short jobs too: a turn counts a thousandth of a millisecond of weight 1.
_FINENESS: Final = 1000
# Every fourth start of a lane goes to what is nearly out of time, ...
_URGENT_EVERY: Final = 4
# ... which is what has a quarter of the lane's promise left.
_NEAR: Final = 4
_PERCENT: Final = 100
_OVERDUE: Final = 10  # what has run longer than usual is given a tenth of the usual more
# No more of the slots is taken to go to those who have not ordered yet: who waits comes on.
_NEWCOMERS_MAX: Final = 0.5
_TELL_TO: Final = (
    (timedelta(minutes=5), timedelta(seconds=10)),
    (timedelta(hours=1), timedelta(minutes=1)),
)
_TELL_ROUGHLY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Lane:
    """One way through the queue of a backend.

    Attributes:
        priority: lower goes first.
        share: of a hundred starts of the backend it gets so many at least, while it has jobs.
        promise: within which time after the order a job is to be handed over.
        number: of which start of the backend its last one was; 0: it had none yet.
        starts: how many it had.
    """

    code: str
    priority: int
    share: int
    promise: timedelta
    number: int = 0
    starts: int = 0

    @property
    def is_for_urgent(self) -> bool:
        """Whether its next start goes to what is nearly out of time, if anything is."""
        return self.starts % _URGENT_EVERY == _URGENT_EVERY - 1

    def near_until(self, now: datetime) -> datetime:
        """Return until when what must be handed over by then is nearly out of time."""
        return now + self.promise / _NEAR


class Lanes:
    """The lanes of one backend, and what comes of its starts, one after the other."""

    def __init__(self, lanes: Iterable[Lane], *, number: int = 0) -> None:
        """Begin where the backend stands.

        Args:
            number: how many starts it had, of all lanes.
        """
        self.number = number
        self._lanes = {lane.code: lane for lane in lanes}

    def next_of(self, waiting: Collection[str]) -> Lane:
        """Return whose start the next one is, of the lanes that have jobs.

        The first by priority of those that would miss their share without it, else of all.
        """
        lanes = [self._lanes[code] for code in waiting]
        behind = [lane for lane in lanes if self._misses_its_share(lane)]
        return min(behind or lanes, key=lambda lane: (lane.priority, lane.code))

    def start(self, code: str) -> Lane:
        """Count a start for that lane; return how it stands then."""
        self.number += 1
        lane = self._lanes[code]
        self._lanes[code] = replace(lane, number=self.number, starts=lane.starts + 1)
        return self._lanes[code]

    def starts_before(self, code: str, waiting: Mapping[str, int]) -> int:
        """Return how many starts come first when so many jobs wait, of each lane.

        Args:
            code: whose job it is; of this lane only those before it are counted in `waiting`.
        """
        if not any(count for other, count in waiting.items() if other != code):
            return waiting.get(code, 0)
        course, left = Lanes(self._lanes.values(), number=self.number), dict(waiting)
        left.setdefault(code, 0)
        for before in range(sum(waiting.values()) + 1):
            chosen = course.next_of([one for one, n in left.items() if n or one == code]).code
            if chosen == code and not left[code]:
                return before
            left[chosen] -= 1
            course.start(chosen)
        raise AssertionError("its turn comes when nothing else is left")

    def _misses_its_share(self, lane: Lane) -> bool:
        """Say whether the lane would be behind its share if the next start were another's."""
        return (self.number + 1 - lane.number) * lane.share >= _PERCENT


def turn(*, started: int, last: int, cost_ms: int, weight: int) -> int:
    """Return the turn of a new job.

    Args:
        started: the clock of its lane: the highest turn that was started.
        last: the highest turn of those that wait for its account; 0: none does.
        cost_ms: how long it keeps a backend busy, about.
        weight: how many times the work of an account of weight 1 its account may have done.
    """
    assert weight > 0, "a catalog knows no smaller one"
    return max(started, last) + max(1, cost_ms * _FINENESS // weight)


def cost_ms(*, typical: timedelta | None, seconds: int, outputs: int) -> int:
    """Return how long an order keeps a backend busy, about.

    Args:
        typical: how long a job of its model takes; None: nobody knows yet.
        seconds: how long one output is; it stands in for what nobody knows.
    """
    one = timedelta(seconds=seconds) if typical is None else typical
    return max(1, one // timedelta(milliseconds=1)) * outputs


def left_of(typical: timedelta, *, ran: timedelta) -> timedelta:
    """Return how much longer a job runs, about: never nothing, for it has not ended."""
    return max(typical - ran, typical / _OVERDUE)


def waits_for(ahead: int, one: timedelta, busy: Sequence[timedelta], *, slots: int) -> timedelta:
    """Return how long it is, about, until a slot is free for whoever comes after those ahead.

    Args:
        ahead: how many jobs go first; one of them takes as long as `one`.
        busy: when what is worked on ends, from now on.
        slots: how many jobs are worked on at once.
    """
    frees = sorted([*busy, *[timedelta(0)] * (slots - len(busy))])
    del frees[: len(frees) - slots]  # more is worked on than may be: the first to end frees none
    for _job in range(ahead):
        heapq.heapreplace(frees, frees[0] + one)
    return frees[0]


def chance(distance: int, *, reach: int) -> float:
    """Return how likely it is that a new order goes before one that waits.

    It does while the clock of the lane, which comes on evenly until that one's turn, is so far
    before it; when in that time it comes, nobody knows.

    Args:
        distance: how far behind the clock the turn of the new one will be.
        reach: how far behind the clock the turn of the waiting one is.
    """
    return max(0.0, 1 - distance / reach) if reach > 0 else 0.0


def with_newcomers(wait: timedelta, *, work: timedelta, within: timedelta, slots: int) -> timedelta:
    """Return a wait that grows by those who order meanwhile and go first, as many as of late.

    Args:
        wait: without them.
        work: how long those keep one slot busy who would have gone first of late, ...
        within: ... in so much time.
    """
    share = work / (within * slots)
    return wait / (1 - min(share, _NEWCOMERS_MAX))


def told(wait: timedelta) -> timedelta:
    """Return a wait as it may be told: later rather than sooner, and the further off, the rougher.

    Up to five minutes in steps of ten seconds, up to an hour in minutes, then in five minutes.
    """
    step = next((step for limit, step in _TELL_TO if wait <= limit), _TELL_ROUGHLY)
    return -(-wait // step) * step
