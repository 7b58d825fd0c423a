"""What is known of an account and a moment decides prices: plan, way in, region, book, number."""

from datetime import timedelta
from typing import Any

import pytest

from billing.accounts.models import Account
from billing.jobs.errors import QuoteExpired
from billing.jobs.models import Job
from billing.subscriptions import services as subscriptions
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop
from tests.jobs.shop import order_of

BOOKS = """
surfaces = ["web", "api", "cli"]
"""
PLANS = shop.FREE + (
    '[[plan]]\ncode = "pro"\nname = { en = "Pro", zh = "专业" }\n'
    'prices = [{ currency = "CNY", interval = "P1M", list = "30" }]\n'
)
BY_CONTEXT = """
[[book]]
code = "mainland"
regions = ["cn"]
currencies = ["CNY"]
[[book]]
code = "world"
currencies = ["USD"]
[[rate]]
id = "base"
form = "flat"
price = "10"
[[rate]]
id = "cli"
match = { surface = "cli" }
form = "flat"
price = "11"
[[rate]]
id = "world"
match = { book = "world", surface = ["web", "api"] }
form = "flat"
price = "12"
[[modifier]]
id = "member"
match = { plan = "pro" }
factor = "0.5"
[[modifier]]
id = "usd"
match = { currency = "USD" }
add = "1"
"""


def price_of(account: Account, order: Any = None) -> int:  # noqa: ANN401 (an order, or none)
    return shop.quote(account, order or order_of({})).quote.total_micros // MICROS


def test_the_way_in_and_the_book_decide(ada: Account) -> None:
    shop.open_shop(head=BOOKS, rates=BY_CONTEXT, plans=PLANS)
    factories.give(ada, 100)

    assert price_of(ada) == 10
    assert price_of(ada, order_of({}, surface="cli")) == 11
    Account.objects.filter(pk=ada.pk).update(region="us", currency="USD")
    ada.refresh_from_db()
    assert price_of(ada) == 13

    job = shop.submit(ada, order_of({}, by_service=True))
    assert job.context == {
        "plan": "free",
        "surface": "api",
        "region": "us",
        "currency": "USD",
        "book": "world",
    }
    assert job.quoted_micros == 13 * MICROS


def test_a_settlement_goes_by_what_was_true_at_the_order(ada: Account) -> None:
    shop.open_shop(head=BOOKS, rates=BY_CONTEXT, plans=PLANS)
    factories.give(ada, 100)
    job = shop.submit(ada, order_of({"count": 2}))
    Account.objects.filter(pk=ada.pk).update(region="us", currency="USD")

    done = shop.finish(job, made=1)

    assert done.charged_micros == 10 * MICROS


VOLUME = """
[[rate]]
id = "volume"
form = "tiers"
basis = "month_count"
[[rate.tier]]
up_to = 2
price = "4.8"
[[rate.tier]]
price = "4"
"""


RISING = VOLUME.replace("up_to = 2", "up_to = 1").replace("4.8", "1").replace('"4"', '"10"')


def test_the_next_order_is_priced_by_its_number_in_the_month(ada: Account) -> None:
    shop.open_shop(rates=VOLUME)
    factories.give(ada, 100)
    first = shop.finish(shop.submit(ada))
    shop.fail(shop.submit(ada))  # comes to nothing, and is not counted

    second = shop.finish(shop.submit(ada))
    third = shop.submit(ada)

    prices = [job.quoted_micros for job in (first, second, third)]
    assert prices == [4_800_000, 4_800_000, 4_000_000]
    assert third.context["month_count"] == 2


def test_orders_that_may_still_be_canceled_lower_no_price(ada: Account) -> None:
    shop.open_shop(rates=VOLUME)
    factories.give(ada, 100)
    decoys = [shop.submit(ada) for _number in range(3)]

    fourth = shop.submit(ada)

    assert fourth.quoted_micros == 4_800_000
    for decoy in decoys[:2]:
        shop.finish(decoy)
    assert shop.submit(ada).quoted_micros == 4_000_000


def test_orders_under_way_are_not_overlooked_where_the_next_is_dearer(ada: Account) -> None:
    shop.open_shop(rates=RISING)
    factories.give(ada, 100)

    prices = [shop.submit(ada).quoted_micros // MICROS for _number in range(3)]

    assert prices == [1, 10, 10]
    assert shop.quote(ada).quote.total_micros == 10 * MICROS


def test_quotes_told_beforehand_do_not_stretch_a_price(ada: Account) -> None:
    shop.open_shop(rates=RISING)
    factories.give(ada, 100)
    first, second = shop.quote(ada), shop.quote(ada)
    shop.submit(ada, order_of({}, quote_id=first.quote.pk))
    before = shop.facts_of(ada)

    with pytest.raises(QuoteExpired):
        shop.submit(ada, order_of({}, quote_id=second.quote.pk))

    assert shop.facts_of(ada) == before
    assert first.quote.total_micros == second.quote.total_micros == MICROS


def test_a_quote_whose_number_in_the_month_costs_the_same_still_holds(ada: Account) -> None:
    shop.open_shop(rates=VOLUME)
    factories.give(ada, 100)
    first, second = shop.quote(ada), shop.quote(ada)

    jobs = [shop.submit(ada, order_of({}, quote_id=told.quote.pk)) for told in (first, second)]

    assert [job.quoted_micros for job in jobs] == [4_800_000, 4_800_000]


def test_another_task_and_another_month_count_by_themselves(ada: Account) -> None:
    eve = factories.new_account("eve", is_sandbox=True)
    tasks = shop.MODEL + '  [[model.task]]\n  code = "image_to_video"\n'
    shop.open_shop(models=tasks, rates=VOLUME)
    factories.give(ada, 100)
    for _number in range(3):
        shop.submit(ada)

    other = shop.quote(ada, task="image_to_video")

    assert other.assessment.context["month_count"] == 0
    assert Job.objects.count() == 3
    factories.give(eve, 100)
    assert shop.quote(eve).assessment.context["month_count"] == 0


def test_nothing_is_counted_where_no_price_asks(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 100)

    assert "month_count" not in shop.submit(ada).context


def test_hours_and_dates_are_judged_by_the_wallets_clock(ada: Account) -> None:
    eve = factories.new_account("eve", is_sandbox=True)
    rise = """
    [[modifier]]
    id = "dearer"
    factor = "2"
    from = 2040-01-01T00:00:00+00:00
    """
    shop.open_shop(rise)
    factories.give(eve, 100)
    before = shop.quote(eve).quote.total_micros

    factories.later(eve, timedelta(days=365 * 15))

    assert (before, shop.quote(eve).quote.total_micros) == (10 * MICROS, 20 * MICROS)


@pytest.mark.parametrize("plan", ["free", "pro"])
def test_a_plan_has_its_own_price(ada: Account, plan: str) -> None:
    shop.open_shop(head=BOOKS, rates=BY_CONTEXT, plans=PLANS)
    factories.give(ada, 100)
    if plan == "pro":
        subscriptions.start(account=ada, plan="pro")

    assert price_of(ada) == {"free": 10, "pro": 5}[plan]
