"""What plans allow: values, joint limits, windows of counts, hours; and which plan would do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.catalog import loader
from plans.catalog.matching import Hours
from plans.catalog.values import Scalar
from plans.entitlements import barriers, fits_again_at, leaves_at, stretch
from plans.orders import read_order
from plans.periods import Zones
from tests.unit.shelf import HEAD, KLING, MODEL

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CATALOG = loader.load(KLING)
LIMITED = """
[[plan]]
code = "small"
name = { en = "Small", zh = "小" }
prices = [{ currency = "CNY", interval = "P1M", list = "1" }]
entitlements = { allow = { mode = ["std"] }, max = { seconds = 10 } }
[[plan]]
code = "long"
name = { en = "Long", zh = "长" }
prices = [{ currency = "CNY", interval = "P1M", list = "2" }]
entitlements = { allow = { mode = ["std"] }, max = { seconds = 60 } }
[[plan]]
code = "fine"
name = { en = "Fine", zh = "精" }
prices = [{ currency = "CNY", interval = "P1M", list = "3" }]
entitlements = { max = { seconds = 20 } }
[[rate]]
id = "any"
form = "flat"
price = "1"
"""


def found(plan_code: str, **spec: object) -> list[tuple[str, str, str | None]]:
    plan = CATALOG.plan(plan_code)
    assert plan is not None
    order = read_order(CATALOG, {"model": "kling-v1-6", **spec})
    return [
        (barrier.entitlement, barrier.limit, barrier.required_plan)
        for barrier in barriers(CATALOG, plan, order.dimensions, at=NOON)
    ]


def test_a_free_order_within_its_limits_meets_no_barrier() -> None:
    assert found("free") == []


def test_all_barriers_are_named_with_the_plan_that_lifts_them() -> None:
    assert found("free", mode="pro", resolution="1080p") == [
        ("mode", "std", "standard"),
        ("resolution", "720p", "standard"),
    ]


def test_a_paid_plan_lifts_them() -> None:
    assert found("standard", mode="pro", resolution="1080p", seconds=10) == []


def test_a_barrier_is_a_sentence() -> None:
    order = read_order(CATALOG, {"model": "kling-v1-6", "mode": "pro"})
    assert CATALOG.free_plan is not None

    (barrier,) = barriers(CATALOG, CATALOG.free_plan, order.dimensions, at=NOON)

    assert barrier.detail == "The plan Free allows mode std, not pro."


def test_where_no_plan_allows_the_whole_each_barrier_names_the_smallest_that_lifts_it() -> None:
    shop = loader.read_text(f"{HEAD}{MODEL}{LIMITED}").catalog
    small = shop.plan("small")
    assert small is not None

    short = barriers(shop, small, {"model": "m", "mode": "pro", "seconds": 15}, at=NOON)
    long = barriers(shop, small, {"model": "m", "mode": "pro", "seconds": 30}, at=NOON)

    # The free plan of this shop limits nothing, so it is the smallest that allows everything.
    assert [(one.limit, one.required_plan) for one in short] == [
        ("std", "free"),
        ("up to 10", "free"),
    ]
    assert [one.required_plan for one in long] == ["free", "free"]

    strict = shop.model_copy(update={"plans": shop.plans[1:]})
    assert [
        b.required_plan for b in barriers(strict, small, {"mode": "pro", "seconds": 15}, at=NOON)
    ] == ["fine", "fine"]
    assert [
        b.required_plan for b in barriers(strict, small, {"mode": "pro", "seconds": 30}, at=NOON)
    ] == ["fine", "long"]
    assert [b.required_plan for b in barriers(strict, small, {"seconds": 90}, at=NOON)] == [None]


RIGHTS = """
[[plan]]
code = "rich"
name = { en = "Rich", zh = "多" }
prices = [{ currency = "CNY", interval = "P1M", list = "1" }]
  [plan.entitlements]
  allow = { surface = ["web"], lane = ["slow"] }
  max = { seconds = 10 }
  [[plan.entitlements.limit]]
  when = { mode = "pro", seconds = { min = 6, max = 60 } }
  allow = { audio = [false] }
  max = { count = 2 }
  [[plan.entitlements.limit]]
  when = { mode = ["std", "pro"] }
  max = { count = 50 }
