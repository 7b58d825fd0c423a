"""The only writer of what is known of backends: who may have work, what attempts have shown.

Its rows are locked after all others of a transaction, a breaker before its backend.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Q

from billing.fleet import breaking, selectors, slots
from billing.fleet.breaking import BreakerState, Circuit, Sign
from billing.fleet.errors import NoSuchBreaker, ReasonMissing
from billing.fleet.models import REASON_LENGTH_MAX, BackendState, Breaker
from billing.gpu import calls, registry
from billing.gpu.protocol import Health
from billing.transactions import forbid_transaction, require_transaction
from plans import asking
from plans.asking import Given, PreparedRows

Mode = BackendState.Mode
FULL_FOR: Final = timedelta(seconds=5)  # of a backend that is full the first pause at least
FULL_FOR_MAX: Final = timedelta(minutes=2)  # where it names no longer time itself
_FULLS_MAX: Final = 10
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext(%(slots)s))"
_FAILURES: Final = (Sign.UNHEARD, Sign.REFUSED_US, Sign.UNMADE)

_log = structlog.get_logger(__name__)


class Obstacle(StrEnum):
    """Why a backend gets no attempt now."""

    MAINTENANCE = "maintenance"  # operators keep it from work
    BACKEND_DOWN = "backend_down"  # its breaker is open
    AT_CAPACITY = "at_capacity"  # its slots are taken, or it has said that it is full


def admit(
    backend: str, *, model: str, attempt_id: str, in_flight: Callable[[str], int], now: datetime
) -> Obstacle | None:
    """Let an attempt at the backend be made, or say what stands in its way.

    The advisory lock makes two claims at once count one after the other; it ends with the
    transaction, so the second sees what the first committed.

    Args:
        attempt_id: whose row the same transaction makes; behind an open breaker it is the probe.
        in_flight: counts the live attempts of a backend.

    Raises:
        UnknownBackend: it is not configured.
    """
    require_transaction("fleet.admit")
    # Where nothing stands in the way, it is asked again under the lock. Most that meet an obstacle
    # meet it here: a rollback makes the session forget what it has planned.
    obstacle = obstacle_of(backend, model=model, in_flight=in_flight, now=now)
    if obstacle is not None:
        return obstacle
    with transaction.atomic():
        asking.ask((_LOCK, {"slots": f"slots:{backend}"}))
        obstacle = obstacle_of(backend, model=model, in_flight=in_flight, now=now)
        if obstacle is None:
            _let_through(backend, model, attempt_id)
        else:
            # Gives the lock back: two jobs that try two backends in opposite order never meet.
            transaction.set_rollback(True)
    return obstacle


def obstacle_of(
    backend: str, *, model: str, in_flight: Callable[[str], int], now: datetime
) -> Obstacle | None:
    """Return why the backend would get no attempt for `model` now; None: it would. Changes nothing.

    Raises:
        UnknownBackend: it is not configured.
    """
    state = selectors.state_of(backend)
    if state.mode != Mode.OPEN:
        return Obstacle.MAINTENANCE
    breaker = selectors.breaker_of(backend, model)
    if breaker is not None and not selectors.circuit_of(breaker).admits(now=now):
        return Obstacle.BACKEND_DOWN
    is_full = state.full_until is not None and state.full_until > now
    if is_full or in_flight(backend) >= selectors.slots_of(state):
        return Obstacle.AT_CAPACITY
    return None


def note(
    backend: str, *, model: str, attempt_id: str, sign: Sign, reason: str = "", now: datetime
) -> None:
    """Remember what an attempt has shown of its backend, in the commit that makes it true.

    Args:
        reason: the backend's words of a failure; holds no prompt.
    """
    require_transaction("fleet.note")
    if sign in _FAILURES:
        Breaker.objects.get_or_create(backend=backend, model=model)
    told = _any if sign in _FAILURES else _failed  # most have nothing to forget
    for breaker in told(backend=backend, model=model):
        before = selectors.circuit_of(breaker)
        after = breaking.told(before, sign, attempt_id=attempt_id, now=now)
        _write(breaker, after, reason=reason if sign in _FAILURES else breaker.reason)
        if after.state != before.state:
            _log.warning("breaker_moved", backend=backend, model=model, state=after.state.value)
    if sign == Sign.HEARD:
        _breathe(_full(backend=backend))
    elif sign == Sign.MADE:
        _breathe(_strained(backend=backend), is_good_end=True)


_any = PreparedRows(
    lambda: Breaker.objects.select_for_update().filter(
        backend=Given("backend"), model=Given("model")
    )
)
_failed = PreparedRows(
    lambda: (
        Breaker.objects.select_for_update()
        .filter(backend=Given("backend"), model=Given("model"))
        .filter(Q(unheard__gt=0) | Q(unmade__gt=0))
    )
)


def note_full(
    backend: str, *, in_flight: int, retry_after: timedelta = timedelta(0), now: datetime
) -> None:
    """Remember that the backend took no more: as many slots as it has work, and a pause.

    The pause doubles while it takes nothing, for each order in vain leaves an attempt behind.
    Orders that were on their way together count once.

    Args:
        in_flight: how many live attempts it has without the one that it did not take.
        retry_after: how long it asked us to wait; 0: it named no time.

    Raises:
        UnknownBackend: it is not configured.
    """
    require_transaction("fleet.note_full")
    BackendState.objects.get_or_create(name=backend)
    state = BackendState.objects.select_for_update().get(pk=backend)
    width = slots.refused(
        selectors.width_of(state), in_flight=in_flight, ceiling=selectors.ceiling_of(backend)
    )
    state.slots, state.good_ends = width.learnt, width.good_ends
    if state.full_until is None or state.full_until <= now:
        state.fulls = min(_FULLS_MAX, state.fulls + 1)
    pause = min(FULL_FOR_MAX, FULL_FOR * (1 << max(0, state.fulls - 1)))
    state.full_until = max(now + max(retry_after, pause), state.full_until or now)
    state.save(update_fields=["slots", "good_ends", "full_until", "fulls"])


@transaction.atomic(durable=True)
def set_mode(
    *, backend: str, mode: BackendState.Mode, reason: str, operator: str, now: datetime
) -> BackendState:
    """Keep the backend from new work, or let it have some again. What it has goes on.

    Opened, it starts anew: that it was full, and how narrow it was found, is forgotten.

    Raises:
        UnknownBackend: it is not configured. ReasonMissing: it is kept from work, and no word why.
    """
    registry.concurrency(backend)
    if mode != Mode.OPEN and not reason.strip():
        raise ReasonMissing
    BackendState.objects.get_or_create(name=backend)
    state = BackendState.objects.select_for_update().get(pk=backend)
    state.mode, state.since, state.set_by = mode, now, operator
    state.reason = reason.strip()[:REASON_LENGTH_MAX]
    if mode == Mode.OPEN:
        state.full_until, state.fulls, state.slots, state.good_ends = None, 0, None, 0
    state.save(
        update_fields=[
            *("mode", "since", "set_by", "reason"),
            *("full_until", "fulls", "slots", "good_ends"),
        ]
    )
    _log.warning("backend_mode_set", backend=backend, mode=mode.value, by=operator, reason=reason)
    return state


@transaction.atomic(durable=True)
def reset_breaker(*, backend: str, model: str, operator: str) -> Breaker:
    """Close a breaker by an operator's word; it forgets what was counted.

    Raises:
        NoSuchBreaker: there is none.
    """
    breaker = Breaker.objects.select_for_update().filter(backend=backend, model=model).first()
    if breaker is None:
        raise NoSuchBreaker(backend=backend, model=model)
    _write(breaker, Circuit(), reason=breaker.reason)
    _log.warning("breaker_reset", backend=backend, model=model, by=operator)
    return breaker


def health_of(backend: str) -> Health:
    """Ask the backend how it is.

    Raises:
        UnknownBackend: it is not configured.
    """
    forbid_transaction("fleet.health_of")
    with calls.counted(backend, "health"):
        return registry.backend_for(backend).health()


def _let_through(backend: str, model: str, attempt_id: str) -> None:
    """Make the attempt the probe where the breaker is open; `admit` has asked whether it may."""
    for breaker in _open(backend=backend, model=model):
        circuit = breaking.probed(selectors.circuit_of(breaker), attempt_id=attempt_id)
        _write(breaker, circuit, reason=breaker.reason)


_open = PreparedRows(
    lambda: Breaker.objects.select_for_update().filter(
        backend=Given("backend"), model=Given("model"), state=BreakerState.OPEN
    )
)


def _breathe(states: Sequence[BackendState], *, is_good_end: bool = False) -> None:
    """Forget that a backend was full; count a good end where it was found to be narrower."""
    for state in states:
        state.fulls = 0
        if is_good_end and state.slots is not None and state.name in registry.configured():
            width = slots.made(selectors.width_of(state), ceiling=selectors.ceiling_of(state.name))
            state.slots, state.good_ends = width.learnt, width.good_ends
        asking.change(state, "fulls", "slots", "good_ends")


# Most backends are neither: then nothing is locked.
_full = PreparedRows(
    lambda: BackendState.objects.select_for_update().filter(pk=Given("backend"), fulls__gt=0)
)
_strained = PreparedRows(
    lambda: (
        BackendState.objects.select_for_update()
        .filter(pk=Given("backend"))
        .filter(Q(fulls__gt=0) | Q(slots__isnull=False))
    )
)


def _write(breaker: Breaker, circuit: Circuit, *, reason: str) -> None:
    breaker.state = circuit.state.value
    breaker.unheard, breaker.unmade = circuit.unheard, circuit.unmade
    breaker.openings, breaker.probe_id = circuit.openings, circuit.probe_id
    breaker.opened_at, breaker.retry_at = circuit.opened_at, circuit.retry_at
    breaker.reason = reason[:REASON_LENGTH_MAX]
    told = ("state", "unheard", "unmade", "openings", "opened_at", "retry_at", "probe_id")
    asking.change(breaker, *told, "reason")
