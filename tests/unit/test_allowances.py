"""What each kind of allowance gives, and what becomes of the rest, on the calendar."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.lots import Lot
from billing.ledger.schedules import Schedule
from plans.credits import MICROS
from plans.periods import Window
from tests.unit.purse import NOON, Purse, schedule, utc

MONTHLY: dict[str, Any] = {"cadence": "monthly", "credits": "100"}


def test_daily_credits_fill_up_at_their_hour_and_never_stack() -> None:
    purse = Purse(schedule(cadence="daily", at="08:00", credits="50", fill="set_to"))
    assert purse.free == 50
    purse.spend(20)

    assert purse.at("2026-11-24T07:59") == 30
    assert purse.at("2026-11-24T08:00") == 50
    assert purse.at("2026-11-29T12:00") == 50


def test_filling_up_gives_only_what_is_missing_of_its_own() -> None:
    purse = Purse(schedule(cadence="daily", credits="50", fill="set_to", expiry="never"))
    purse.give("bought", 1000)
    purse.hold(20, keys=["source:allowance"])
    purse.end(20)

    purse.at("2026-11-24T00:00")
    purse.at("2026-11-25T00:00")

    assert purse.given == [50, 1000, 20]
    assert purse.free == 1050


def test_daily_credits_that_add_and_never_expire_stack() -> None:
    purse = Purse(schedule(cadence="daily", credits="10", expiry="never"))

    assert purse.at("2026-11-26T00:00") == 40


def test_days_are_those_of_the_named_zone() -> None:
    purse = Purse(schedule(cadence="daily", zone="Asia/Shanghai", credits="66"))
    purse.spend(60)

    assert purse.at("2026-11-23T15:59") == 6
    assert purse.at("2026-11-23T16:00") == 66


def test_weeks_of_the_calendar_begin_on_monday() -> None:
    purse = Purse(schedule(cadence="weekly", anchor="calendar", credits="70"), at=NOON)
    purse.spend(70)

    assert purse.at("2026-11-29T23:59") == 0
    assert purse.at("2026-11-30T00:00") == 70


def test_months_renew_at_the_second_of_their_anchor() -> None:
    anchor = utc("2026-11-23T00:48:56")
    purse = Purse(schedule(**MONTHLY, anchor_at=anchor, begins=anchor), at=anchor)
    purse.spend(100)

    assert purse.at("2026-12-23T00:48:55") == 0
    assert purse.at("2026-12-23T00:48:56") == 100


def test_a_yearly_subscription_drips_by_months_from_its_anchor() -> None:
    anchor = utc("2027-01-31T09:00")
    purse = Purse(schedule(**MONTHLY, anchor_at=anchor, begins=anchor), at=anchor)
    seen = []
    for day in ("02-28T09:00", "03-31T09:00", "04-30T09:00", "05-31T09:00"):
        purse.spend(purse.free)
        seen.append((purse.at(f"2027-{day[:-5]}08:59"), purse.at(f"2027-{day}")))

    assert seen == [(0, 100)] * 4


def test_a_month_without_the_anchors_day_may_jump_to_the_first() -> None:
    anchor = utc("2026-08-31T00:00")
    jumping = schedule(**MONTHLY, short_month="jump", anchor_at=anchor, begins=anchor)
    purse = Purse(jumping, at=anchor)
    purse.spend(100)

    assert purse.at("2026-09-30T12:00") == 0
    assert purse.at("2026-10-01T00:00") == 100


def test_a_yearly_pool_lasts_its_year() -> None:
    purse = Purse(schedule(cadence="yearly", credits="1200"))
    purse.spend(200)

    assert purse.at("2027-11-23T11:59") == 1000
    assert purse.at("2027-11-23T12:00") == 1200


def test_what_comes_once_comes_once() -> None:
    purse = Purse(schedule(cadence="once", credits="125", expiry="never"))

    assert purse.at("2036-11-23T12:00") == 125


@pytest.mark.parametrize(
    ("expiry", "last", "gone"),
    [
        ("P30D", "2026-12-23T11:59:59", "2026-12-23T12:00"),
        ("P2Y", "2028-11-23T11:59:59", "2028-11-23T12:00"),
        ("P1M@day_end", "2026-12-23T15:59:59", "2026-12-23T16:00"),
        ("P1D@day_end", "2026-11-24T15:59:59", "2026-11-24T16:00"),
    ],
)
def test_credits_expire_by_period_or_with_the_last_local_day(
    expiry: str, last: str, gone: str
) -> None:
    once = schedule(cadence="once", credits="10", expiry=expiry, zone="Asia/Shanghai")
    purse = Purse(once)

    assert purse.at(last) == 10
    assert purse.at(gone) == 0


def test_a_rolling_window_begins_with_its_first_use() -> None:
    purse = Purse(schedule(cadence="rolling", period="PT24H", credits="30"))
    assert purse.at("2026-12-01T10:00") == 30
    purse.spend(10)

    assert purse.at("2026-12-02T09:59") == 20
    assert purse.at("2026-12-02T10:00") == 30
    assert purse.at("2026-12-24T00:00") == 30
    assert purse.given == [30, 30]


def test_a_rolling_window_that_is_used_up_fills_all_the_same() -> None:
    purse = Purse(schedule(cadence="rolling", period="PT24H", credits="30"))
    purse.spend(30)

    assert purse.at("2026-11-24T11:59") == 0
    assert purse.at("2026-11-24T12:00") == 30


def test_what_comes_back_to_a_rolling_window_that_is_over_lapses() -> None:
    purse = Purse(schedule(cadence="rolling", period="PT24H", credits="30"))
    purse.hold(10)
    purse.at("2026-11-24T12:00")

    purse.end(0)

    assert purse.free == 30


def test_an_unused_rolling_window_is_burnt_as_if_it_ended_after_its_period() -> None:
    purse = Purse(schedule(cadence="rolling", period="PT24H", credits="30"))
    purse.give("bought", 50, expires_at=NOON + timedelta(days=365))

    assert purse.hold(40) == [("g1", 30), ("bought", 10)]


def test_nothing_rolls_over_where_nothing_is_said() -> None:
    purse = Purse(schedule(**MONTHLY))
    purse.spend(30)

    assert purse.at("2026-12-23T12:00") == 100


def test_a_rest_is_kept_for_so_many_more_windows() -> None:
    purse = Purse(schedule(**MONTHLY, rollover="periods", rollover_periods=2))
    purse.spend(30)

    seen = [purse.at(f"{month}-23T12:00") for month in ("2026-12", "2027-01", "2027-02", "2027-03")]

    assert seen == [170, 270, 300, 300]


def test_a_rest_is_kept_up_to_a_cap_and_the_oldest_goes_first() -> None:
    purse = Purse(schedule(**MONTHLY, rollover="cap", rollover_cap="150"))

    seen = [purse.at(f"{month}-23T12:00") for month in ("2026-12", "2027-01", "2027-02")]

    assert seen == [200, 250, 250]
    left = [lot.available_micros // MICROS for lot in purse.timeline.lots.values()]
    assert left == [0, 50, 100, 100]
    rollovers = [m for m in purse.timeline.movements if m.cause.type == "rollover"]
    assert [m.amount_micros // MICROS for m in rollovers] == [50, 50, 50]


def test_a_rest_is_kept_while_the_subscription_lasts() -> None:
    purse = Purse(schedule(**MONTHLY, rollover="while_subscribed"))

    assert purse.at("2027-11-23T12:00") == 1300
    assert all(lot.with_subscription for lot in purse.timeline.lots.values())


ROLLOVERS: list[dict[str, Any]] = [
    {"rollover": "none"},
    {"rollover": "periods", "rollover_periods": 1},
    {"rollover": "periods", "rollover_periods": 5},
    {"rollover": "cap", "rollover_cap": "1"},
    {"rollover": "cap", "rollover_cap": "100"},
    {"rollover": "cap", "rollover_cap": "370"},
    {"rollover": "while_subscribed"},
    {"fill": "set_to", "expiry": "P45D"},
    {"fill": "set_to"},
    {"expiry": "P45D"},
    {"expiry": "P1M@day_end"},
    {"expiry": "PT30H"},
    {"expiry": "never"},
]


@given(
    terms=st.sampled_from(ROLLOVERS),
    cadence=st.sampled_from(["daily", "weekly", "monthly"]),
    slept_days=st.integers(0, 400),
    spent=st.integers(0, 100),
)
def test_who_sleeps_wakes_with_exactly_what_the_wakeful_have(
    terms: dict[str, Any], cadence: str, slept_days: int, spent: int
) -> None:
    """Whether a wallet is touched every day or once: the same free credits, with the same ends."""
    purses = [Purse(schedule(cadence=cadence, credits="100", **terms)) for _twin in range(2)]
    for purse in purses:
        purse.spend(spent)
    wakeful, sleeper = purses

    for day in range(slept_days + 1):
        wakeful.timeline.settle(NOON + timedelta(days=day))
    sleeper.timeline.settle(NOON + timedelta(days=slept_days))

    def left(purse: Purse) -> list[tuple[object, int]]:
        lots = [lot for lot in purse.timeline.lots.values() if lot.available_micros]
        return sorted((str(lot.expires_at), lot.available_micros) for lot in lots)

    assert left(sleeper) == left(wakeful)
    assert sleeper.timeline.due_at() == wakeful.timeline.due_at()


def test_a_sleeper_with_days_under_a_cap_is_given_few_of_a_thousand() -> None:
    purse = Purse(schedule(cadence="daily", credits="10", rollover="cap", rollover_cap="30"))

    purse.timeline.settle(NOON + timedelta(days=1000))

    assert purse.free == 40
    assert len(purse.given) <= 6


@pytest.mark.parametrize("expiry", ["P3D", "P7D@day_end", "PT30H"])
def test_a_forecast_of_five_years_looks_only_at_the_windows_that_are_felt(
    expiry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    window = Schedule.window

    def counted(schedule: Schedule, at: datetime) -> Window:
        nonlocal looks
        looks += 1
        return window(schedule, at)

    purse = Purse(schedule(cadence="daily", credits="1", expiry=expiry))
    monkeypatch.setattr(Schedule, "window", counted)

    purse.at("2031-11-23T12:00")

    assert looks < 40


def test_a_lot_that_never_ends_is_not_looked_at_day_after_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    is_over = Lot.is_over

    def counted(lot: Lot, at: datetime) -> bool:
        nonlocal looks
        looks += 1
        return is_over(lot, at)

    monkeypatch.setattr(Lot, "is_over", counted)
    purse = Purse(schedule(cadence="daily", credits="1", expiry="P5Y"))

    assert purse.at("2028-11-22T12:00") == 731

    assert looks < 3 * 731
