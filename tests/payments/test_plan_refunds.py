"""A plan's month that was paid back: its credits, its time, and no other month's."""

from dataclasses import replace

import pytest

from billing.accounts.models import Account
from billing.payments.models import Purchase
from billing.subscriptions import selectors
from plans.credits import MICROS
from tests import factories
from tests.payments import back
from tests.payments.contracts import a_checkout, here, pay
from tests.subscriptions.paid import nth

pytestmark = pytest.mark.django_db
PRICE = 66 * MICROS


@pytest.fixture
def ada(db: None) -> Account:
    """Ada is about to buy a plan of 660 credits a month."""
    back.open_shop()
    return factories.new_account("ada")


def paid_back(purchase: Purchase, micros: int) -> Purchase:
    """Let so much of a month's money go back."""
    seen = replace(
        back.payment(purchase.account, paid_micros=PRICE), id=purchase.stripe_id, metadata={}
    )
    return back.look(seen, [back.refund(micros)])


def test_a_month_that_is_paid_back_takes_its_credits_and_its_time(ada: Account) -> None:
    checkout, anchor = a_checkout(ada), here(ada)
    purchase = pay(checkout, anchor, 0)
    back.spend(ada, 100)

    purchase = paid_back(purchase, PRICE)

    assert purchase.taken_micros == 660 * MICROS
    assert back.standing(ada) == (0, 100)
    subscription = selectors.open_of(ada)
    assert subscription is not None
    assert subscription.paid_until == anchor


def test_a_third_of_a_month_leaves_its_time(ada: Account) -> None:
    checkout, anchor = a_checkout(ada), here(ada)
    purchase = pay(checkout, anchor, 0)

    paid_back(purchase, PRICE // 3)

    assert back.standing(ada) == (440, 0)
    subscription = selectors.open_of(ada)
    assert subscription is not None
    assert subscription.paid_until == nth(anchor, "P1M", 0).ends_at


def test_a_month_that_was_told_late_is_not_anothers(ada: Account) -> None:
    """The first month becomes known in the second: its windows began in none of the second's."""
    checkout, anchor = a_checkout(ada), here(ada)
    first = nth(anchor, "P1M", 0)
    factories.later(ada, first.ends_at - first.starts_at)
    early, late = pay(checkout, anchor, 0), pay(checkout, anchor, 1)
    had = back.standing(ada)[0]

    late = paid_back(late, PRICE)

    early.refresh_from_db()
    assert (late.taken_micros, early.taken_micros) == (660 * MICROS, 0)
    assert back.standing(ada) == (had - 660, 0)
