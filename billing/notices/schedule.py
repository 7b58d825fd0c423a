"""When a letter is sent again that the mail server did not take: eight times in two days. Pure."""

from datetime import timedelta
from typing import Final

_PAUSES: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
ATTEMPTS_MAX: Final = len(_PAUSES) + 1


def pause_after(attempts: int) -> timedelta | None:
    """Return how long to wait after the `attempts`-th failure; None when it was the last try."""
    assert attempts >= 1
    return _PAUSES[attempts - 1] if attempts < ATTEMPTS_MAX else None
