"""In which stretch of time a member's ceiling counts; pure."""

from datetime import datetime
from typing import Final

from plans.periods import FOREVER, Rhythm, Window

_CADENCES: Final = {"day": "daily", "week": "weekly", "month": "monthly"}
_BEGINNING: Final = datetime.fromisoformat("2020-01-01T00:00:00+00:00")  # before any order


def window_of(per: str, *, zone: str, at: datetime) -> Window:
    """Return the window that holds `at`: a day, a week from Monday on, a month of `zone`, or ever.

    Args:
        per: "day", "week", "month" or "ever".
        zone: the organization's: its calendar counts, whoever orders from wherever.
    """
    if per == "ever":
        return Window("ever", _BEGINNING, FOREVER)
    rhythm = Rhythm(cadence=_CADENCES[per], zone=zone, anchor_at=at, anchor="calendar")
    return rhythm.window(at)
