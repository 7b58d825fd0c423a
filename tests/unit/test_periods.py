from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.periods import (
    Rhythm,
    Window,
    add_period,
    daily_window,
    end_of_day,
    monthly_window,
    parse_period,
)

ZONES = sorted(available_timezones())
FIRST, LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2037, 12, 31, tzinfo=UTC)
instants = st.datetimes(
    FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC)
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def transitions(zone: str) -> list[datetime]:
    """Return the days from 2020 to 2037 in which the zone's offset changes."""
    place, found, at = ZoneInfo(zone), [], FIRST
    before = at.astimezone(place).utcoffset()
    while at < LAST:
        at += timedelta(days=1)
        now = at.astimezone(place).utcoffset()
        if now != before:
            found.append(at)
        before = now
    return found


def check_day(zone: str, at: datetime) -> Window:
    day = daily_window(zone, at)
    place = ZoneInfo(zone)
    assert day.starts_at <= at < day.ends_at
    assert daily_window(zone, day.starts_at) == day
    assert daily_window(zone, day.ends_at - timedelta(microseconds=1)) == day
    assert daily_window(zone, day.ends_at).starts_at == day.ends_at
    assert day.starts_at.astimezone(place).date().isoformat() == day.key
    before = (day.starts_at - timedelta(microseconds=1)).astimezone(place)
    assert before.date().isoformat() < day.key
    assert timedelta(hours=20) <= day.ends_at - day.starts_at <= timedelta(hours=28)
    return day


@pytest.mark.parametrize("zone", ZONES[::7])
def test_days_follow_each_other_through_every_change_of_the_clocks(zone: str) -> None:
    for at in transitions(zone)[:12]:
        for hours in range(-30, 30, 5):
            check_day(zone, at + timedelta(hours=hours))


@given(st.sampled_from(ZONES), instants)
def test_every_instant_of_every_zone_is_in_exactly_one_day(zone: str, at: datetime) -> None:
    check_day(zone, at)


def test_a_day_in_shanghai_is_named_by_its_date_there() -> None:
    assert daily_window("Asia/Shanghai", utc("2026-11-23T16:00")) == Window(
        "2026-11-24", utc("2026-11-23T16:00"), utc("2026-11-24T16:00")
    )


def test_a_day_without_a_midnight_starts_when_the_clock_jumps() -> None:
    day = daily_window("America/Sao_Paulo", utc("2018-11-04T12:00"))

    assert (day.starts_at, day.ends_at) == (utc("2018-11-04T03:00"), utc("2018-11-05T02:00"))


def test_a_day_whose_midnight_comes_twice_starts_at_the_first() -> None:
    day = daily_window("America/Havana", utc("2026-11-01T12:00"))

    assert (day.starts_at, day.ends_at) == (utc("2026-11-01T04:00"), utc("2026-11-02T05:00"))


def test_an_hour_that_falls_back_over_midnight_stays_in_the_new_day() -> None:
    """St. John's went back at 00:01: its minute of the new day is not given away again."""
    day = daily_window("America/St_Johns", utc("2010-11-07T03:00"))

    assert day == Window("2010-11-07", utc("2010-11-07T02:30"), utc("2010-11-08T03:30"))


def test_a_day_that_a_zone_left_out_has_no_window() -> None:
    """Samoa went from 29 to 31 December 2011."""
    before = daily_window("Pacific/Apia", utc("2011-12-30T09:59"))
    after = daily_window("Pacific/Apia", utc("2011-12-30T10:00"))

    assert (before.key, after.key) == ("2011-12-29", "2011-12-31")
    assert before.ends_at == after.starts_at


@given(st.sampled_from(ZONES), instants, st.times().map(lambda at: at.strftime("%H:%M")))
def test_a_day_may_begin_at_any_hour_and_meets_the_next_without_a_gap(
    zone: str, at: datetime, begins: str
) -> None:
    day = daily_window(zone, at, begins=begins)

    assert day.starts_at <= at < day.ends_at
    assert daily_window(zone, day.starts_at, begins=begins) == day
    assert daily_window(zone, day.ends_at, begins=begins).starts_at == day.ends_at
    assert timedelta(hours=20) <= day.ends_at - day.starts_at <= timedelta(hours=28)


def test_before_its_hour_it_is_still_the_day_before() -> None:
    early = daily_window("Asia/Shanghai", utc("2026-11-23T23:59"), begins="08:00")
    eight = daily_window("Asia/Shanghai", utc("2026-11-24T00:00"), begins="08:00")

    assert early == Window("2026-11-23", utc("2026-11-23T00:00"), utc("2026-11-24T00:00"))
    assert eight.key == "2026-11-24"


