"""The breaker before one model at one backend: when it opens, and what closes it. Pure.

Two kinds of failure are counted apart, each in a row: orders that did not get through, and orders
that were taken and came to nothing. The first are cured by any sane answer, the second by a video
alone. The breaker is closed while both counts are low.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

OPENS_AFTER: Final = 5
PAUSE_MIN: Final = timedelta(seconds=30)
PAUSE_MAX: Final = timedelta(minutes=10)


class BreakerState(StrEnum):
    """Whether orders go through."""

    CLOSED = "closed"  # they do
    OPEN = "open"  # they do not, before `retry_at`
    HALF_OPEN = "half_open"  # one attempt does, to see


class Sign(StrEnum):
    """What an attempt shows of its backend."""

    UNHEARD = "unheard"  # not sent, or no usable answer
    REFUSED_US = "refused_us"  # our key, balance or address: nothing else would get through
    HEARD = "heard"  # taken
    TURNED_AWAY = "turned_away"  # a sane answer that ends the attempt: full, or on its merits
    UNMADE = "unmade"  # taken, and lost, broken or empty
    MADE = "made"  # a video
    NOTHING = "nothing"  # an end that says nothing: canceled, moderated, out of time


_FAILURES: Final = (Sign.UNHEARD, Sign.REFUSED_US, Sign.UNMADE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Where a breaker stands.

    Attributes:
        unheard, unmade: how many failures of each kind came in a row; at most OPENS_AFTER.
        openings: how often in a row it has opened; the pause doubles each time.
        retry_at: when an open one lets an attempt through; None while it is closed.
        probe_id: the attempt that is let through to see; "" unless half-open.
    """

    state: BreakerState = BreakerState.CLOSED
    unheard: int = 0
    unmade: int = 0
    openings: int = 0
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probe_id: str = ""

    def admits(self, *, now: datetime) -> bool:
        """Say whether an attempt may be made now; of an open one it would be the probe."""
        if self.state == BreakerState.OPEN:
            return self.retry_at is not None and self.retry_at <= now
        return self.state == BreakerState.CLOSED


def probed(circuit: Circuit, *, attempt_id: str) -> Circuit:
    """Return the breaker that has let `attempt_id` through; a closed one lets all through."""
    if circuit.state == BreakerState.CLOSED:
        return circuit
    assert circuit.state == BreakerState.OPEN, "exactly one attempt is let through"
    return replace(circuit, state=BreakerState.HALF_OPEN, probe_id=attempt_id)


def told(circuit: Circuit, sign: Sign, *, attempt_id: str, now: datetime) -> Circuit:
    """Return the breaker after what `attempt_id` has shown.

    While it is not closed only the probe's word counts: what was sent before it opened says how
    things were.
    """
    if circuit.state != BreakerState.CLOSED and circuit.probe_id != attempt_id:
        return circuit
    counted = _counted(circuit, sign)
    if not _is_broken(counted):
        return Circuit(unheard=counted.unheard, unmade=counted.unmade)
    if sign in _FAILURES:
        return _opened(counted, now)
    if circuit.state == BreakerState.CLOSED or sign == Sign.HEARD:
        return counted  # a probe that was taken goes on
    # The probe has ended and shown nothing: another may go at once.
    return replace(counted, state=BreakerState.OPEN, retry_at=now, probe_id="")


def pause(openings: int) -> timedelta:
    """Return how long a breaker waits that has opened so often in a row, from 1 on."""
    return min(PAUSE_MAX, PAUSE_MIN * (1 << min(openings - 1, 16)))


def _counted(circuit: Circuit, sign: Sign) -> Circuit:
    match sign:
        case Sign.UNHEARD:
            return replace(circuit, unheard=min(OPENS_AFTER, circuit.unheard + 1))
        case Sign.REFUSED_US:
            return replace(circuit, unheard=OPENS_AFTER)
        case Sign.UNMADE:
            return replace(circuit, unmade=min(OPENS_AFTER, circuit.unmade + 1))
        case Sign.HEARD | Sign.TURNED_AWAY:
            return replace(circuit, unheard=0)
        case Sign.MADE:
            return replace(circuit, unheard=0, unmade=0)
        case Sign.NOTHING:
            return circuit


def _is_broken(circuit: Circuit) -> bool:
    return max(circuit.unheard, circuit.unmade) >= OPENS_AFTER


def _opened(circuit: Circuit, now: datetime) -> Circuit:
    openings = circuit.openings + 1
    return replace(
        circuit,
        state=BreakerState.OPEN,
        openings=openings,
        opened_at=circuit.opened_at or now,
        retry_at=now + pause(openings),
        probe_id="",
    )
