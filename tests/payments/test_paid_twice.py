"""What is paid a second time for one thing has a row of its own, and goes back by itself."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from billing.accounts.models import Account
from billing.insights import audit
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.payments.gateway.seen import SeenDispute, SeenPayment, SeenRefund
from billing.payments.models import Purchase, Refund
from billing.payments.services import sending
from plans.credits import MICROS
from tests import factories
from tests.payments import back
from tests.payments.till import Till

pytestmark = pytest.mark.django_db
HUNDRED = 100
BONUS = 20


@pytest.fixture
def bob(db: None) -> Account:
    """Bob is about to buy a pack of a hundred, with a bonus."""
    back.open_shop()
    return factories.new_account("bob")


def paid_again(
    first: SeenPayment, refunds: Iterable[SeenRefund] = (), disputes: Iterable[SeenDispute] = ()
) -> Purchase:
    """Let another payment for the same fact be seen."""
    return back.look(replace(first, id=f"{first.id}_again"), refunds, disputes)


def refunds_of(purchase: Purchase) -> list[tuple[str, str, int]]:
    """Return what goes back of a payment: why, how far it is, how much."""
    rows = Refund.objects.filter(purchase=purchase).order_by("id")
    return list(rows.values_list("reason", "state", "amount_micros"))


def test_a_second_payment_for_one_fact_gives_nothing_and_goes_back(bob: Account) -> None:
    seen = back.payment(bob)
    first = back.look(seen)

    paid_again(seen)
    second = paid_again(seen)

    assert Purchase.objects.count() == 2
    assert (second.amount_micros, second.refunded_micros, second.credited_micros) == (
        *(back.PAID, back.PAID),
        0,
    )
    assert refunds_of(second) == [("paid_twice", "approved", back.PAID)]
    assert Message.objects.filter(task=TaskName.SEND_REFUND).count() == 1
    first.refresh_from_db()
    assert (first.refunded_micros, first.taken_micros) == (0, 0)
    assert back.standing(bob) == (HUNDRED + BONUS, 0)
    assert list(audit.breaches()) == []


def test_a_second_payment_that_went_back_at_stripe_does_not_go_back_again(bob: Account) -> None:
    seen = back.payment(bob)
    back.look(seen)

    second = paid_again(seen, [back.refund(back.PAID)])

    assert refunds_of(second) == [("at_stripe", "succeeded", back.PAID)]
    assert not Message.objects.filter(task=TaskName.SEND_REFUND).exists()
    assert back.standing(bob) == (HUNDRED + BONUS, 0)


@pytest.mark.parametrize(("decided", "state"), [("won", "approved"), ("lost", "withdrawn")])
def test_a_second_payment_that_a_bank_has_waits_for_it(
    bob: Account, decided: str, state: str
) -> None:
    seen = back.payment(bob)
    back.look(seen)

    second = paid_again(seen, disputes=[back.dispute()])
    assert refunds_of(second) == [("paid_twice", "requested", back.PAID)]

    second = paid_again(seen, disputes=[back.dispute(status=decided)])
    assert refunds_of(second) == [("paid_twice", state, back.PAID)]
    assert back.standing(bob) == (HUNDRED + BONUS, 0)


def test_stripe_pays_a_second_payment_back_and_leaves_the_first(till: Till, ada: Account) -> None:
    checkout = till.buy()
    till.settle()
    [paid] = till.peer.objects()["payment_intent"]
    again = till.peer.client().v1.payment_intents.create(
        {
            "amount": paid["amount"],
            "currency": paid["currency"],
            "customer": paid["customer"],
            "payment_method": "pm_card_visa",
            "confirm": True,
            "metadata": paid["metadata"],
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    till.settle()

    [refund] = Refund.objects.all()
    sending.send(refund_id=refund.pk)
    till.settle()

    [returned] = till.peer.objects()["refund"]
    assert (returned["payment_intent"], returned["amount"]) == (again.id, paid["amount"])
    refund.refresh_from_db()
    assert (refund.state, refund.purchase.stripe_id) == ("succeeded", again.id)
    first = Purchase.objects.get(fact=f"stripe:{checkout.pk}")
    assert (first.stripe_id, first.refunded_micros) == (paid["id"], 0)
    assert factories.free_micros(ada) == 105 * MICROS
