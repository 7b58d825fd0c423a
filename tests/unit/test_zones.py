"""Every zone of the IANA database, every change of its clocks from 2020 to 2037; and moving."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise, product
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.periods import REST, Move, Rhythm, Window

FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
TICK, HOUR, DAY = timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)
LONGEST = timedelta(hours=44)
ZONES = sorted(available_timezones())
IS_NIGHT = settings.default is not None and settings.default.max_examples >= 10_000
EXTREME = (
    *("Pacific/Kiritimati", "Pacific/Apia", "Pacific/Chatham", "Pacific/Auckland"),
    *("Asia/Shanghai", "Asia/Kathmandu", "UTC", "America/St_Johns", "America/Havana"),
    *("Pacific/Marquesas", "Pacific/Honolulu", "Pacific/Pago_Pago", "Etc/GMT+12"),
)
Change = tuple[datetime, timedelta, timedelta]


def offset(place: ZoneInfo, at: datetime) -> timedelta:
    found = at.astimezone(place).utcoffset()
    assert found is not None
    return found


def changes(zone: str) -> Iterator[Change]:
    """Yield when the zone's offset changes from 2020 to 2037, with the offsets around it."""
    place, at = ZoneInfo(zone), FIRST
    before = offset(place, at)
    while at < LAST:
        after_at = at + timedelta(days=7)
        after = offset(place, after_at)
        if after != before:
            low, high = 0, 7 * 86_400
            while low < high:
                middle = (low + high) // 2
                if offset(place, at + timedelta(seconds=middle)) == before:
                    low = middle + 1
                else:
                    high = middle
            yield at + timedelta(seconds=low), before, after
        at, before = after_at, after


@cache
def different_changes() -> dict[str, list[Change]]:
    """Return all changes by zone; of zones that agree in all of them only the first is asked."""
    found: dict[tuple[object, ...], str] = {}
    known = {}
    for zone in ZONES:
        own = list(changes(zone))
        key = (offset(ZoneInfo(zone), FIRST), *own)
        if found.setdefault(key, zone) == zone:
            known[zone] = own
    return known


def sample() -> list[tuple[str, Change]]:
    """Return a zone and a change for each kind of change there is; at night all of them.

    What days do around a change depends on the offsets and on what the clocks show.
    """
    kinds: dict[tuple[object, ...], tuple[str, Change]] = {}
    for zone, own in different_changes().items():
        for at, before, after in own:
            shown = (at + before).time()
            key = (zone, at) if IS_NIGHT else (shown, before, after)
            kinds.setdefault(key, (zone, (at, before, after)))
    return list(kinds.values())


def walk(rhythm: Rhythm, since: datetime, until: datetime) -> list[Window]:
    """Return the windows from `since` to `until`, each of which holds its instants and no other."""
    windows = [rhythm.window(since)]
    while windows[-1].ends_at <= until:
        windows.append(rhythm.window(windows[-1].ends_at))
    for window in windows:
        assert window.starts_at < window.ends_at
        assert rhythm.window(window.starts_at) == window
        assert rhythm.window(window.ends_at - TICK) == window
        middle = window.starts_at + (window.ends_at - window.starts_at) / 2
        assert rhythm.window(middle) == window
    for former, latter in pairwise(windows):
        assert latter.starts_at == former.ends_at
        assert rhythm.before(latter) == former
    assert len({window.key for window in windows}) == len(windows)
    return windows


def test_the_database_of_zones_has_what_is_asked_of_it() -> None:
    known = different_changes()

    assert len(ZONES) > 500
    assert len(known) > 60
    assert sum(map(len, known.values())) > 1000


def test_days_are_whole_in_every_zone_through_every_change_of_its_clocks() -> None:
    for zone, (at, _before, _after) in sample():
        for begins in ("00:00", "02:30", "23:00"):
            rhythm = Rhythm("daily", zone, at, begins=begins)
            days = walk(rhythm, at - 2 * DAY, at + 2 * DAY)
            for day in days:
                assert REST <= day.ends_at - day.starts_at <= timedelta(hours=28)
                assert rhythm.window(at).starts_at <= at < rhythm.window(at).ends_at
            dates = [date.fromisoformat(day.key) for day in days]
            assert all(latter - former == DAY for former, latter in pairwise(dates)), (zone, at)


@pytest.mark.parametrize("cadence", ["weekly", "monthly", "yearly"])
def test_weeks_months_and_years_are_whole_in_every_zone_for_eighteen_years(cadence: str) -> None:
    zones = sorted(different_changes())
    for number, zone in enumerate(zones if IS_NIGHT else zones[::5]):
        anchor = ("start", "day", "calendar")[number % 3]
        begun = FIRST + timedelta(days=number % 366, minutes=37 * number)
        rhythm = Rhythm(
            cadence, zone, begun, anchor=anchor, begins="00:00" if number % 2 else "02:30",
            short_month="jump" if number % 5 == 0 else "clamp",
        )  # fmt: skip
        until = LAST if IS_NIGHT or cadence != "weekly" else FIRST + 4 * 366 * DAY
        windows = walk(rhythm, FIRST, until)
        keys = [window.key for window in windows]
        assert keys == sorted(keys)


def test_a_date_that_the_clocks_left_out_is_passed_over() -> None:
    """Kwajalein went from 20 to 22 August 1993, Samoa from 29 to 31 December 2011."""
    for zone, at in (
        ("Pacific/Kwajalein", datetime(1993, 8, 20, 12, tzinfo=UTC)),
        ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ):
        days = walk(Rhythm("daily", zone, at), at - 2 * DAY, at + 2 * DAY)
        dates = [date.fromisoformat(day.key) for day in days]
        assert sorted({latter - former for former, latter in pairwise(dates)}) == [DAY, 2 * DAY]