def test_an_hour_that_the_clocks_jump_over_begins_the_day_after_the_jump() -> None:
    day = daily_window("Europe/Berlin", utc("2026-03-29T12:00"), begins="02:30")

    assert day.starts_at == utc("2026-03-29T01:00")  # 03:00 on the clocks, which skipped 02:30


def test_a_day_ends_at_its_midnight() -> None:
    assert end_of_day("Asia/Shanghai", utc("2026-11-23T15:59")) == utc("2026-11-23T16:00")
    assert end_of_day("Asia/Shanghai", utc("2026-11-23T16:00")) == utc("2026-11-24T16:00")


rhythms = st.builds(
    Rhythm,
    cadence=st.sampled_from(["daily", "weekly", "monthly", "yearly"]),
    zone=st.sampled_from(ZONES),
    anchor_at=instants,
    anchor=st.sampled_from(["start", "day", "calendar"]),
    begins=st.sampled_from(["00:00", "02:30", "08:00", "23:59"]),
    short_month=st.sampled_from(["clamp", "jump"]),
)
LONGEST = {"daily": 1, "weekly": 7, "monthly": 32, "yearly": 367}


@given(rhythms, instants)
def test_windows_of_every_rhythm_meet_without_a_gap(rhythm: Rhythm, at: datetime) -> None:
    window = rhythm.window(at)
    after = rhythm.window(window.ends_at)

    assert window.starts_at <= at < window.ends_at
    assert rhythm.window(window.starts_at) == window
    assert rhythm.window(window.ends_at - timedelta(microseconds=1)) == window
    assert after.starts_at == window.ends_at
    assert after.key != window.key
    assert rhythm.before(after) == window
    longest = timedelta(days=LONGEST[rhythm.cadence]) + timedelta(hours=28)
    assert window.ends_at - window.starts_at <= longest


@given(rhythms, instants)
def test_no_two_windows_of_a_year_have_one_name(rhythm: Rhythm, at: datetime) -> None:
    keys = []
    for _number in range(13):
        window = rhythm.window(at)
        keys.append(window.key)
        at = window.ends_at

    assert len(set(keys)) == len(keys)


def starts(rhythm: Rhythm, at: str, number: int) -> list[str]:
    """Return on which local days the next windows begin."""
    found, instant = [], utc(at)
    for _window in range(number):
        window = rhythm.window(instant)
        found.append(window.starts_at.astimezone(ZoneInfo(rhythm.zone)).strftime("%m-%d"))
        instant = window.ends_at
    return found


def test_a_day_that_the_month_has_not_is_its_last_or_the_first_of_the_next() -> None:
    anchor = utc("2026-08-31T03:00")

    clamp = Rhythm("monthly", "Asia/Shanghai", anchor, anchor="day")
    jump = Rhythm("monthly", "Asia/Shanghai", anchor, anchor="day", short_month="jump")

    assert starts(clamp, "2026-08-31T12:00", 4) == ["08-31", "09-30", "10-31", "11-30"]
    assert starts(jump, "2026-08-31T12:00", 4) == ["08-31", "10-01", "10-31", "12-01"]


def test_both_windows_that_begin_in_one_march_have_names_of_their_own() -> None:
    jump = Rhythm("monthly", "UTC", utc("2026-01-31T00:00"), short_month="jump")

    assert [
        jump.window(utc(at)).key
        for at in ("2026-02-10T00:00", "2026-03-10T00:00", "2026-04-10T00:00")
    ] == ["2026-01-31", "2026-03-01", "2026-03-31"]


def test_a_leap_day_comes_back_each_year_by_either_rule() -> None:
    anchor = utc("2024-02-29T12:00")

    clamp = Rhythm("yearly", "UTC", anchor)
    jump = Rhythm("yearly", "UTC", anchor, short_month="jump")

    assert starts(clamp, "2024-03-01T00:00", 3) == ["02-29", "02-28", "02-28"]
    assert starts(jump, "2024-03-01T00:00", 3) == ["02-29", "03-01", "03-01"]


def test_weeks_months_and_years_may_be_the_calendars() -> None:
    anchor = utc("2026-11-26T12:34")  # a Thursday

    assert starts(Rhythm("weekly", "UTC", anchor, "calendar"), "2026-11-26T12:34", 2) == [
        *("11-23", "11-30")
    ]
    assert starts(Rhythm("monthly", "UTC", anchor, "calendar"), "2026-11-26T12:34", 2) == [
        *("11-01", "12-01")
    ]
    assert starts(Rhythm("yearly", "UTC", anchor, "calendar"), "2026-11-26T12:34", 2) == [
        *("01-01", "01-01")
    ]


