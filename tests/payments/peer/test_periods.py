from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stripe_peer.billing.periods import DAY, Interval, Period, add_months, boundary, period_at

MONTHLY = Interval("month", 1)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


instants = st.integers(at("2001-01-01T00:00:00"), at("2099-01-01T00:00:00"))
intervals = st.builds(
    Interval, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 12)
)


def test_an_anchor_on_the_31st_is_clamped_and_comes_back() -> None:
    starts = [boundary(at("2026-01-31T10:20:30"), MONTHLY, k) for k in range(5)]

    assert starts == [
        at("2026-01-31T10:20:30"),
        at("2026-02-28T10:20:30"),
        at("2026-03-31T10:20:30"),
        at("2026-04-30T10:20:30"),
        at("2026-05-31T10:20:30"),
    ]


def test_a_leap_day_recurs_on_the_28th_and_is_a_leap_day_again() -> None:
    yearly = Interval("year", 1)

    assert boundary(at("2024-02-29T00:00:00"), yearly, 1) == at("2025-02-28T00:00:00")
    assert boundary(at("2024-02-29T00:00:00"), yearly, 4) == at("2028-02-29T00:00:00")


def test_half_a_year_is_six_months() -> None:
    assert boundary(at("2025-08-31T12:00:00"), Interval("month", 6), 1) == at("2026-02-28T12:00:00")


def test_a_week_is_seven_days_whatever_the_month() -> None:
    assert boundary(at("2026-02-27T00:00:00"), Interval("week", 2), 1) == at("2026-03-13T00:00:00")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-02-27T23:59:59", ("2026-01-31T00:00:00", "2026-02-28T00:00:00")),
        ("2026-02-28T00:00:00", ("2026-02-28T00:00:00", "2026-03-31T00:00:00")),
        ("2025-12-31T00:00:00", ("2025-12-31T00:00:00", "2026-01-31T00:00:00")),
    ],
)
def test_a_period_begins_at_its_boundary(now: str, expected: tuple[str, str]) -> None:
    period = period_at(at("2026-01-31T00:00:00"), MONTHLY, at(now))

    assert period == Period(*(at(end) for end in expected))


@given(instants, intervals, instants)
def test_every_instant_lies_in_the_period_that_is_told(
    anchor: int, interval: Interval, now: int
) -> None:
    period = period_at(anchor, interval, now)

    assert period.start <= now < period.end
    assert period_at(anchor, interval, period.end).start == period.end
    assert period_at(anchor, interval, period.start) == period


@given(instants, st.integers(-30, 600))
def test_months_keep_the_time_of_day_and_the_day_unless_it_is_missing(
    instant: int, months: int
) -> None:
    before, after = (
        datetime.fromtimestamp(value, UTC) for value in (instant, add_months(instant, months))
    )

    assert after.time() == before.time()
    assert (after.year * 12 + after.month) - (before.year * 12 + before.month) == months
    assert after.day == before.day or (
        after.day < before.day and (after + timedelta(days=1)).day == 1
    )


def test_what_is_left_of_a_period() -> None:
    period = Period(0, 30 * DAY)

    assert [period.left(instant) for instant in (-5, 0, 10 * DAY, 30 * DAY, 40 * DAY)] == [
        30 * DAY,
        30 * DAY,
        20 * DAY,
        0,
        0,
    ]
