"""When the periods of a subscription begin, as Stripe reckons them: pure, in seconds since 1970.

The k-th period begins k intervals after the anchor, never an interval after the one before: an
anchor on the 31st meets the 28th of February and is back on the 31st of March
(docs.stripe.com/billing/subscriptions/billing-cycle). All of it is UTC.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

HOUR: Final = 3600
DAY: Final = 24 * HOUR
_FIXED: Final = {"day": DAY, "week": 7 * DAY}
_MONTHS: Final = {"month": 1, "year": 12}


@dataclass(frozen=True)
class Interval:
    """How often something recurs: every `count` days, weeks, months or years."""

    unit: str
    count: int

    @classmethod
    def of(cls, recurring: dict[str, Any]) -> Self:
        """Return the interval that a price's `recurring` names."""
        return cls(recurring["interval"], recurring.get("interval_count") or 1)

    @property
    def shortest_seconds(self) -> int:
        """Return the length of the shortest such period."""
        if self.unit in _FIXED:
            return _FIXED[self.unit] * self.count
        return 28 * DAY * self.count if self.unit == "month" else 365 * DAY * self.count


@dataclass(frozen=True)
class Period:
    """From `start` until, but not at, `end`."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        """Return how long it lasts."""
        return self.end - self.start

    def left(self, now: int) -> int:
        """Return how many of its seconds come at or after `now`."""
        return max(0, self.end - max(now, self.start))


def boundary(anchor: int, interval: Interval, k: int) -> int:
    """Return where the k-th period begins; `k` may be negative."""
    if interval.unit in _FIXED:
        return anchor + k * interval.count * _FIXED[interval.unit]
    return add_months(anchor, k * interval.count * _MONTHS[interval.unit])


def add_months(instant: int, months: int) -> int:
    """Return the same day and time so many months on, or the month's last day if it is shorter."""
    at = datetime.fromtimestamp(instant, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


def period_at(anchor: int, interval: Interval, now: int) -> Period:
    """Return the period that `now` lies in; one that begins at `now` counts."""
    k = (now - anchor) // interval.shortest_seconds if now >= anchor else 0
    # A guess that is never too low for `now` after the anchor; before it, walk down from zero.
    while boundary(anchor, interval, k) > now:
        k -= 1
    return Period(boundary(anchor, interval, k), boundary(anchor, interval, k + 1))