# -- moving from zone to zone -------------------------------------------------------------------


def moving(zone: str, *moves: tuple[datetime, str], **terms: str) -> Rhythm:
    cadence = terms.pop("cadence", "daily")
    return Rhythm(cadence, zone, NOON, moves=tuple(Move(*move) for move in moves), **terms)


NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
instants = st.integers(0, 30 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes))


def check_days(rhythm: Rhythm, since: datetime, until: datetime) -> list[Window]:
    days = walk(rhythm, since, until)
    assert all(REST <= day.ends_at - day.starts_at < LONGEST for day in days)
    return days


@given(
    st.sampled_from(ZONES),
    st.lists(st.tuples(instants, st.sampled_from(ZONES) | st.sampled_from(EXTREME)), max_size=9),
    st.sampled_from(["00:00", "06:30", "22:00"]),
)
def test_whoever_moves_is_always_in_one_day_of_20_to_44_hours(
    zone: str, moves: list[tuple[datetime, str]], begins: str
) -> None:
    rhythm = moving(zone, *sorted(moves), begins=begins)

    days = check_days(rhythm, NOON - 3 * DAY, NOON + 33 * DAY)

    # Nothing that was told of before a move is otherwise after it.
    for number, move in enumerate(sorted(moves)):
        told = moving(zone, *sorted(moves)[:number], begins=begins)
        assert told.window(move[0]) == rhythm.window(move[0])
    # Whoever moves every few hours has no more days than 20 hours allow.
    assert len(days) <= (days[-1].ends_at - days[0].starts_at) / REST


@pytest.mark.parametrize("begins", ["00:00", "20:00"])
def test_all_pairs_of_extreme_zones_there_and_back_over_the_date_line(begins: str) -> None:
    for (number, here), there in product(enumerate(EXTREME), EXTREME):
        at = NOON + timedelta(hours=7 * number, minutes=number)
        back = (at + timedelta(hours=30 + 11 * number), here)
        check_days(moving(here, (at, there), back, begins=begins), at - 2 * DAY, at + 25 * DAY)


def test_from_the_first_of_all_zones_to_the_last_but_one_a_day_is_25_hours_longer() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)  # 2 o'clock on the 24th on Kiritimati
    rhythm = moving("Pacific/Kiritimati", (at, "Pacific/Pago_Pago"))

    days = walk(rhythm, at, at + 3 * DAY)

    assert [day.key for day in days[:3]] == ["2026-11-24", "20261124T100000Z", "2026-11-25"]
    assert days[1].ends_at - days[1].starts_at == 25 * HOUR


def test_a_bridge_of_44_hours_or_more_is_two() -> None:
    """Midnight in St. John's is 20 hours before half past Berlin's, whose next day has 25."""
    at = datetime(2026, 10, 23, 12, tzinfo=UTC)

    days = check_days(moving("America/St_Johns", (at, "Europe/Berlin")), at, at + 4 * DAY)

    assert [day.key for day in days[:4]] == [
        *("2026-10-23", "20261024T023000Z", "20261025T023000Z", "2026-10-26")
    ]
    assert [(day.ends_at - day.starts_at) / HOUR for day in days[1:3]] == [24, 20.5]


def test_zones_with_the_same_midnight_need_no_bridge_unless_a_name_would_come_twice() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    near = walk(moving("Asia/Shanghai", (at, "Asia/Singapore")), at, at + 2 * DAY)
    # Honolulu's midnight is Kiritimati's, a day earlier by name.
    far = walk(moving("Pacific/Kiritimati", (at, "Pacific/Honolulu")), at, at + 2 * DAY)

    assert [day.key for day in near] == ["2026-11-23", "2026-11-24", "2026-11-25"]
    assert [day.key for day in far] == ["2026-11-24", "20261124T100000Z", "2026-11-25"]


def test_of_two_moves_in_one_window_the_last_counts() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    twice = moving("UTC", (at, "Asia/Tokyo"), (at + HOUR, "America/Lima"))
    once = moving("UTC", (at, "America/Lima"))
    regretted = moving("UTC", (at, "Asia/Tokyo"), (at + HOUR, "UTC"))

    for hours in range(-48, 96):
        instant = at + hours * HOUR
        assert twice.window(instant) == once.window(instant)
        assert regretted.window(instant) == moving("UTC").window(instant)


@given(
    st.sampled_from(ZONES),
    st.lists(st.tuples(instants, st.sampled_from(EXTREME)), max_size=5),
    st.sampled_from(["weekly", "monthly", "yearly"]),
    st.sampled_from(["day", "calendar"]),
)
def test_weeks_and_months_keep_their_dates_on_the_new_clocks(
    zone: str, moves: list[tuple[datetime, str]], cadence: str, anchor: str
) -> None:
    moved = moving(zone, *sorted(moves), cadence=cadence, anchor=anchor)
    stayed = moving(zone, cadence=cadence, anchor=anchor)

    windows = walk(moved, NOON - 40 * DAY, NOON + 100 * DAY)

    for window in windows:
        unmoved = stayed.window(window.starts_at + (window.ends_at - window.starts_at) / 2)
        assert window.key == unmoved.key
        assert abs(window.starts_at - unmoved.starts_at) <= 27 * HOUR


def test_a_month_that_is_drawn_from_an_instant_keeps_it() -> None:
    rhythm = moving("Asia/Shanghai", (NOON + HOUR, "America/New_York"), cadence="monthly")

    assert rhythm.window(NOON + 70 * DAY) == moving("Asia/Shanghai", cadence="monthly").window(
        NOON + 70 * DAY
    )
