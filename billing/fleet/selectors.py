"""What there is to know of backends at run time. Nothing is written, nobody is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.fleet.breaking import BreakerState, Circuit
from billing.fleet.models import BackendState, Breaker
from billing.fleet.slots import Slots
from billing.gpu import registry
from plans import asking
from plans.asking import Given, PreparedRows

_COLUMNS: Final = (
    *("state", "unheard", "unmade", "openings"),
    *("opened_at", "retry_at", "probe_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What operators see of one backend that is configured."""

    name: str
    mode: str
    reason: str
    slots: int
    slots_configured: int
    breakers: Sequence[Breaker]


def state_of(backend: str) -> BackendState:
    """Return what is known of the backend; of one that nothing has happened to, that."""
    return next(iter(_state(backend=backend)), None) or BackendState(name=backend)


_state = PreparedRows(lambda: BackendState.objects.filter(pk=Given("backend")))


def questions_of(backend: str) -> tuple[asking.Question, ...]:
    """Return what is asked of one backend here, for who asks ahead."""
    return _state.question(backend=backend), _breakers.question(backend=backend)


def is_in_maintenance(backend: str) -> bool:
    """Say whether operators work on the backend, so that what it denies proves nothing."""
    return state_of(backend).mode == BackendState.Mode.MAINTENANCE


def asks_for_peace(backend: str, *, now: datetime) -> bool:
    """Say whether the backend has said that it is full, and the pause is not over."""
    full_until = state_of(backend).full_until
    return full_until is not None and full_until > now


def slots_of(state: BackendState) -> int:
    """Return how many attempts the backend may have at once; none while it is kept from work.

    That it has asked for a pause is another matter: it ends by itself.

    Raises:
        UnknownBackend: it is not configured.
    """
    ceiling = ceiling_of(state.name)
    return width_of(state).open(ceiling) if state.mode == BackendState.Mode.OPEN else 0


def ceiling_of(backend: str) -> int:
    """Return how many attempts the backend may have at most: as configured, as its vendor allows.

    Raises:
        UnknownBackend: it is not configured.
    """
    allowed = registry.backend_for(backend).caps.in_flight_max
    configured = registry.concurrency(backend)
    return configured if allowed is None else min(configured, allowed)


def width_of(state: BackendState) -> Slots:
    """Return what was learnt of the backend's width."""
    return Slots(learnt=state.slots, good_ends=state.good_ends)


def circuit_of(breaker: Breaker) -> Circuit:
    """Return where the breaker stands."""
    facts = {name: getattr(breaker, name) for name in _COLUMNS}
    return Circuit(**facts | {"state": BreakerState(breaker.state)})


def shut_models(backend: str, *, now: datetime) -> list[str]:
    """Return the models whose breaker at the backend lets nothing through now."""
    broken = [row for row in _breakers(backend=backend) if row.state != BreakerState.CLOSED]
    return [row.model for row in broken if not circuit_of(row).admits(now=now)]


def breaker_of(backend: str, model: str) -> Breaker | None:
    """Return the breaker of a model at the backend; None: it never failed there."""
    return next((row for row in _breakers(backend=backend) if row.model == model), None)


_breakers = PreparedRows(lambda: Breaker.objects.filter(backend=Given("backend")))


def probed_models(backend: str, *, now: datetime) -> set[str]:
    """Return the models of which the backend gets one order now, to see whether it is well."""
    broken = Breaker.objects.filter(backend=backend, state=BreakerState.OPEN)
    return {row.model for row in broken if circuit_of(row).admits(now=now)}


def standings() -> list[Standing]:
    """Return every configured backend, in the order of the setting."""
    states: Mapping[str, BackendState] = BackendState.objects.in_bulk()
    broken = list(Breaker.objects.exclude(state=BreakerState.CLOSED).order_by("model"))
    return [
        Standing(
            name=name,
            mode=(state := states.get(name) or BackendState(name=name)).mode,
            reason=state.reason,
            slots=slots_of(state),
            slots_configured=ceiling_of(name),
            breakers=[row for row in broken if row.backend == name],
        )
        for name in registry.configured()
    ]
