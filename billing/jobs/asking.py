"""How a backend is asked about an attempt, and how often: its own terms, within bounds. Pure."""

from datetime import timedelta
from typing import Final

from billing.gpu.protocol import Caps

UNPOLLED: Final = timedelta(seconds=20)  # a backend that calls back is only looked after
AFTER_ABSENCE: Final = timedelta(seconds=5)
PAUSE_MAX: Final = timedelta(minutes=10)
# So often an end is asked for before the backend forgets it: one lost answer must not matter.
_LOOKS_IN_RETENTION: Final = 4


def is_hint(caps: Caps) -> bool:
    """Say whether a callback proves too little to move credits, and the backend can be asked."""
    return caps.poll and caps.callback in ("unsigned", "bearer")


def pause(caps: Caps) -> timedelta:
    """Return how long to wait between two questions about an attempt that is well.

    As long as the backend wants, at most ten minutes, and well inside of what it remembers.
    """
    if not caps.poll:
        return UNPOLLED
    longest = PAUSE_MAX
    if caps.retention_seconds:
        longest = min(longest, timedelta(seconds=caps.retention_seconds) / _LOOKS_IN_RETENTION)
    return min(longest, timedelta(seconds=caps.poll_seconds))


def pause_after_absence(caps: Caps) -> timedelta:
    """Return how long to wait before a backend that denies an attempt is asked again."""
    return max(AFTER_ABSENCE, pause(caps)) if caps.poll else AFTER_ABSENCE


def may_be_forgotten(caps: Caps, *, silence: timedelta) -> bool:
    """Say whether a denial proves nothing, for the backend forgets what has ended for so long.

    Args:
        silence: from its last sign of life to its first denial.
    """
    retention = caps.retention_seconds
    return bool(retention) and silence >= timedelta(seconds=retention or 0)
