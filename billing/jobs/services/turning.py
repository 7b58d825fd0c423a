"""Turns: which one an order gets, and how the lanes of a backend come on with each start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from billing.gpu import registry
from billing.jobs import fairness, selectors
from billing.jobs.fairness import Lane, Lanes
from billing.jobs.turns import LaneClock
from billing.transactions import require_transaction
from plans import asking, periods
from plans import selectors as plans
from plans.asking import Given, Prepared, PreparedRows
from plans.catalog.policies import Lane as SoldLane

USUAL: Final = "standard"  # the lane of an order that may not choose one
DISPATCH_WITHIN: Final = timedelta(hours=24)
_USUAL_SHARE: Final[int] = SoldLane.model_fields["share"].default
_LAST_TURN: Final = """
    SELECT turn FROM billing_job
    WHERE wallet_id = %(wallet)s AND lane = %(lane)s AND status = 'queued'
      AND (%(models)s::text[] IS NULL OR model = ANY(%(models)s::text[]))
    ORDER BY turn DESC LIMIT 1
"""
# One look into the index a lane, however many jobs wait in each.
_WAITING_LANES: Final = """
    WITH RECURSIVE found AS (
        (SELECT lane, lane_priority FROM billing_job WHERE status = 'queued'
         ORDER BY lane, turn LIMIT 1)
        UNION ALL
        SELECT other.lane, other.lane_priority FROM found CROSS JOIN LATERAL (
            SELECT lane, lane_priority FROM billing_job
            WHERE status = 'queued' AND lane > found.lane ORDER BY lane, turn LIMIT 1
        ) AS other
    )
    SELECT lane, lane_priority FROM found
"""
# No turn is below 0.
_STARTED: Final = """
    INSERT INTO billing_laneclock AS clock (backend, lane, turn, number, starts)
    VALUES (%(backend)s, %(lane)s, %(turn)s, %(number)s, 1)
    ON CONFLICT (backend, lane) DO UPDATE
    SET turn = greatest(clock.turn, excluded.turn), number = excluded.number,
        starts = clock.starts + 1
"""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The turn of a new order, and how far it is behind the clock of its lane."""

    turn: int
    distance: int


def draw(
    *, wallet_id: str, lane: str, model: str, cost_ms: int, weight: int, is_sandbox: bool
) -> Ticket:
    """Return the turn of a new order, under its wallet's lock.

    What its account has waiting counts only where it could take the same slots: who waits for
    one backend is not behind for it at another.
    """
    require_transaction("jobs.draw")
    backends = registry.serving(model, is_sandbox=is_sandbox)
    models = rivals_of(model, is_sandbox=is_sandbox)
    # In this order: what is started in between has left the first answer and is in the second.
    last, clocks = asking.ask(
        (_LAST_TURN, {"wallet": wallet_id, "lane": lane, "models": models}),
        _clocks.question(lane=lane),
    )
    started = _latest(dict(clocks), backends)
    turn = fairness.turn(
        started=started, last=last[0][0] if last else 0, cost_ms=cost_ms, weight=weight
    )
    return Ticket(turn, turn - started)


def cost_of(*, model: str, seconds: int, outputs: int) -> int:
    """Return for how many milliseconds an order keeps a backend busy, about."""
    typical = selectors.typical_durations([model]).get(model)
    return fairness.cost_ms(typical=typical, seconds=seconds, outputs=outputs)


def rivals_of(model: str, *, is_sandbox: bool) -> list[str] | None:
    """Return the models whose jobs may take a slot that one of `model` could; None: all."""
    found: set[str] = set()
    for backend in registry.serving(model, is_sandbox=is_sandbox):
        made = registry.models_of(backend)
        if made is None:
            return None
        found.update(made)
    return sorted(found)


def questions_of(backend: str) -> tuple[asking.Question, ...]:
    """Return what `priorities_of_waiting` and `lanes_of` ask, for who asks ahead."""
    return (_WAITING_LANES, {}), _clocks_at.question(backend=backend)


def priorities_of_waiting() -> dict[str, int]:
    """Return the lanes in which jobs wait, each with the priority that its first one has."""
    [lanes] = asking.ask((_WAITING_LANES, {}))
    return dict(lanes)


def lanes_of(backend: str, priorities: Mapping[str, int], *, now: datetime) -> Lanes:
    """Return how the lanes stand at a backend.

    Args:
        priorities: of which lanes, and their priorities where the catalog has them no more.
    """
    clocks = {clock.lane: clock for clock in _clocks_at(backend=backend)}
    number = max((clock.number for clock in clocks.values()), default=0)
    catalog = plans.current().catalog
    lanes = [
        _lane(code, priority, catalog.lane(code), clocks.get(code), now=now)
        for code, priority in priorities.items()
    ]
    return Lanes(lanes, number=number)


def note_start(lane: Lane, *, backend: str, turn: int | None) -> None:
    """Write down that a job of the lane was started, under the backend's lock.

    Args:
        lane: as it stands with this start.
        turn: the job's; None: it went before its turn, and that moves no clock.
    """
    require_transaction("jobs.note_start")
    facts = {"backend": backend, "lane": lane.code, "turn": turn or 0, "number": lane.number}
    asking.tell((_STARTED, facts))


def promise_of(lane: SoldLane | None, *, since: datetime) -> timedelta:
    """Return within which time a lane's jobs are to be handed over."""
    if lane is None or lane.deliver_within is None:
        return DISPATCH_WITHIN
    return periods.add_period(since, lane.deliver_within) - since


def clock_of(lane: str, backends: Sequence[str]) -> int:
    """Return the highest turn of the lane that was started at one of these backends.

    A backend that has started none yet may have taken another's place, and its queue: then those
    of all count, for who orders now must not overtake what waits.
    """
    return _latest(dict(_clocks(lane=lane)), backends)


def _latest(clocks: Mapping[str, int], backends: Sequence[str]) -> int:
    if all(backend in clocks for backend in backends):
        return max(clocks[backend] for backend in backends)
    return max(clocks.values(), default=0)


_clocks = Prepared(
    lambda: LaneClock.objects.filter(lane=Given("lane")).values_list("backend", "turn")
)
_clocks_at = PreparedRows(lambda: LaneClock.objects.filter(backend=Given("backend")))


def _lane(
    code: str, priority: int, sold: SoldLane | None, clock: LaneClock | None, *, now: datetime
) -> Lane:
    return Lane(
        code=code,
        priority=priority if sold is None else sold.priority,
        share=_USUAL_SHARE if sold is None else sold.share,
        promise=promise_of(sold, since=now),
        number=0 if clock is None else clock.number,
        starts=0 if clock is None else clock.starts,
    )
