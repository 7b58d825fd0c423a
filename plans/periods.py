"""Calendar arithmetic in a zone: UTC instants of days, weeks, months and years. Pure."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
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
_MONTHS: Final = {"monthly": 1, "yearly": _MONTHS_PER_YEAR}
_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
REST: Final = timedelta(hours=20)  # the shortest window between the days of two zones
_BRIDGE_MAX: Final = REST + _DAY
MIDNIGHT: Final = "00:00"
_ERA: Final = datetime(2000, 1, 15, tzinfo=UTC)  # before whatever is counted by months
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)  # the end of a window that never ends


@dataclass(frozen=True)
class Window:
    """A stretch of time that has a name: a day, a week, a month or a year of somebody's calendar.

    Attributes:
        key: the local date ("2026-11-23"), month ("2026-11") or year ("2026") in which it starts;
            of a bridge between two zones the UTC instant at which it starts.
        starts_at: the first instant, UTC.
        ends_at: the first instant of the next window, UTC.
    """

    key: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Move:
    """The wish, at the instant `at`, that days and months be those of `zone`.

    It counts from the end of the window that holds `at`; of two in one window the last counts.
    """

    at: datetime
    zone: str


@dataclass(frozen=True)
class Zones:
    """Whose days and months count for somebody: the zone he began in, and his moves since."""

    first: str
    moves: tuple[Move, ...] = ()

    def day(self, at: datetime) -> Window:
        """Return the day that holds `at`."""
        return Rhythm("daily", self.first, at, moves=self.moves).window(at)

    def month(self, at: datetime) -> Window:
        """Return the calendar month that holds `at`."""
        return Rhythm("monthly", self.first, _ERA, anchor="calendar", moves=self.moves).window(at)

    def calendar(self, per: str, at: datetime) -> tuple[str, datetime | None]:
        """Return the key and the end of the "day" or "month" that holds `at`.

        Once and for all ("ever") is one window without an end.
        """
        if per == "ever":
            return per, None
        window = self.day(at) if per == "day" else self.month(at)
        return window.key, window.ends_at


@dataclass(frozen=True)
class _Stretch:
    """Windows of one zone, from `starts_at` on: first the bridges that lead to its days."""

    zone: str
    starts_at: datetime | None = None
    bridges: tuple[Window, ...] = ()


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
        zone: whose days and months count, until the first of `moves`.
        anchor_at: the instant at which it all began.
        anchor: whether weeks, months and years are drawn from that instant ("start"), from the
            beginning of its day ("day"), or from that of its calendar week, month or year
            ("calendar").
        begins: the hour at which a day, and the first day of a calendar month, begins.
        short_month: where the anchor's day does not exist: its last day ("clamp"), or the first
            of the month after ("jump").
        moves: changes of the zone, in their order. Days go over a bridge; weeks, months and
            years begin at their date on the new clocks; those drawn from an instant stay.
    """

    cadence: str
    zone: str
    anchor_at: datetime
    anchor: str = "start"
    begins: str = MIDNIGHT
    short_month: str = "clamp"
    moves: tuple[Move, ...] = ()

    def window(self, at: datetime) -> Window:
        """Return the window that holds the instant `at`."""
        if self.cadence == "daily":
            return _day_among(_stretches(self.zone, self.moves, self.begins), at, self.begins)
        if self.cadence == "once":
            return Window("once", self.anchor_at, FOREVER)
        return _numbered(self, _zones_of(self), at)[1]

    def before(self, window: Window) -> Window:
        """Return the window before `window`."""
        return self.window(window.starts_at - timedelta(microseconds=1))

    def zone_at(self, at: datetime) -> str:
        """Return the zone that was wished for at the instant `at`."""
        return next((one.zone for one in reversed(self.moves) if one.at <= at), self.zone)

    def wall(self, number: int) -> datetime:
        """Return what the clocks show at the boundary of that number from the first one on."""
        if self.cadence == "weekly":
            return _start_of(self) + number * _WEEK
        months = number * _MONTHS[self.cadence]
        return _plus_months(_start_of(self), months, jumps=self.short_month == "jump")

    def name(self, number: int) -> str:
        """Return the key of the window that begins at the boundary of that number."""
        # Two windows that jump may start in one month (1 and 31 March): those are named by the day.
        by_day = self.cadence == "weekly" or self.short_month == "jump"
        shown = "%Y" if self.cadence == "yearly" else "%Y-%m-%d" if by_day else "%Y-%m"
        return self.wall(number).strftime(shown)

    def about(self, at: datetime) -> int:
        """Return the number of the boundary before `at`, or of one next to it."""
        start, now = _start_of(self), _wall(ZoneInfo(self.zone), at)
        if self.cadence == "weekly":
            return (now - start) // _WEEK
        months = (now.year - start.year) * _MONTHS_PER_YEAR + now.month - start.month
        return months // _MONTHS[self.cadence]


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


