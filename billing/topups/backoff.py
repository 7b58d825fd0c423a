"""How long a card is left alone after it was declined. Pure."""

from datetime import timedelta
from typing import Final

PAUSES: Final = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))


def pause_after(failures: int) -> timedelta | None:
    """Return how long to wait after the `failures`-th decline in a row; None: it was the last."""
    assert failures >= 1
    return PAUSES[failures - 1] if failures <= len(PAUSES) else None