def test_a_week_begins_on_the_day_or_at_the_very_instant_of_its_anchor() -> None:
    anchor = utc("2026-11-26T12:34")

    by_day = Rhythm("weekly", "Asia/Shanghai", anchor, "day", begins="08:00")
    to_the_instant = Rhythm("weekly", "Asia/Shanghai", anchor)

    assert by_day.window(anchor).starts_at == utc("2026-11-26T00:00")
    assert to_the_instant.window(anchor).ends_at == utc("2026-12-03T12:34")


@given(st.sampled_from(ZONES), instants, instants)
def test_months_drawn_from_an_anchor_meet_without_a_gap(
    zone: str, anchor: datetime, at: datetime
) -> None:
    month = monthly_window(zone, anchor, at)

    assert month.starts_at <= at < month.ends_at
    assert monthly_window(zone, anchor, month.ends_at).starts_at == month.ends_at
    assert monthly_window(zone, anchor, month.starts_at) == month
    assert timedelta(days=27) < month.ends_at - month.starts_at < timedelta(days=32)


@given(st.sampled_from(ZONES), instants)
def test_the_first_month_starts_at_its_anchor(zone: str, anchor: datetime) -> None:
    gone_back = monthly_window(zone, anchor, anchor).starts_at

    assert timedelta(0) <= anchor - gone_back <= timedelta(hours=2)  # an hour that comes twice


def test_a_short_month_clamps_and_shortens_nothing_later() -> None:
    anchor = utc("2026-01-31T03:00")

    starts = [
        monthly_window("UTC", anchor, utc(f"2026-{month:02d}-15T00:00")).ends_at
        for month in range(2, 7)
    ]

    assert [start.strftime("%m-%dT%H") for start in starts] == [
        *("02-28T03", "03-31T03", "04-30T03", "05-31T03", "06-30T03")
    ]


def test_a_month_is_named_by_the_local_month_in_which_it_starts() -> None:
    anchor = utc("2026-01-31T20:00")  # 1 February in Shanghai

    assert monthly_window("Asia/Shanghai", anchor, anchor).key == "2026-02"
    assert monthly_window("UTC", anchor, anchor).key == "2026-01"


def test_twelve_months_have_twelve_names() -> None:
    anchor = utc("2027-12-31T23:59:59.5")
    keys, at = [], anchor
    for _month in range(12):
        window = monthly_window("Europe/Berlin", anchor, at)
        keys.append(window.key)
        at = window.ends_at

    assert len(set(keys)) == 12


@pytest.mark.parametrize(
    ("iso", "reached"),
    [
        ("P2Y", "2026-02-28T12:00"),
        ("P1M", "2024-03-29T12:00"),
        ("P12M", "2025-02-28T12:00"),
        ("P180D", "2024-08-27T12:00"),
        ("P2W", "2024-03-14T12:00"),
        ("PT36H", "2024-03-02T00:00"),
        ("P1DT1H1M1S", "2024-03-01T13:01:01"),
    ],
)
def test_a_period_is_added_by_the_calendar(iso: str, reached: str) -> None:
    assert add_period(utc("2024-02-29T12:00"), iso) == utc(reached)


def test_a_day_on_the_wall_clock_may_have_23_hours() -> None:
    at = utc("2026-03-28T12:00")

    assert add_period(at, "P1D", zone="Europe/Berlin") == at + timedelta(hours=23)
    assert add_period(at, "P1D") == at + timedelta(hours=24)


def test_an_hour_more_is_an_hour_more_also_when_the_hour_comes_twice() -> None:
    second_time = utc("2026-10-25T01:30")

    assert add_period(second_time, "PT1H", zone="Europe/Berlin") == utc("2026-10-25T02:30")


@pytest.mark.parametrize(
    "iso",
    [
        *(
            "",
            "P",
            "PT",
            "P1",
            "1Y",
            "P1.5D",
            "-P1D",
            "P0D",
            "P0Y0M",
            "p1d",
            "P1DT",
            "P1D ",
            "P101Y",
        ),
        *("P9999D9", "PT", "P1Y2", "P٣D", "P99999D", "1M", "P1M1Y"),
    ],
)
def test_what_is_no_period_is_refused(iso: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_period(iso)