def calendar_month(zone: str, at: datetime) -> Window:
    """Return the month of the calendar in `zone` that holds `at`."""
    first = at.astimezone(ZoneInfo(zone)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return monthly_window(zone, first, at)


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


def _day_among(stretches: tuple[_Stretch, ...], at: datetime, begins: str) -> Window:
    """Return the day, or the bridge between the days of two zones, that holds `at`."""
    for one in reversed(stretches):
        if one.starts_at is None or one.starts_at <= at:
            bridge = next((bridge for bridge in one.bridges if at < bridge.ends_at), None)
            return bridge or daily_window(one.zone, at, begins=begins)
    raise AssertionError("the first stretch has always been")


@lru_cache(maxsize=4096)
def _stretches(zone: str, moves: tuple[Move, ...], begins: str) -> tuple[_Stretch, ...]:
    """Return which zone's days count when; a move counts from the end of its window on."""
    found = [_Stretch(zone)]
    for move in moves:
        window = _day_among(tuple(found), move.at, begins)
        if found[-1].starts_at == window.ends_at:  # wished for otherwise before it came
            found.pop()
        if found[-1].zone != move.zone:
            found.append(_stretch(move.zone, window, begins))
    return tuple(found)


def _stretch(zone: str, former: Window, begins: str) -> _Stretch:
    """Return the days of `zone` after the window `former`, and the bridges that lead to them.

    A bridge ends with the first day of the zone that begins 20 hours after it or later. It is
    shorter than 44 hours: where the clocks go back just then, so that it would not be, it lasts
    24 and another follows. Of zones 24 hours apart the day may have the name of the one before;
    it is a bridge then, for a window's name is its own.
    """
    bridges: list[Window] = []
    last = former
    while True:
        at = last.ends_at
        day = daily_window(zone, at, begins=begins)
        if day.starts_at == at and (_is_bridge(last) or last.key < day.key):
            return _Stretch(zone, former.ends_at, tuple(bridges))
        day = daily_window(zone, at + REST, begins=begins)
        ends_at = day.starts_at if day.starts_at == at + REST else day.ends_at
        if ends_at - at >= _BRIDGE_MAX:
            ends_at = at + _DAY
        last = Window(f"{at:%Y%m%dT%H%M%SZ}", at, ends_at)
        bridges.append(last)


def _is_bridge(window: Window) -> bool:
    return "T" in window.key


@lru_cache(maxsize=4096)
def _zones_of(rhythm: Rhythm) -> tuple[tuple[int | None, str], ...]:
    """Return from which boundary on each zone's clocks tell when the boundaries are."""
    found: list[tuple[int | None, str]] = [(None, rhythm.zone_at(rhythm.anchor_at))]
    if rhythm.anchor == "start":
        return tuple(found)
    for move in rhythm.moves:
        if move.at <= rhythm.anchor_at:
            continue
        after = _numbered(rhythm, tuple(found), move.at)[0] + 2  # the window's own end stays
        if found[-1][0] == after:
            found.pop()
        if found[-1][1] != move.zone:
            found.append((after, move.zone))
    return tuple(found)


@lru_cache(maxsize=4096)
def _start_of(rhythm: Rhythm) -> datetime:
    """Return what the clocks show at the boundary from which all others are drawn."""
    home = rhythm.zone_at(rhythm.anchor_at)
    if rhythm.anchor == "start":
        return _wall(ZoneInfo(home), rhythm.anchor_at)
    day = date.fromisoformat(daily_window(home, rhythm.anchor_at, begins=rhythm.begins).key)
    if rhythm.anchor == "calendar":
        if rhythm.cadence == "weekly":
            day -= timedelta(days=day.weekday())
        else:
            day = day.replace(day=1, month=day.month if rhythm.cadence == "monthly" else 1)
    return datetime.combine(day, time.fromisoformat(rhythm.begins))


def _numbered(
    rhythm: Rhythm, zones: tuple[tuple[int | None, str], ...], at: datetime
) -> tuple[int, Window]:
    """Return the week, month or year that holds `at`, and its number."""

    def opening(number: int) -> datetime:
        zone = next(zone for since, zone in reversed(zones) if since is None or since <= number)
        return _instant(ZoneInfo(zone), rhythm.wall(number))

    number = rhythm.about(at)
    while at < opening(number):
        number -= 1
    while at >= opening(number + 1):
        number += 1
    return number, Window(rhythm.name(number), opening(number), opening(number + 1))


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