[[plan]]
code = "later"
name = { en = "Later", zh = "后" }
prices = [{ currency = "CNY", interval = "P1M", list = "2" }]
from = 2030-01-01T00:00:00+00:00
[[plan]]
code = "now"
name = { en = "Now", zh = "今" }
prices = [{ currency = "CNY", interval = "P1M", list = "3" }]
[[rate]]
id = "any"
form = "flat"
price = "1"
"""
SLOW = MODEL.replace(
    "  count =", '  lane = { values = ["slow", "fast"], default = "slow" }\n  count ='
)
RICH = loader.read_text(f"{HEAD}{SLOW}{RIGHTS}").catalog


def rights(**facts: Scalar) -> list[tuple[str, str]]:
    plan = RICH.plan("rich")
    assert plan is not None
    facts = {"model": "m", "mode": "std", "count": 1, "audio": False, **facts}
    return [(one.entitlement, one.limit) for one in barriers(RICH, plan, facts, at=NOON)]


def test_facts_of_the_account_are_rights_too() -> None:
    assert rights(surface="web", lane="slow") == []
    assert rights(surface="cli", lane="fast") == [("surface", "web"), ("lane", "slow")]
    assert rights() == []  # what an order does not have cannot be too much


def test_all_joint_limits_that_match_count() -> None:
    assert rights(mode="pro", seconds=5, count=3, audio=True) == []
    assert rights(mode="pro", seconds=6, count=3, audio=True) == [
        ("audio", "false with mode pro, seconds 6"),
        ("count", "up to 2 with mode pro, seconds 6"),
    ]
    assert rights(count=51) == [("count", "up to 50 with mode std")]


@pytest.mark.parametrize(
    ("seconds", "fits"), [(10, True), ("10.01", False), ("9.99", True), ("2+3+4", True)]
)
def test_a_highest_value_bounds_decimals_and_the_sum_of_lists(seconds: Scalar, fits: bool) -> None:  # noqa: FBT001 (a case)
    assert (rights(seconds=seconds) == []) is fits
    assert rights(seconds="5+6") == [("seconds", "up to 10")]


def test_only_a_plan_that_can_be_chosen_is_named() -> None:
    strict = RICH.model_copy(update={"plans": RICH.plans[1:]})
    rich = RICH.plan("rich")
    assert rich is not None

    early = barriers(strict, rich, {"seconds": 11}, at=NOON)
    late = barriers(strict, rich, {"seconds": 11}, at=datetime(2031, 1, 1, tzinfo=UTC))

    assert [one.required_plan for one in early] == ["now"]
    assert [one.required_plan for one in late] == ["later"]


# -- windows of counts --------------------------------------------------------------------------
def test_days_and_months_are_those_of_the_zone() -> None:
    day = stretch("day", zones=Zones("Asia/Shanghai"), at=NOON)
    month = stretch("month", zones=Zones("Asia/Shanghai"), at=NOON)

    assert day.starts_at == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert day.ends_at == datetime(2026, 11, 23, 16, tzinfo=UTC)
    assert month.starts_at == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert month.ends_at == datetime(2026, 11, 30, 16, tzinfo=UTC)


@pytest.mark.parametrize("window", ["PT1H", "PT24H", "P7D", "P1M", "P1Y"])
def test_whatever_still_counts_in_a_rolling_window_is_looked_at(window: str) -> None:
    for days in range(0, 800, 13):
        at = NOON + timedelta(days=days)
        span = stretch(window, zones=Zones("UTC"), at=at)
        oldest = span.starts_at
        assert span.ends_at is None
        assert leaves_at(window, oldest) <= at, "nothing before it can count"


def test_a_rolling_window_has_room_when_enough_has_left() -> None:
    counted = [(NOON - timedelta(hours=hours), amount) for hours, amount in ((20, 1), (10, 3))]

    assert fits_again_at("PT24H", counted, excess=1) == NOON + timedelta(hours=4)
    assert fits_again_at("PT24H", counted, excess=2) == NOON + timedelta(hours=14)
    assert fits_again_at("PT24H", counted, excess=4) == NOON + timedelta(hours=14)
    assert fits_again_at("PT24H", counted, excess=5) is None


# -- hours ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("start", "end", "at", "next_at"),
    [
        ("09:00", "17:00", "2026-11-23T12:00:00+08:00", "2026-11-23T12:00:00+08:00"),
        ("09:00", "17:00", "2026-11-23T08:59:59+08:00", "2026-11-23T09:00:00+08:00"),
        ("09:00", "17:00", "2026-11-23T17:00:00+08:00", "2026-11-24T09:00:00+08:00"),
        ("22:00", "06:00", "2026-11-23T23:00:00+08:00", "2026-11-23T23:00:00+08:00"),
        ("22:00", "06:00", "2026-11-23T05:59:59+08:00", "2026-11-23T05:59:59+08:00"),
        ("22:00", "06:00", "2026-11-23T06:00:00+08:00", "2026-11-23T22:00:00+08:00"),
    ],
)
def test_hours_say_when_they_begin_next(start: str, end: str, at: str, next_at: str) -> None:
    hours = Hours.model_validate({"from": start, "to": end, "zone": "Asia/Shanghai"})

    found = hours.next_at(datetime.fromisoformat(at))

    assert found == datetime.fromisoformat(next_at)
    assert hours.holds(found)


@given(at=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)))  # noqa: DTZ001 (made an instant below)
def test_the_next_hours_begin_within_a_day_and_are_hours(at: datetime) -> None:
    hours = Hours.model_validate({"from": "01:15", "to": "04:00", "zone": "Europe/Berlin"})
    instant = at.replace(tzinfo=UTC)

    found = hours.next_at(instant)

    assert hours.holds(found)
    assert timedelta(0) <= found - instant <= timedelta(hours=25)
