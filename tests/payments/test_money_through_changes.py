"""Money that goes back after a change of plan takes what it had become, and no other's."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger.models import Grant
from billing.payments.gateway.seen import SeenDispute, SeenRefund
from billing.payments.models import PlanChange, Purchase
from billing.payments.services import reckoning
from billing.payments.services.reckoning import Wish
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from tests import factories
from tests.payments import back
from tests.payments import till as tills
from tests.payments.till import BACK, Till
from tests.stripe_peer.driver import GOOD, Peer

pytestmark = pytest.mark.django_db
PLAN: Final = """
[[plan]]
code = "{code}"
name = {{ en = "{code}", zh = "{code}" }}
prices = [{{ currency = "USD", interval = "P1M", list = "{price}" }}]
  [[plan.allowance]]
  code = "monthly"
  credits = "{credits}"
  cadence = "monthly"
"""
PLANS: Final = "".join(
    PLAN.format(code=code, price=price, credits=credits_)
    for code, price, credits_ in (("small", 10, 100), ("large", 40, 600), ("huge", 100, 1500))
)
REPLACES: Final = """
[change_policy]
upgrade = { when = "now", credits = "replace" }
"""


def a_till(peer: Peer, *parts: str) -> Till:
    """Return a shop that sells three plans."""
    tills.open_till(*parts, packs="", plans=PLANS)
    return Till(peer)


@pytest.fixture
def till(db: None, peer: Peer) -> Till:
    """A shop where a larger plan costs, and brings, the difference."""
    return a_till(peer)


@pytest.fixture
def replacing(db: None, peer: Peer) -> Till:
    """A shop where a larger plan begins anew, and what is left of the old one is taken off."""
    return a_till(peer, REPLACES)


def subscribe(till: Till) -> Account:
    """Return an account that has paid for a month of the small plan."""
    account = factories.new_account("ada", is_sandbox=False)
    answer = till.ask({"plan": "small", "interval": "P1M", "success_url": BACK})
    assert answer.status_code == 201, answer.content
    till.peer.pay(answer.json()["url"], GOOD)
    till.settle()
    return account


def change(till: Till, plan: str) -> PlanChange:
    """Return a change of plan at once that was paid and carried out."""
    answer = till.ask({"plan": plan, "interval": "P1M"}, path="/v1/subscription/change")
    assert answer.status_code == 201, answer.content
    assert answer.json()["status"] == "applied"
    till.settle()
    return PlanChange.objects.latest("id")


def money_back(
    purchase: Purchase,
    micros: int | None = None,
    *,
    status: str = "succeeded",
    disputes: Iterable[SeenDispute] = (),
) -> Purchase:
    """Let so much of a payment go back, or all of it, as a look at Stripe tells."""
    amount = purchase.amount_micros if micros is None else micros
    refunds: list[SeenRefund] = []
    if amount:
        refunds = [back.refund(amount, status, key=f"re_{purchase.pk}")]
    seen = back.payment(purchase.account, paid_micros=purchase.amount_micros, currency="USD")
    return back.look(replace(seen, id=purchase.stripe_id, metadata={}), refunds, disputes)


def first_of(account: Account) -> Purchase:
    """Return the first payment of an account."""
    return Purchase.objects.filter(account=account, kind="plan", amount_micros__gt=0).earliest("id")


def of(one: PlanChange) -> Purchase:
    """Return the payment of a change."""
    return Purchase.objects.get(fact=f"stripe:{one.pk}")


def open_one(account: Account) -> Subscription:
    """Return what an account is on."""
    found = selectors.open_of(account)
    assert found is not None
    return found


def credits_of(account: Account) -> int:
    """Return whole credits: what is free, and what is owed taken off."""
    free, owed = back.standing(account)
    return free - owed


@transaction.atomic
def worth(account: Account) -> int:
    """Return what was paid for the period under way and has stayed, as a change would reckon."""
    return reckoning.judge(account, Wish("huge", "P1M"))[1].held.paid_micros


def test_after_a_difference_the_first_payment_takes_its_own_credits_and_the_time(
    till: Till,
) -> None:
    ada = subscribe(till)
    change(till, "large")
    had = credits_of(ada)
    begun = first_of(ada).period_starts_at

    first = money_back(first_of(ada))

    assert first.taken_micros == 100 * MICROS
    assert credits_of(ada) == had - 100
    assert open_one(ada).plan == "large"
    assert open_one(ada).paid_until == begun


def test_after_a_difference_the_changes_payment_takes_what_it_gave_and_no_time(till: Till) -> None:
    ada = subscribe(till)
    made = change(till, "large")
    until = open_one(ada).paid_until

    money_back(of(made))

    assert credits_of(ada) == 100
    assert open_one(ada).paid_until == until


def test_what_was_carried_over_goes_back_with_the_payment_that_it_came_of(replacing: Till) -> None:
    ada = subscribe(replacing)
    made = change(replacing, "large")
    assert (made.worth_micros, made.due_micros) == (10 * MICROS, 30 * MICROS)
    first = first_of(ada)
    assert made.carried == {first.pk: {"micros": 10 * MICROS, "of": 10 * MICROS}}
    assert credits_of(ada) == 600

    money_back(first)

    assert credits_of(ada) == 450  # a quarter of the new month was paid with it
    until = open_one(ada).paid_until
    assert until is not None
    assert until > datetime.now(UTC)  # and three quarters with the other

    money_back(of(made))

    assert credits_of(ada) == 0
    assert open_one(ada).paid_until == Purchase.objects.get(pk=of(made).pk).period_starts_at


def test_half_of_the_first_payment_takes_half_of_what_it_became(replacing: Till) -> None:
    ada = subscribe(replacing)
    change(replacing, "large")

    money_back(first_of(ada), 5 * MICROS)

    assert credits_of(ada) == 600 - 75


def test_what_is_shared_is_owed_by_each_payment_for_its_own_share(replacing: Till) -> None:
    ada = subscribe(replacing)
    made = change(replacing, "large")
    back.spend(ada, 500)

    money_back(of(made))

    assert back.standing(ada) == (0, 350)  # of 450, 100 were free

    money_back(first_of(ada))

    assert back.standing(ada) == (0, 500)


def test_a_refund_that_fails_gives_the_shares_again(replacing: Till) -> None:
    ada = subscribe(replacing)
    change(replacing, "large")
    money_back(first_of(ada))

    first = money_back(first_of(ada), status="failed")

    assert first.taken_micros == 0
    assert credits_of(ada) == 600


def test_money_that_went_back_is_worth_nothing_in_the_next_change(replacing: Till) -> None:
    ada = subscribe(replacing)
    change(replacing, "large")
    assert worth(ada) == 40 * MICROS

    money_back(first_of(ada))

    assert worth(ada) == 30 * MICROS

    third = change(replacing, "huge")
    paid = [one.amount_micros - one.refunded_micros for one in Purchase.objects.all()]
    assert sum(paid) == third.due_micros + 30 * MICROS
    assert list(third.carried) == [of(PlanChange.objects.earliest("id")).pk]
    assert credits_of(ada) == 1500  # what was carried over is the other payment's alone


def test_what_a_difference_cost_is_worth_something_in_its_own_period_only(till: Till) -> None:
    ada = subscribe(till)
    made = change(till, "large")

    assert worth(ada) == first_of(ada).amount_micros + made.due_micros

    money_back(of(made))

    assert worth(ada) == 10 * MICROS


def test_back_and_forth_and_all_the_money_back_leaves_nothing(replacing: Till) -> None:
    ada = subscribe(replacing)
    change(replacing, "large")
    change(replacing, "huge")

    for purchase in Purchase.objects.filter(amount_micros__gt=0).order_by("-id"):
        money_back(purchase)

    assert credits_of(ada) == 0
    assert sum(g.available_micros for g in Grant.objects.filter(wallet__account=ada)) == 0
    assert not list(audit.breaches())


@pytest.mark.parametrize("ends", ["won", "lost"])
def test_a_dispute_of_the_first_payment_ends_no_time_until_it_is_lost(
    till: Till, ends: str
) -> None:
    ada = subscribe(till)
    change(till, "large")
    until = open_one(ada).paid_until

    money_back(first_of(ada), 0, disputes=[back.dispute(10 * MICROS)])
    assert open_one(ada).paid_until == until

    money_back(first_of(ada), 0, disputes=[back.dispute(10 * MICROS, ends)])
    assert (open_one(ada).paid_until == until) is (ends == "won")
