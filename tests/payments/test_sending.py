"""Approved refunds on their way to Stripe, over the wire, whatever the wire does."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from billing.accounts.models import Account
from billing.insights import audit
from billing.payments.gateway import StripeAway, configured, payments
from billing.payments.models import Purchase, Refund
from billing.payments.services import applying, sending
from billing.webhooks.models import Event
from tests import factories
from tests.payments import back
from tests.payments.back import PAID
from tests.stripe_peer.driver import Peer

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(db: None, peer: Peer) -> Account:
    """Ada buys at the emulator."""
    back.open_shop()
    return factories.new_account("ada")


def bought(account: Account, api: stripe.StripeClient) -> Purchase:
    """Return a purchase that a card has paid for; what it is of stands on the payment."""
    told = back.payment(account)
    made = api.v1.payment_intents.create(
        {
            "amount": 9000,
            "currency": "cny",
            "payment_method": "pm_card_visa",
            "allowed_payment_method_types": ["card"],
            "confirm": True,
            "metadata": dict(told.metadata),
        }
    )
    wire = configured()
    assert wire is not None
    return back.look(replace(payments.payment(wire, made.id), card=""))


def see(purchase: Purchase) -> None:
    """Look at the payment, as an event would have us do."""
    applying.look(kind="payment_intent", stripe_id=purchase.stripe_id, now=datetime.now(UTC))


def test_an_approved_refund_is_paid_back_once_whatever_is_repeated(
    ada: Account, peer: Peer
) -> None:
    purchase = bought(ada, peer.client())
    asked = back.ask(purchase, PAID // 2)
    back.approve(asked)

    for _time in range(2):
        sending.send(refund_id=asked)
        see(purchase)

    [made] = peer.objects()["refund"]
    assert (made["amount"], made["metadata"]) == (4500, {"linggan_refund": asked})
    refund = Refund.objects.get()
    assert (refund.state, refund.stripe_id) == ("succeeded", made["id"])
    assert back.standing(ada) == (60, 0)
    assert Event.objects.filter(type="payment.refunded").count() == 1


def test_an_answer_that_never_came_is_asked_for_again(ada: Account, peer: Peer) -> None:
    asked = back.ask(bought(ada, peer.client()), PAID // 2)
    back.approve(asked)
    peer.break_next("cut_after", method="POST", path="/v1/refunds", times=3)
    with pytest.raises(StripeAway):
        sending.send(refund_id=asked)
    assert Refund.objects.get().state == "approved"

    later = datetime.now(UTC) + timedelta(minutes=11)
    assert sending.send_late(now=later) == 1

    assert len(peer.objects()["refund"]) == 1
    assert (Refund.objects.get().state, back.standing(ada)) == ("succeeded", (60, 0))


def test_an_answer_that_came_days_ago_is_looked_for_before_it_is_asked_for_again(
    ada: Account, peer: Peer
) -> None:
    """Stripe knows a key for a day, and half of the money can go back twice."""
    asked = back.ask(bought(ada, peer.client()), PAID // 2)
    back.approve(asked)
    peer.break_next("cut_after", method="POST", path="/v1/refunds", times=3)
    with pytest.raises(StripeAway):
        sending.send(refund_id=asked)
    peer.advance(2 * 24 * 3600)

    sending.send_late(now=datetime.now(UTC) + timedelta(days=2))

    [made] = peer.objects()["refund"]
    assert made["amount"] == 4500
    assert (Refund.objects.get().state, back.standing(ada)) == ("succeeded", (60, 0))


def test_money_that_went_back_at_stripe_while_ours_was_on_its_way_is_not_counted_twice(
    ada: Account, peer: Peer
) -> None:
    purchase = bought(ada, peer.client())
    asked = back.ask(purchase)
    back.approve(asked)
    peer.refund(purchase.stripe_id)  # all of it, by somebody in the Dashboard

    for _time in range(2):
        see(purchase)
        back.as_at_the_commit()
        purchase.refresh_from_db()
        assert purchase.refunded_micros == PAID
        assert back.standing(ada) == (0, 0)
        assert not list(audit.breaches())
        sending.send_late(now=datetime.now(UTC) + timedelta(minutes=11))

    assert Refund.objects.get(pk=asked).state == "failed"


def test_what_stripe_refuses_gives_the_credits_back(ada: Account, peer: Peer) -> None:
    purchase = bought(ada, peer.client())
    asked = back.ask(purchase, PAID // 2)
    back.approve(asked)
    peer.refund(purchase.stripe_id)  # all of it, by somebody in the Dashboard
    assert back.standing(ada) == (60, 0)

    sending.send(refund_id=asked)

    ours = Refund.objects.get()
    assert (ours.state, bool(ours.failure)) == ("failed", True)
    assert back.standing(ada) == (120, 0)
    see(purchase)
    assert back.standing(ada) == (0, 0)
    assert not list(audit.breaches())


def test_a_dispute_at_stripe_takes_and_its_end_decides(ada: Account, peer: Peer) -> None:
    purchase = bought(ada, peer.client())
    opened = peer.dispute(purchase.stripe_id)
    see(purchase)
    assert back.standing(ada) == (0, 0)

    peer.end_dispute(opened["id"], is_won=True)
    see(purchase)

    assert back.standing(ada) == (120, 0)
    told = Event.objects.filter(type="payment.disputed").order_by("sequence")
    assert [json.loads(event.payload)["data"]["status"] for event in told] == [
        "needs_response",
        "won",
    ]


def test_a_refund_that_a_bank_returns_gives_the_credits_back(ada: Account, peer: Peer) -> None:
    purchase = bought(ada, peer.client())
    asked = back.ask(purchase)
    back.approve(asked)
    sending.send(refund_id=asked)
    stripe_id = Refund.objects.get().stripe_id

    peer.end_refund(stripe_id, "failed")
    see(purchase)

    assert (Refund.objects.get().state, back.standing(ada)) == ("failed", (120, 0))
