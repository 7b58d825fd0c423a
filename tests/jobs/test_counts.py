"""How much a plan lets an account order in a window of time, and what of it counts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models import DateTimeField, Value
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import selectors
from billing.jobs.errors import QuotaExceeded
from plans import entitlements
from tests import factories
from tests.jobs import shop
from tests.jobs.shop import order_of
from tests.jobs.test_limits import DECIMAL, limited, open_limited

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def eve(ada: Account) -> Account:
    """Eve has a sandbox, so that her clock can be moved; the backend serves sandboxes too."""
    return factories.new_account("eve", is_sandbox=True)


@pytest.fixture(autouse=True)
def _sandboxes_are_served(ada: Account, settings: Settings) -> None:
    settings.BACKENDS["away"]["sandbox"] = True


@pytest.mark.parametrize(
    ("count", "fits", "beyond", "used"),
    [
        ('{ window = "day", orders = 2 }', [{}, {"count": 4}], {}, "2"),
        ('{ window = "month", outputs = 5 }', [{"count": 4}, {}], {}, "5"),
        ('{ window = "PT24H", outputs = 4 }', [{"count": 3}], {"count": 2}, "3"),
        ('{ window = "P1M", credits = "25" }', [{}, {}], {}, "20"),
        ('{ window = "day", credits = "25" }', [{}, {}], {}, "20"),
    ],
)
def test_so_many_in_a_window_and_no_more(
    ada: Account, count: str, fits: list[dict[str, int]], beyond: dict[str, int], used: str
) -> None:
    open_limited("concurrency = 100", f"count = [{count}]")
    factories.give(ada, 1000)
    for spec in fits:
        shop.submit(ada, **spec)
    before = shop.facts_of(ada)

    with pytest.raises(QuotaExceeded) as refused:
        shop.submit(ada, **beyond)

    assert refused.value.facts["used"] == used
    assert refused.value.facts["resets_at"] is not None
    assert shop.reasons(shop.quote(ada, **beyond)) == ["quota_exceeded"]
    assert shop.facts_of(ada) == before


def test_a_day_ends_at_the_midnight_of_the_accounts_zone(eve: Account) -> None:
    open_limited("concurrency = 100", 'count = [{ window = "day", orders = 1 }]')
    factories.give(eve, 100)
    shop.submit(eve)
    with pytest.raises(QuotaExceeded) as refused:
        shop.submit(eve)
    resets_at = datetime.fromisoformat(str(refused.value.facts["resets_at"]))

    factories.later(eve, resets_at - datetime.now(UTC))

    assert resets_at.astimezone(SHANGHAI).strftime("%H:%M:%S") == "00:00:00"
    assert shop.submit(eve).status == "queued"


def test_of_a_window_that_rolls_the_oldest_leaves_first(eve: Account) -> None:
    open_limited("concurrency = 100", 'count = [{ window = "PT24H", outputs = 4 }]')
    factories.give(eve, 1000)
    first = shop.submit(eve, count=1)
    factories.later(eve, timedelta(hours=5))
    second = shop.submit(eve, count=3)

    with pytest.raises(QuotaExceeded) as one_more:
        shop.submit(eve, count=1)
    with pytest.raises(QuotaExceeded) as two_more:
        shop.submit(eve, count=2)

    day = timedelta(hours=24)
    assert one_more.value.facts["resets_at"] == (first.ordered_at + day).isoformat()
    assert two_more.value.facts["resets_at"] == (second.ordered_at + day).isoformat()
    factories.later(eve, timedelta(hours=19))
    assert shop.submit(eve, count=1).status == "queued"


def test_an_order_that_is_too_large_by_itself_is_told_that_no_time_helps(ada: Account) -> None:
    open_limited("concurrency = 100", 'count = [{ window = "day", outputs = 2 }]')
    factories.give(ada, 100)

    told = shop.quote(ada, count=3)

    assert told.assessment.barriers[0].facts["resets_at"] is None
    assert [one.kind for one in told.alternatives] == ["change"]
    assert told.alternatives[0].change == {"count": 2}


def test_what_failed_and_cost_nothing_is_not_counted_and_what_cost_something_is(
    ada: Account,
) -> None:
    policy = '[failure_policy.charge]\ntimeout = "1"'
    shop.open_shop(
        policy, plans=limited("concurrency = 100", 'count = [{ window = "day", orders = 1 }]')
    )
    factories.give(ada, 100)
    shop.fail(shop.submit(ada), "backend_error")

    shop.fail(shop.submit(ada), "timeout")

    with pytest.raises(QuotaExceeded):
        shop.submit(ada)


def test_only_matching_orders_count_and_only_they_are_refused(ada: Account) -> None:
    counts = """count = [
        { window = "day", orders = 1, match = { mode = "pro", seconds = { min = 6, max = 30 } } },
        { window = "day", orders = 1, match = { surface = "api" } },
    ]"""
    open_limited("concurrency = 100", counts)
    factories.give(ada, 1000)
    shop.submit(ada, mode="std", seconds=10)
    shop.submit(ada, mode="pro", seconds=5)
    shop.submit(ada, mode="pro", seconds=10)
    shop.submit(ada, order_of({}, by_service=True))
    before = shop.facts_of(ada)

    for order in (order_of({"mode": "pro", "seconds": 6}), order_of({}, surface="api")):
        with pytest.raises(QuotaExceeded):
            shop.submit(ada, order)

    assert shop.facts_of(ada) == before
    assert shop.submit(ada, mode="pro", seconds=5).status == "queued"


def test_what_came_counts_where_less_came_than_was_ordered(ada: Account) -> None:
    open_limited("concurrency = 100", 'count = [{ window = "day", outputs = 4 }]')
    factories.give(ada, 1000)
    shop.finish(shop.submit(ada, count=4), made=1)

    assert shop.submit(ada, count=3).status == "queued"
    with pytest.raises(QuotaExceeded):
        shop.submit(ada)


def test_a_count_by_a_range_counts_what_has_decimal_places(ada: Account) -> None:
    counts = 'count = [{ window = "day", orders = 2, match = { seconds = { min = 6, max = 8 } } }]'
    open_limited("concurrency = 100", counts, models=DECIMAL)
    factories.give(ada, 1000)
    for seconds in ("5.5", "8.5", 6, "7.5"):
        shop.submit(ada, seconds=seconds)
    before = shop.facts_of(ada)

    for seconds in (8, "6.000001"):
        with pytest.raises(QuotaExceeded):
            shop.submit(ada, seconds=seconds)

    assert shop.facts_of(ada) == before
    assert shop.submit(ada, seconds="5.999999").status == "queued"


@pytest.mark.parametrize("window", ["P1M", "P2M", "P1Y", "P1M3DT4H", "P2W", "PT24H", "P30D"])
def test_orders_leave_a_window_when_the_calendar_says_so(ada: Account, window: str) -> None:
    instants = [
        datetime(2027, month, day, hour, tzinfo=UTC)
        for month, day, hour in ((12, 31, 23), (1, 29, 12), (1, 30, 10), (2, 28, 0), (6, 30, 13))
    ]

    for instant in instants:
        found = Account.objects.annotate(
            at=Value(instant, DateTimeField()), leaves=selectors.leaves_at("at", window)
        ).values_list("leaves", flat=True)
        assert found[0] == entitlements.leaves_at(window, instant)


def test_orders_that_are_counted_are_summed_and_never_loaded(ada: Account) -> None:
    counts = """count = [
        { window = "P30D", credits = "1000" },
        { window = "month", outputs = 100, match = { seconds = { max = 30 } } },
    ]"""
    open_limited("concurrency = 100", counts)
    factories.give(ada, 1000)
    shop.submit(ada)
    with CaptureQueriesContext(connection) as few:
        shop.submit(ada)
    for _number in range(10):
        shop.submit(ada)

    with CaptureQueriesContext(connection) as many:
        shop.submit(ada)

    assert len(many) == len(few)
    counting = [one["sql"] for one in many if "ordered_at" in one["sql"] and "SUM(" in one["sql"]]
    assert len(counting) == 2
    assert not [sql for sql in counting if "price_lines" in sql]
