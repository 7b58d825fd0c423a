"""Calendar arithmetic in a zone: UTC instants of days, weeks, months and years. Pure."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from plans.wording import gettext as _

_PERIOD: Final = re.compile(
    r"P(?:([0-9]{1,3})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?"
    r"(?:T(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,9})S)?)?"
)
_DAYS_MAX: Final = 100 * 366
_SECONDS_PER_DAY: Final = 86_400
_MONTHS_PER_YEAR: Final = 12
_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
MIDNIGHT: Final = "00:00"
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # the end of a window that never ends


@dataclass(frozen=True)
class Window:
    """A stretch of time that has a name: a day, a week, a month or a year of somebody's calendar.

    Attributes:
        key: the local date ("2026-11-23"), month ("2026-11") or year ("2026") in which it starts.
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


@dataclass(frozen=True)
class Rhythm:
    """By which calendar windows of time follow each other.

    Attributes:
        cadence: daily, weekly, monthly, yearly; or once: one window without an end.
        zone: whose days and months count.
        anchor_at: the instant at which it all began.
        anchor: whether weeks, months and years are drawn from that instant ("start"), from the
            beginning of its day ("day"), or from that of its calendar week, month or year
            ("calendar").
        begins: the hour at which a day, and the first day of a calendar month, begins.
        short_month: where the anchor's day does not exist: its last day ("clamp"), or the first
            of the month after ("jump").
    """

    cadence: str
    zone: str
    anchor_at: datetime
    anchor: str = "start"
    begins: str = MIDNIGHT
    short_month: str = "clamp"

    def window(self, at: datetime) -> Window:
        """Return the window that holds the instant `at`."""
        if self.cadence == "daily":
            return daily_window(self.zone, at, begins=self.begins)
        if self.cadence == "once":
            return Window("once", self.anchor_at, FOREVER)
        start = self._start()
        if self.cadence == "weekly":
            return _weekly(self.zone, start, at)
        months = {"monthly": 1, "yearly": _MONTHS_PER_YEAR}[self.cadence]
        return _monthly(self.zone, start, at, months=months, jumps=self.short_month == "jump")

    def before(self, window: Window) -> Window:
        """Return the window before `window`."""
        return self.window(window.starts_at - timedelta(microseconds=1))

    def _start(self) -> datetime:
        """Return what the clocks show at the boundary from which all others are drawn."""
        if self.anchor == "start":
            return _wall(ZoneInfo(self.zone), self.anchor_at)
        day = date.fromisoformat(daily_window(self.zone, self.anchor_at, begins=self.begins).key)
        if self.anchor == "calendar":
            if self.cadence == "weekly":
                day -= timedelta(days=day.weekday())
            else:
                day = day.replace(day=1, month=day.month if self.cadence == "monthly" else 1)
        return datetime.combine(day, time.fromisoformat(self.begins))


def daily_window(zone: str, at: datetime, *, begins: str = MIDNIGHT) -> Window:
    """Return the local day of `zone` that holds the instant `at`; a day begins at `begins`.

    A day starts at the first instant at which the clocks show that hour of its date: after the
    gap where it does not exist, at the first of two where it comes twice. Days follow each
    other without a gap or an overlap; a day that a zone leaves out altogether has no window.
    """
    assert at.tzinfo is not None, "an instant knows its zone"
    place, clock = ZoneInfo(zone), time.fromisoformat(begins)
    day = at.astimezone(place).date()
    starts_at = _instant(place, datetime.combine(day, clock))
    while at < starts_at:  # the hour has not come yet: it is still the day before
        day -= _DAY
        starts_at = _instant(place, datetime.combine(day, clock))
    ends_at = _instant(place, datetime.combine(day + _DAY, clock))
    while at >= ends_at:  # the clock went back over the hour: the new day has begun already
        day += _DAY
        starts_at, ends_at = ends_at, _instant(place, datetime.combine(day + _DAY, clock))
    return Window(day.isoformat(), starts_at, ends_at)


