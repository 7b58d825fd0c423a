"""What had an end pays nothing after it, though no sweep has written it down."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger import services as ledger
from billing.ledger.errors import InsufficientCredits
from billing.ledger.models import Hold
from billing.ledger.services import Cause
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop

DAY = timedelta(days=1)
PRO = """
[[plan]]
code = "pro"
name = { en = "Pro", zh = "专业" }
unpriced = true
  [plan.entitlements]
  concurrency = 100
  [[plan.allowance]]
  code = "month"
  cadence = "monthly"
  credits = "660"
  rollover = "while_subscribed"
"""
DAILY = """
  [[plan.allowance]]
  code = "day"
  cadence = "daily"
  credits = "66"
"""
METERED = """
[overrun]
settle_by = "usage"
measured = { seconds = "seconds" }
policy = "more"
"""


@pytest.fixture
def subscriber(ada: Account, settings: Settings) -> Iterator[Account]:
    """Eve has had the dear plan for four of its five days."""
    settings.BACKENDS["away"]["sandbox"] = True
    shop.open_shop(METERED, plans=f"{shop.FREE}{DAILY}{PRO}")
    eve = factories.new_account("eve")
    now = factories.later(eve, timedelta())
    subscriptions.start(account=eve, plan="pro", ends_at=now + 5 * DAY)
    factories.later(eve, 4 * DAY)
    yield eve
    assert list(audit.breaches()) == []


def test_what_lasted_as_long_as_the_subscription_pays_no_order_after_it(
    subscriber: Account,
) -> None:
    assert factories.free_micros(subscriber) == 660 * MICROS
    factories.later(subscriber, DAY)
    before = shop.facts_of(subscriber)

    with pytest.raises(InsufficientCredits) as refused:
        shop.submit(subscriber, seconds=30, count=4, resolution="1080p")

    assert refused.value.facts["available"] == "66"
    assert shop.facts_of(subscriber) == before
    assert not Hold.objects.exists()


def test_who_orders_after_the_end_has_the_free_plan_at_once(subscriber: Account) -> None:
    factories.later(subscriber, DAY)

    job = shop.submit(subscriber)

    assert job.plan == "free"
    assert Subscription.objects.get().ended_at is not None
    sources = job.hold.allocations.values_list("grant__series", flat=True)
    assert list(sources) == ["day"]


def test_what_ended_pays_no_overrun_either(subscriber: Account) -> None:
    job = shop.submit(subscriber, seconds=5)
    factories.later(subscriber, DAY)

    done = shop.finish(job, usage={"seconds": 30})

    assert done.charged_micros is not None
    assert done.charged_micros <= job.quoted_micros + 66 * MICROS
    connection.check_constraints()


def test_nothing_more_is_taken_for_a_job_that_has_ended(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 1000)
    job = shop.finish(shop.submit(ada))
    connection.check_constraints()
    before = shop.facts_of(ada)

    with pytest.raises(IntegrityError, match="job_matches_its_hold"), transaction.atomic():
        ledger.take_more(
            factories.lock(ada),
            reference=f"job:{job.pk}:overrun",
            amount_micros=5 * MICROS,
            catalog=plans.current().catalog,
            facts={},
            standing=frozenset(),
            cause=Cause("job", job.pk),
            actor=shop.BACKEND,
        )
        connection.check_constraints()

    assert shop.facts_of(ada) == before
