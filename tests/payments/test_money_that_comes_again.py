"""Money that comes again after its plan had lapsed is given, pays a debt, or goes back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.models import Contract, Purchase
from billing.payments.services import returning
from billing.subscriptions import selectors, services
from tests import factories
from tests.payments import back
from tests.payments.contracts import a_checkout, here, pay
from tests.payments.test_time_and_money import MONTH, PRICE, WINDOW, a_month, ada, lapse, stands

__all__ = ["ada"]
pytestmark = pytest.mark.django_db


def going_back(purchase: Purchase) -> list[tuple[str, str, int]]:
    """Return what goes back by itself of a payment: why, how far it is, how much."""
    ours = purchase.refunds.filter(rule="not_given").order_by("id")
    return list(ours.values_list("reason", "state", "amount_micros"))


def give_a_plan(account: Account) -> None:
    """Let an operator give what nobody pays for."""
    services.start(account=account, plan="pro")


def buy_anew(account: Account) -> None:
    """Let the contract have ended, and another be bought."""
    Contract.objects.update(ended_at=here(account))
    factories.later(account, timedelta(seconds=2))  # a period is known by the second of its begin
    pay(a_checkout(account, plan="pro"), here(account), 0)


def test_what_comes_again_after_its_contract_has_ended_goes_back(ada: Account) -> None:
    _checkout, _anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    Contract.objects.update(ended_at=here(ada))

    stands(purchase, (PRICE, "failed"))

    assert selectors.open_of(ada) is None
    assert going_back(purchase) == [("ended", "approved", PRICE)]


@pytest.mark.parametrize("be_on_another", [give_a_plan, buy_anew])
def test_what_comes_again_beside_another_subscription_goes_back(
    ada: Account, be_on_another: Callable[[Account], None]
) -> None:
    """Its time lapsed for want of it, and nobody can be on two plans."""
    _checkout, _anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    be_on_another(ada)
    other, had = selectors.open_of(ada), back.standing(ada)

    for _again in range(2):
        purchase = stands(purchase, (PRICE, "failed"))

    assert going_back(purchase) == [("subscribed_already", "approved", PRICE)]
    assert Message.objects.filter(task=TaskName.SEND_REFUND).count() == 1
    assert (purchase.refunded_micros, purchase.taken_micros) == (PRICE, purchase.credited_micros)
    assert selectors.open_of(ada) == other
    assert back.standing(ada) == had
    assert list(audit.breaches()) == []


def test_what_is_going_back_is_not_given_meanwhile(ada: Account) -> None:
    """The other subscription has ended by then, and Stripe goes on to collect for the first."""
    _checkout, _anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    give_a_plan(ada)
    stands(purchase, (PRICE, "failed"))
    services.end(account=ada)

    stands(purchase, (PRICE, "failed"))

    assert selectors.open_of(ada) is None
    assert going_back(purchase) == [("subscribed_already", "approved", PRICE)]


def test_what_comes_again_when_its_time_is_over_goes_back(ada: Account) -> None:
    _checkout, _anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    factories.later(ada, 2 * MONTH)

    purchase = stands(purchase, (PRICE, "failed"))

    assert going_back(purchase) == [("ended", "approved", PRICE)]
    assert back.standing(ada) == (0, 0)


def test_what_comes_again_for_time_that_was_had_to_its_end_stays(ada: Account) -> None:
    checkout, anchor, purchase = a_month(ada)
    factories.later(ada, MONTH)
    pay(checkout, anchor, 1)
    stands(purchase, (PRICE, "succeeded"))
    Contract.objects.update(ended_at=here(ada))
    lapse(ada)

    purchase = stands(purchase, (PRICE, "failed"))

    assert going_back(purchase) == []
    assert purchase.taken_micros == 0


def test_what_comes_again_to_who_still_owes_for_it_pays_that(ada: Account) -> None:
    """He has used what it brought: whoever is right before the bank is not paid back for it."""
    _checkout, _anchor, purchase = a_month(ada)
    back.spend(ada, 600)
    stands(purchase, dispute="lost")
    assert back.standing(ada) == (0, 600)
    lapse(ada)
    Contract.objects.update(ended_at=here(ada))

    purchase = stands(purchase, dispute="won")

    assert going_back(purchase) == []
    assert purchase.taken_micros == 0
    assert back.standing(ada) == (WINDOW - 600, 0)


def test_what_can_neither_be_given_again_nor_paid_back_gives_its_credits(ada: Account) -> None:
    _checkout, _anchor, purchase = a_month(ada)
    stands(purchase, (PRICE, "succeeded"))
    lapse(ada)
    give_a_plan(ada)
    free, _owed = back.standing(ada)
    purchase = stands(purchase, (PRICE, "failed"))
    refund = purchase.refunds.get(rule="not_given")

    with transaction.atomic():
        locked, ours = returning.lock_refund(refund.pk)
        returning.give_up(locked, ours, failure="charge_disputed: no")
    purchase = stands(purchase, (PRICE, "failed"))

    assert going_back(purchase) == [("subscribed_already", "failed", PRICE)]
    assert (purchase.refunded_micros, purchase.taken_micros) == (0, 0)
    assert back.standing(ada) == (free + WINDOW, 0)


def test_who_had_ended_it_before_his_money_went_has_what_it_was_when_that_comes_again(
    ada: Account,
) -> None:
    _checkout, _anchor, purchase = a_month(ada)
    Contract.objects.update(ended_at=here(ada))
    lapse(ada)
    factories.later(ada, timedelta(hours=1))
    stands(purchase, (PRICE, "succeeded"))

    purchase = stands(purchase, (PRICE, "failed"))

    assert going_back(purchase) == []
    assert purchase.taken_micros == 0
    assert back.standing(ada) == (WINDOW, 0)
