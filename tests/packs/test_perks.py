"""Jobs at once, by what an account has bought."""

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.packs import selectors
from billing.packs.services import Paid
from billing.subscriptions import services as subscriptions
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
STEPS = (
    'step = [{ bought = "100", currency = "USD", concurrency = 4 }, '
    '{ bought = "500", currency = "CNY", concurrency = 9 }]'
)


def allowed(account: Account, *, at: datetime | None = None) -> int:
    plan = plans.current().catalog.plan("free")
    assert plan is not None
    return selectors.concurrency_of(account, plan, at=at or factories.later(account, DAY * 0))


def test_without_a_purchase_it_is_the_plans_number_in_one_statement(
    ada: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = factories.later(ada, DAY * 0)
    plan = plans.current().catalog.plan("free")
    assert plan is not None

    with django_assert_num_queries(1):
        assert selectors.concurrency_of(ada, plan, at=now) == 3


def test_packs_that_add_add_up_each_of_a_quantity(ada: Account) -> None:
    shelf.give(ada, "fast", fact="order:1")
    shelf.give(ada, "fast", quantity=2, fact="order:2")

    assert allowed(ada) == 3 + 2 + 4


def test_of_perks_the_highest_counts_and_what_is_added_comes_on_top(ada: Account) -> None:
    shelf.activate(ada, shelf.give(ada, "later", fact="order:1"))
    shelf.give(ada, "fast", fact="order:2")

    assert allowed(ada) == 7 + 2


def test_a_pack_that_waits_brings_no_perk(ada: Account) -> None:
    shelf.give(ada, "later")

    assert allowed(ada) == 3


def test_perks_end_with_the_validity(ada: Account) -> None:
    bought = shelf.give(ada, "fast")
    assert bought.expires_at is not None

    assert allowed(ada, at=bought.expires_at - timedelta(microseconds=1)) == 5
    assert allowed(ada, at=bought.expires_at) == 3


def test_perks_outlast_the_spending_of_the_credits(ada: Account) -> None:
    shelf.give(ada, "fast")
    factories.capture(ada, factories.hold(ada, 10), 10 * MICROS)
    assert Grant.objects.get().available_micros == 0

    assert allowed(ada) == 5


def test_perks_of_a_pack_for_the_subscription_need_one(ada: Account) -> None:
    shelf.give(ada, "subscribed")
    assert allowed(ada) == 3

    subscriptions.start(account=ada, plan="standard")

    assert allowed(ada) == 30


def test_steps_are_reached_by_what_was_ever_paid_in_one_currency(ada: Account) -> None:
    shelf.publish_shop(shelf.shop_text(steps=STEPS))
    shelf.give(ada, "fast", fact="order:1", paid=Paid(60 * MICROS, "USD"))
    factories.later(ada, 6 * DAY)  # its perk is over
    shelf.give(ada, "plain", fact="order:2", paid=Paid(450 * MICROS, "CNY"))
    assert allowed(ada) == 3

    shelf.give(ada, "plain", fact="order:3", paid=Paid(40 * MICROS, "USD"))
    assert allowed(ada) == 4

    shelf.give(ada, "plain", fact="order:4", paid=Paid(50 * MICROS, "CNY"))
    assert allowed(ada) == 9


def test_what_others_bought_does_not_count(ada: Account) -> None:
    shelf.give(factories.new_account("bob"), "fast")

    assert allowed(ada) == 3
