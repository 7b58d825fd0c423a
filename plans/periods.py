"""Calendar arithmetic in a zone: days and months as UTC instants, their ends exclusive. Pure."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_PERIOD: Final = re.compile(
    r"P(?:([0-9]{1,3})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?"
    r"(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,9})S)?)?"
)
_DAYS_MAX: Final = 100 * 366
_SECONDS_PER_DAY: Final = 86_400
_MONTHS_PER_YEAR: Final = 12


@dataclass(frozen=True)
class Window:
    """A stretch of time that has a name: one day or one month of somebody's calendar.

    Attributes:
        key: the local date ("2026-11-23") or the local month in which it starts ("2026-11").
        starts_at: the first instant, UTC.
        ends_at: the first instant of the next window, UTC.
    """

    key: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Period:
    """An ISO 8601 duration: months and days of the calendar, then exact seconds."""

    months: int
    days: int
    seconds: int


@cache
def is_zone(name: str) -> bool:
    """Say whether `name` is a zone of the IANA database."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def daily_window(zone: str, at: datetime) -> Window:
    """Return the local day of `zone` that holds the instant `at`.

    A day starts at the first instant of its date: after the gap where midnight does not exist,
    at the first of two midnights where it comes twice. Days follow each other without a gap or
    an overlap; a day that a zone leaves out altogether has no window.
    """
    assert at.tzinfo is not None, "an instant knows its zone"
    place = ZoneInfo(zone)
    day = at.astimezone(place).date()
    ends_at = _first_instant(place, day + timedelta(days=1))
    if at >= ends_at:  # the clock went back over midnight: the new day has begun already
        day += timedelta(days=1)
        ends_at = _first_instant(place, day + timedelta(days=1))
    return Window(day.isoformat(), _first_instant(place, day), ends_at)


def monthly_window(zone: str, anchor: datetime, at: datetime) -> Window:
    """Return the month, counted from `anchor` on the wall clock of `zone`, that holds `at`.

    Each boundary is drawn from the anchor and clamped to the length of its month (31 January,
    28 February, 31 March), never from the boundary before it, so a short month shortens nothing
    later.
    """
    assert anchor.tzinfo is not None, "an instant knows its zone"
    assert at.tzinfo is not None, "an instant knows its zone"
    place = ZoneInfo(zone)
    start = anchor.astimezone(place).replace(tzinfo=None, fold=0)
    now = at.astimezone(place)
    months = (now.year - start.year) * _MONTHS_PER_YEAR + now.month - start.month
    while at < _boundary(place, start, months):
        months -= 1
    while at >= _boundary(place, start, months + 1):
        months += 1
    opened = _plus_months(start, months)
    return Window(
        f"{opened.year:04d}-{opened.month:02d}",
        _boundary(place, start, months),
        _boundary(place, start, months + 1),
    )


def add_period(at: datetime, iso: str, *, zone: str = "UTC") -> datetime:
    """Return the UTC instant one `iso` period ("P2Y", "P180D", "PT1H") after `at`.

    Years and months are added on the wall clock of `zone` and clamped to the month's length,
    then days on the wall clock, then hours and less as exact time.

    Raises:
        ValueError: `iso` is no period above zero and up to a hundred years.
    """
    assert at.tzinfo is not None, "an instant knows its zone"
    period = parse_period(iso)
    place = ZoneInfo(zone)
    wall = at.astimezone(place)
    moved = _plus_months(wall.replace(tzinfo=None), period.months) + timedelta(days=period.days)
    # A period of exact time keeps the instant, also inside an hour that comes twice.
    exact = moved == wall.replace(tzinfo=None)
    reached = at.astimezone(UTC) if exact else _instant(place, moved)
    return reached + timedelta(seconds=period.seconds)


def parse_period(iso: str) -> Period:
    """Return what an ISO 8601 duration of whole numbers says.

    Raises:
        ValueError: it says nothing, zero, or more than a hundred years.
    """
    found = _PERIOD.fullmatch(iso)
    if found is None or iso.endswith(("P", "T")):
        raise ValueError('must be an ISO 8601 period such as "P2Y", "P1M" or "P180D".')
    years, months, weeks, days, hours, minutes, seconds = (int(n or 0) for n in found.groups())
    period = Period(
        months=years * _MONTHS_PER_YEAR + months,
        days=weeks * 7 + days,
        seconds=(hours * 60 + minutes) * 60 + seconds,
    )
    length = period.months * 31 + period.days + period.seconds // _SECONDS_PER_DAY
    if period == Period(0, 0, 0) or length > _DAYS_MAX:
        raise ValueError("must be longer than nothing and at most a hundred years.")
    return period


def _boundary(place: ZoneInfo, start: datetime, months: int) -> datetime:
    return _instant(place, _plus_months(start, months))


def _plus_months(wall: datetime, months: int) -> datetime:
    years, month = divmod(wall.year * _MONTHS_PER_YEAR + wall.month - 1 + months, _MONTHS_PER_YEAR)
    day = min(wall.day, calendar.monthrange(years, month + 1)[1])
    return wall.replace(year=years, month=month + 1, day=day)


def _first_instant(place: ZoneInfo, day: date) -> datetime:
    return _instant(place, datetime(day.year, day.month, day.day))  # noqa: DTZ001 (a wall clock's reading; `_instant` gives it its zone)


def _instant(place: ZoneInfo, wall: datetime) -> datetime:
    """Return the first instant at which the clocks of `place` show `wall`, or jump over it."""
    first = wall.replace(tzinfo=place, fold=0).astimezone(UTC)
    if first.astimezone(place).replace(tzinfo=None, fold=0) == wall.replace(fold=0):
        return first
    # The clocks never show it: they jump between the two readings of it. Find the jump.
    before = wall.replace(tzinfo=place, fold=1).astimezone(UTC)
    offset = before.astimezone(place).utcoffset()
    low, high = 0, int((first - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(place).utcoffset() == offset:
            low = middle + 1
        else:
            high = middle
    return (before + timedelta(seconds=low)).replace(microsecond=0)
