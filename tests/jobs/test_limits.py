"""How much a plan lets an account do: jobs at once, of a kind, and counts in a window of time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.errors import ConcurrencyLimit, NotEntitled, QuotaExceeded
from billing.jobs.models import Job
from billing.jobs.services import queueing
from plans.credits import MICROS
from plans.errors import Unpriced
from tests import factories
from tests.jobs import shop
from tests.jobs.shop import order_of

SHANGHAI = ZoneInfo("Asia/Shanghai")


def limited(*rights: str) -> str:
    """Return the free plan with these rights."""
    return shop.FREE.replace("  concurrency = 100", "\n".join(rights))


def open_limited(*rights: str, **parts: str) -> None:
    """Open the shop with a free plan of these rights."""
    shop.open_shop(plans=limited(*rights), **parts)


@pytest.fixture
def eve(ada: Account) -> Account:
    """Eve has a sandbox, so that her clock can be moved; the backend serves sandboxes too."""
    return factories.new_account("eve", is_sandbox=True)


@pytest.fixture(autouse=True)
def _sandboxes_are_served(ada: Account, settings: Settings) -> None:
    settings.BACKENDS["away"]["sandbox"] = True


DECIMAL = shop.MODEL.replace("max = 30, default = 5 }", "max = 30, default = 5, decimal = true }")


# -- at once -----------------------------------------------------------------------------------
def test_a_kind_of_orders_has_its_own_number_at_once(ada: Account) -> None:
    open_limited("concurrency = 5", 'slot = [{ match = { mode = "pro" }, concurrency = 1 }]')
    factories.give(ada, 1000)
    first = shop.submit(ada, mode="pro")
    before = shop.facts_of(ada)

    with pytest.raises(ConcurrencyLimit) as refused:
        shop.submit(ada, mode="pro")

    assert refused.value.facts["limit"] == 1
    assert refused.value.facts["match"] == {"mode": ["pro"]}
    assert shop.facts_of(ada) == before
    told = shop.quote(ada, mode="pro")
    assert [(one.kind, dict(one.change)) for one in told.alternatives] == [
        ("change", {"mode": "std"}),
        ("wait", {}),
    ]
    assert shop.submit(ada, mode="std").status == "queued"
    shop.finish(first)
    assert shop.submit(ada, mode="pro").status == "queued"


def test_what_exceeds_waits_where_the_plan_says_so_and_goes_in_turn(ada: Account) -> None:
    open_limited("concurrency = 1", 'excess = "wait"')
    factories.give(ada, 1000)
    first, second = shop.submit(ada), shop.submit(ada)
    now = datetime.now(UTC)
    Job.objects.filter(pk=first.pk).update(status="dispatched")

    with transaction.atomic():
        waits = queueing.account_has_room(Job.objects.get(pk=second.pk), now=now)
    assert list(queueing.waiting("away", now=now)) == []
    jobs.dispatch(job_id=second.pk, now=now)  # it was rung for at once, and finds no room

    # Whenever the slot frees, it may go that very moment.
    shop.finish(Job.objects.get(pk=first.pk))
    with transaction.atomic():
        goes = queueing.account_has_room(Job.objects.get(pk=second.pk), now=now)
    assert (waits, goes) == (False, True)
    assert [job.pk for job in queueing.waiting("away", now=now)] == [second.pk]


def test_a_kind_that_waits_holds_back_no_other_kind(ada: Account) -> None:
    slot = 'slot = [{ match = { mode = "pro" }, concurrency = 1 }]'
    open_limited("concurrency = 5", 'excess = "wait"', slot)
    factories.give(ada, 1000)
    first = shop.submit(ada, mode="pro")
    shop.submit(ada, mode="pro")
    other = shop.submit(ada, mode="std")
    Job.objects.filter(pk=first.pk).update(status="dispatched")

    assert [job.pk for job in queueing.waiting("away", now=datetime.now(UTC))] == [other.pk]


# -- rights ------------------------------------------------------------------------------------
RELAXED = """
[[rate]]
id = "relaxed"
match = { lane = "relaxed", plan = "pro" }
form = "flat"
price = "0"
free = true
"""
PRO = """
[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业版" }
unpriced = true
"""


def test_what_another_plan_alone_has_a_price_for_is_not_in_this_one(ada: Account) -> None:
    rates = shop.RATE.replace('form = "per', 'match = { lane = "standard" }\nform = "per') + RELAXED
    shop.open_shop(plans=limited('allow = { lane = ["standard"] }') + PRO, rates=rates)
    factories.give(ada, 100)
    before = shop.facts_of(ada)

    with pytest.raises(NotEntitled) as refused:
        shop.quote(ada, lane="relaxed")
    with pytest.raises(NotEntitled):
        shop.submit(ada, lane="relaxed")
    with pytest.raises(Unpriced):
        shop.submit(ada, lane="night")  # no plan has a price for it

    assert refused.value.facts["required_plan"] == "pro"
    assert shop.facts_of(ada) == before


def test_a_joint_limit_says_with_what(ada: Account) -> None:
    open_limited(
        "concurrency = 5", 'limit = [{ when = { resolution = "1080p" }, max = { seconds = 5 } }]'
    )
    factories.give(ada, 1000)
    before = shop.facts_of(ada)

    with pytest.raises(NotEntitled) as refused:
        shop.submit(ada, resolution="1080p", seconds=6)

    assert refused.value.message == (
        "The plan Free allows seconds up to 5 with resolution 1080p, not 6."
    )
    assert shop.facts_of(ada) == before
    assert shop.submit(ada, resolution="1080p", seconds=5).status == "queued"
    assert shop.submit(ada, resolution="720p", seconds=30).status == "queued"
    fitting = [
        dict(one.change) for one in shop.quote(ada, resolution="1080p", seconds=8).alternatives
    ]
    assert fitting == [{"resolution": "720p"}, {"seconds": 5}]


def test_a_joint_limit_by_a_range_holds_for_what_has_decimal_places(ada: Account) -> None:
    joint = 'limit = [{ when = { seconds = { min = 6 } }, allow = { resolution = ["720p"] } }]'
    open_limited("concurrency = 5", joint, models=DECIMAL)
    factories.give(ada, 1000)
    before = shop.facts_of(ada)

    for seconds in (7, "7.5", "6.000001"):
        with pytest.raises(NotEntitled):
            shop.submit(ada, seconds=seconds, resolution="1080p")

    assert shop.facts_of(ada) == before
    assert shop.submit(ada, seconds="5.5", resolution="1080p").status == "queued"


def test_a_surcharge_by_a_range_is_asked_for_what_has_decimal_places(ada: Account) -> None:
    long = '[[modifier]]\nid = "long"\nmatch = { seconds = { min = 6 } }\nfactor = "3"\n'
    shop.open_shop(long, models=DECIMAL)

    prices = [shop.quote(ada, seconds=one).quote.total_micros for one in ("5.5", 7, "7.5")]

    assert prices == [11 * MICROS, 42 * MICROS, 45 * MICROS]


def test_a_way_in_is_a_right_too(ada: Account) -> None:
    open_limited("concurrency = 5", 'allow = { surface = ["web"] }')
    factories.give(ada, 1000)
    before = shop.facts_of(ada)

    for order in (order_of({}, surface="cli"), order_of({}, by_service=True)):
        with pytest.raises(NotEntitled, match="surface"):
            shop.submit(ada, order)

    assert shop.facts_of(ada) == before
    assert shop.submit(ada, order_of({})).context["surface"] == "web"


def test_without_any_plan_nothing_is_made_and_the_smallest_that_would_do_is_named(
    ada: Account,
) -> None:
    paid = """
    [[plan]]
    code = "basic"
    name = { en = "Basic", zh = "基础" }
    prices = [{ currency = "CNY", interval = "P1M", list = "10" }]
    entitlements = { allow = { mode = ["std"] } }
    [[plan]]
    code = "gone"
    name = { en = "Gone", zh = "旧" }
    prices = [{ currency = "CNY", interval = "P1M", list = "20" }]
    until = 2020-01-01T00:00:00+00:00
    [[plan]]
    code = "pro"
    name = { en = "Pro", zh = "专业" }
    prices = [{ currency = "CNY", interval = "P1M", list = "30" }]
    """
    shop.open_shop(plans=paid)
    factories.give(ada, 1000)
    before = shop.facts_of(ada)

    with pytest.raises(NotEntitled) as refused:
        shop.submit(ada, mode="pro")

    assert refused.value.facts["required_plan"] == "pro"
    assert shop.facts_of(ada) == before
    told = shop.quote(ada, mode="pro")
    assert [(one.kind, one.plan) for one in told.alternatives] == [("plan", "pro")]


def test_the_flags_of_the_plan_stay_those_of_the_order(ada: Account) -> None:
    open_limited("concurrency = 5", "flags = { watermark = true }")
    factories.give(ada, 1000)
    job = shop.submit(ada)
    open_limited("concurrency = 5", "flags = { watermark = false }")

    with transaction.atomic():
        jobs.cancel(job=job, actor=shop.USER, now=datetime.now(UTC))

    assert Job.objects.get().flags == {"watermark": True}
    assert shop.submit(ada).flags == {"watermark": False}
    assert shop.submit(ada).quoted_micros == 10 * MICROS


def test_a_count_may_go_by_the_days_of_its_own_zone(eve: Account) -> None:
    count = '{ window = "day", orders = 1, zone = "America/New_York" }'
    open_limited("concurrency = 100", f"count = [{count}]")
    factories.give(eve, 100)
    shop.submit(eve)

    with pytest.raises(QuotaExceeded) as refused:
        shop.submit(eve)

    resets_at = datetime.fromisoformat(str(refused.value.facts["resets_at"]))
    assert resets_at.astimezone(ZoneInfo("America/New_York")).strftime("%H:%M") == "00:00"
    assert Job.objects.count() == 1
    assert factories.free_micros(eve) == 90 * MICROS
