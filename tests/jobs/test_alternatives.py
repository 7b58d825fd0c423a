"""What would fit instead: each alternative that a quote tells can really be had."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.accounts.models import Account
from billing.jobs.models import Job
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.jobs.conftest import Ask
from tests.jobs.test_limits import limited

PLANS = (
    limited("concurrency = 1", 'allow = { mode = ["std"], resolution = ["720p"] }')
    + """
[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业" }
prices = [{ currency = "CNY", interval = "P1M", list = "30" }]
entitlements = { concurrency = 5 }
"""
)
DAILY = shop.FREE.replace(
    "  [plan.entitlements]",
    """
  [[plan.allowance]]
  code = "daily"
  cadence = "daily"
  credits = "66"
  [plan.entitlements]""",
)


def kinds(told: Any) -> list[tuple[str, dict[str, object]]]:  # noqa: ANN401 (a quote that was told)
    return [(one.kind, dict(one.change)) for one in told.alternatives]


def test_an_order_that_fits_needs_no_other(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 100)

    assert shop.quote(ada).alternatives == []


def test_what_fits_is_said_with_its_price_and_can_be_had(ada: Account) -> None:
    shop.open_shop(plans=PLANS)
    factories.give(ada, 100)

    told = shop.quote(ada, resolution="1080p")

    assert kinds(told) == [("change", {"resolution": "720p"}), ("plan", {})]
    assert told.alternatives[0].detail == "resolution 720p fits, for 10 credits."
    assert told.alternatives[1].plan == "pro"
    assert shop.submit(ada, resolution="720p").status == "queued"


def test_what_needs_two_changes_is_found_too(ada: Account) -> None:
    shop.open_shop(plans=PLANS)
    factories.give(ada, 100)

    told = shop.quote(ada, resolution="1080p", mode="pro")

    assert dict(told.alternatives[0].change) == {"mode": "std", "resolution": "720p"}


def test_a_free_lane_fits_an_empty_purse(ada: Account) -> None:
    relaxed = """
    [[rate]]
    id = "relaxed"
    match = { lane = "relaxed" }
    form = "flat"
    price = "0"
    free = true
    """
    shop.open_shop(relaxed)

    told = shop.quote(ada)

    assert kinds(told) == [("change", {"lane": "relaxed"})]
    assert told.alternatives[0].detail == "lane relaxed fits, and costs no credits."
    assert shop.submit(ada, lane="relaxed").quoted_micros == 0


def test_the_nearest_number_that_can_be_paid_is_named(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 15)

    told = shop.quote(ada, seconds=10)

    assert kinds(told) == [("change", {"seconds": 7})]
    assert told.alternatives[0].credits_micros == 14 * MICROS


def test_a_larger_number_is_named_where_nothing_less_fits(ada: Account) -> None:
    shop.open_shop(plans=limited("concurrency = 5", "allow = { seconds = [8, 10] }"))
    factories.give(ada, 1000)

    told = shop.quote(ada, seconds=4)

    assert kinds(told) == [("change", {"seconds": 8})]
    assert shop.submit(ada, seconds=8).status == "queued"


def test_a_slot_frees_in_as_long_as_such_jobs_take(ada: Account) -> None:
    shop.open_shop(plans=PLANS)
    factories.give(ada, 1000)
    unknown = shop.submit(ada)
    assert kinds(shop.quote(ada)) == [("wait", {}), ("plan", {})]
    assert shop.quote(ada).alternatives[0].at is None
    took = shop.finish(unknown)
    assert took.finished_at is not None
    Job.objects.filter(pk=took.pk).update(started_at=took.finished_at - timedelta(minutes=4))
    shop.submit(ada)

    told = shop.quote(ada)

    wait = told.alternatives[0]
    assert wait.detail == "A slot frees in about 4 min."
    assert wait.at is not None
    assert timedelta(minutes=3) < wait.at - datetime.now(UTC) <= timedelta(minutes=4)
    assert told.assessment.barriers[0].facts["retry_at"] == wait.at.isoformat()


def test_credits_that_come_by_themselves_are_told_by_the_accounts_clock(
    ada: Account, ask: Ask
) -> None:
    shop.open_shop(plans=DAILY)
    factories.settle(ada)
    shop.submit(ada, seconds=30)  # of 66 credits 60

    body = ask("post", "/v1/quotes", {"model": "m", "seconds": 4}).json()

    grant = next(one for one in body["alternatives"] if one["kind"] == "grant")
    assert "66 more at " in grant["detail"]
    assert grant["detail"].endswith(" 00:00 +08:00.")
    assert (grant["credits"], grant["change"], grant["plan"]) == ("8", {}, None)
    at = datetime.fromisoformat(grant["at"])
    assert timedelta(0) < at - datetime.now(UTC) <= timedelta(days=1)


def test_credits_that_would_not_be_enough_are_not_offered(ada: Account) -> None:
    shop.open_shop(plans=DAILY)
    factories.settle(ada)

    told = shop.quote(ada, seconds=30, count=4)

    assert told.assessment.priced.price.total_micros == 240 * MICROS
    assert "grant" not in [kind for kind, _change in kinds(told)]


def test_a_window_of_counted_units_that_comes_is_offered(ada: Account) -> None:
    videos = DAILY.replace('credits = "66"', 'unit = "output"\n  amount = 1')
    shop.open_shop(plans=videos)
    shop.submit(ada)

    told = shop.quote(ada)

    grant = next(one for one in told.alternatives if one.kind == "grant")
    assert grant.credits_micros == 0
    assert grant.detail.startswith("Counted units pay for it at ")


@pytest.mark.parametrize("seconds", [7, 30])
def test_each_change_that_is_offered_would_be_admitted(ada: Account, seconds: int) -> None:
    shop.open_shop(plans=PLANS.replace("concurrency = 1", "concurrency = 50"))
    factories.give(ada, 30)

    told = shop.quote(ada, seconds=seconds, mode="pro", count=4)

    assert told.assessment.barriers
    for one in told.alternatives:
        if one.kind == "change":
            spec = {"seconds": seconds, "mode": "pro", "count": 4, **one.change}
            assert shop.reasons(shop.quote(ada, **spec)) == []