def monthly_window(zone: str, anchor: datetime, at: datetime) -> Window:
    """Return the month, counted from `anchor` on the wall clock of `zone`, that holds `at`.

    Each boundary is drawn from the anchor and clamped to the length of its month (31 January,
    28 February, 31 March), never from the boundary before it, so a short month shortens nothing
    later.
    """
    return Rhythm("monthly", zone, anchor).window(at)


def end_of_day(zone: str, at: datetime) -> datetime:
    """Return the instant at which the local day of `zone` that holds `at` is over (24:00)."""
    return daily_window(zone, at).ends_at


def showings(zone: str, wall: datetime) -> tuple[datetime, datetime]:
    """Return the first and the last UTC instant at which the clocks of `zone` show `wall`.

    They are one but where an hour comes twice. Where the clocks jump over it, the first is the
    instant after the jump.
    """
    place = ZoneInfo(zone)
    first = _instant(place, wall)
    return first, max(first, wall.replace(tzinfo=place, fold=1).astimezone(UTC))


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
        raise ValueError(_('must be an ISO 8601 period such as "P2Y", "P1M" or "P180D".'))
    years, months, weeks, days, hours, minutes, seconds = (int(n or 0) for n in found.groups())
    period = Period(
        months=years * _MONTHS_PER_YEAR + months,
        days=weeks * 7 + days,
        seconds=(hours * 60 + minutes) * 60 + seconds,
    )
    length = period.months * 31 + period.days + period.seconds // _SECONDS_PER_DAY
    if period == Period(0, 0, 0) or length > _DAYS_MAX:
        raise ValueError(_("must be longer than nothing and at most a hundred years."))
    return period


def _weekly(zone: str, start: datetime, at: datetime) -> Window:
    place = ZoneInfo(zone)
    weeks = (_wall(place, at) - start) // _WEEK
    while at < _instant(place, start + weeks * _WEEK):
        weeks -= 1
    while at >= _instant(place, start + (weeks + 1) * _WEEK):
        weeks += 1
    opened = start + weeks * _WEEK
    return Window(
        opened.date().isoformat(), _instant(place, opened), _instant(place, opened + _WEEK)
    )


def _monthly(zone: str, start: datetime, at: datetime, *, months: int, jumps: bool) -> Window:
    """Return the window of `months` months, drawn from what the clocks showed at `start`."""
    place, now = ZoneInfo(zone), at.astimezone(ZoneInfo(zone))

    def opening(number: int) -> datetime:
        return _plus_months(start, number * months, jumps=jumps)

    number = ((now.year - start.year) * _MONTHS_PER_YEAR + now.month - start.month) // months
    while at < _instant(place, opening(number)):
        number -= 1
    while at >= _instant(place, opening(number + 1)):
        number += 1
    opened = opening(number)
    # Two windows that jump may start in one month (1 and 31 March): those are named by the day.
    shown = "%Y" if months > 1 else "%Y-%m-%d" if jumps else "%Y-%m"
    return Window(
        opened.strftime(shown), _instant(place, opened), _instant(place, opening(number + 1))
    )


def _wall(place: ZoneInfo, at: datetime) -> datetime:
    """Return what the clocks of `place` show at the instant `at`."""
    assert at.tzinfo is not None, "an instant knows its zone"
    return at.astimezone(place).replace(tzinfo=None, fold=0)


def _plus_months(wall: datetime, months: int, *, jumps: bool = False) -> datetime:
    years, month = divmod(wall.year * _MONTHS_PER_YEAR + wall.month - 1 + months, _MONTHS_PER_YEAR)
    last = calendar.monthrange(years, month + 1)[1]
    if jumps and wall.day > last:
        return _plus_months(wall.replace(day=1), months + 1)
    return wall.replace(year=years, month=month + 1, day=min(wall.day, last))


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
