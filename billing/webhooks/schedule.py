"""When a delivery is tried again: ten attempts over about three days. Pure."""

from datetime import timedelta
from typing import Final

# The pauses between attempts that Standard Webhooks recommends: 75.6 hours from first to last.
PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
ATTEMPTS_MAX: Final = len(PAUSES) + 1
# How far a pause may stray, either way: receivers that fell over together are not hit together.
_JITTER: Final = 0.1


def pause_after(attempts: int, *, roll: float) -> timedelta | None:
    """Return how long to wait after the `attempts`-th failure; None when it was the last try.

    Args:
        attempts: tries so far, one at least.
        roll: a random number from 0 to 1, which spreads the pause by a tenth either way.
    """
    assert attempts >= 1
    assert 0 <= roll <= 1
    if attempts >= ATTEMPTS_MAX:
        return None
    return PAUSES[attempts - 1] * (1 + _JITTER * (2 * roll - 1))
