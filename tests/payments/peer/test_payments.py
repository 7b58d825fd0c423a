"""Payment intents, cards, refunds and disputes, as stripe-python sees them."""

import pytest
import stripe

from tests.payments.peer.scenes import events, paid, payer
from tests.stripe_peer.driver import Peer


def charge(
    client: stripe.StripeClient, card: str, customer: str | None = None, *, is_off: bool = False
) -> stripe.PaymentIntent:
    facts: stripe.params.PaymentIntentCreateParams = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": card,
        "allowed_payment_method_types": ["card"],
        "confirm": True,
        "expand": ["latest_charge"],
    }
    if customer is not None:
        facts["customer"] = customer
    if is_off:
        facts["off_session"] = True
    return client.v1.payment_intents.create(facts)


def test_a_good_card_pays(either: stripe.StripeClient) -> None:
    intent = charge(either, "pm_card_visa")

    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.paid, intent.latest_charge.amount_refunded) == (True, 0)


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
def test_a_bad_card_is_402_and_says_why(
    either: stripe.StripeClient, card: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        charge(either, card)

    error = declined.value.error
    assert error is not None
    assert declined.value.http_status == 402
    assert (error.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    assert error.charge is not None
    assert not either.v1.charges.retrieve(error.charge).paid


def test_a_card_that_could_be_kept_declines_later(either: stripe.StripeClient) -> None:
    customer, method = payer(either, "pm_card_chargeCustomerFail")

    with pytest.raises(stripe.CardError) as declined:
        charge(either, method, customer, is_off=True)

    assert declined.value.code == "card_declined"


def test_a_bad_card_cannot_be_kept(either: stripe.StripeClient) -> None:
    customer = either.v1.customers.create({})

    with pytest.raises(stripe.CardError):
        either.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})

    assert either.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data == []


def test_off_session_nobody_can_be_asked(either: stripe.StripeClient) -> None:
    customer, method = payer(either, "pm_card_authenticationRequired")

    with pytest.raises(stripe.CardError) as declined:
        charge(either, method, customer, is_off=True)

    error = declined.value.error
    assert error is not None
    assert error.code == "authentication_required"
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"


def test_on_session_the_bank_asks_and_then_it_is_paid(api: stripe.StripeClient, peer: Peer) -> None:
    intent = charge(api, "pm_card_threeDSecure2Required")
    assert intent.status == "requires_action"
    page = f"{peer.url}/authorize/{intent.id}"
    assert "emulat" in peer.look(page).html

    peer.turn("POST", f"/payments/{intent.id}", outcome="succeeded")

    assert api.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert events(peer) == [
        "payment_intent.created",
        "payment_intent.requires_action",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_card_that_was_set_up_is_not_asked_off_session(
    api: stripe.StripeClient, peer: Peer
) -> None:
    customer = api.v1.customers.create({})
    setup = api.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True,
            "return_url": "https://shop.example/card",
        }
    )
    assert setup.status == "requires_action"
    shown = peer.look(f"{peer.url}/authorize/{setup.id}")
    assert shown.status == 200
    assert setup.next_action is not None
    assert setup.next_action.redirect_to_url is not None
    assert setup.next_action.redirect_to_url.url == f"{peer.url}/authorize/{setup.id}"
    peer.pay(f"{peer.url}/authorize/{setup.id}", outcome="complete")

    method = api.v1.setup_intents.retrieve(setup.id).payment_method
    assert isinstance(method, str)
    assert charge(api, method, customer.id, is_off=True).status == "succeeded"


def test_a_paid_intent_can_be_neither_confirmed_nor_canceled(either: stripe.StripeClient) -> None:
    intent = paid(either)

    for again in (either.v1.payment_intents.confirm, either.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            again(intent)
        assert refusal.value.code == "payment_intent_unexpected_state"
    assert either.v1.payment_intents.retrieve(intent).status == "succeeded"


def test_an_intent_that_nobody_paid_can_be_canceled(either: stripe.StripeClient) -> None:
    intent = either.v1.payment_intents.create({"amount": 1000, "currency": "usd"})

    canceled = either.v1.payment_intents.cancel(intent.id)

    assert (canceled.status, canceled.amount_received) == ("canceled", 0)


@pytest.mark.parametrize("amount", [0, -5, 49])
def test_too_little_is_not_charged(either: stripe.StripeClient, amount: int) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        either.v1.payment_intents.create({"amount": amount, "currency": "usd"})

    assert refusal.value.param == "amount"


def test_redirects_need_a_way_back(either: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        either.v1.payment_intents.create(
            {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        )


# -- refunds -----------------------------------------------------------------------------------
def test_money_goes_back_in_parts_and_never_more_than_came(either: stripe.StripeClient) -> None:
    intent = paid(either)
    either.v1.refunds.create({"payment_intent": intent, "amount": 300})
    either.v1.refunds.create({"payment_intent": intent, "amount": 300})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        either.v1.refunds.create({"payment_intent": intent, "amount": 401})
    rest = either.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        either.v1.refunds.create({"payment_intent": intent})

    assert rest.amount == 400
    assert refusal.value.code == "charge_already_refunded"
    charge = either.v1.charges.list({"payment_intent": intent, "expand": ["data.refunds"]}).data[0]
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    assert charge.refunds is not None
    assert [refund.amount for refund in charge.refunds.data] == [400, 300, 300]


def test_a_refund_that_fails_brings_the_money_back_to_us(
    api: stripe.StripeClient, peer: Peer
) -> None:
    intent = paid(api)
    refund = api.v1.refunds.create({"payment_intent": intent, "amount": 300})

    peer.end_refund(refund.id, "failed")

    assert api.v1.refunds.retrieve(refund.id).status == "failed"
    charge = api.v1.charges.list({"payment_intent": intent}).data[0]
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert events(peer)[-3:] == ["refund.failed", "refund.updated", "charge.refund.updated"]


def test_a_refund_can_wait(api: stripe.StripeClient, peer: Peer) -> None:
    peer.turn("POST", "/next_refund", status="pending")
    refund = api.v1.refunds.create({"payment_intent": paid(api)})
    assert refund.status == "pending"

    peer.end_refund(refund.id, "succeeded")

    assert api.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_two_cards_decide_their_refunds_after_a_minute(
    api: stripe.StripeClient, peer: Peer
) -> None:
    late = api.v1.refunds.create({"payment_intent": paid(api, "pm_card_pendingRefund")})
    failing = api.v1.refunds.create({"payment_intent": paid(api, "pm_card_refundFail")})
    assert (late.status, failing.status) == ("pending", "succeeded")

    peer.advance(90)

    assert api.v1.refunds.retrieve(late.id).status == "succeeded"
    assert api.v1.refunds.retrieve(failing.id).status == "failed"


# -- disputes ----------------------------------------------------------------------------------
def test_a_disputed_charge_cannot_be_refunded_until_it_is_won(
    api: stripe.StripeClient, peer: Peer
) -> None:
    intent = paid(api, "pm_card_createDispute")
    dispute = api.v1.disputes.list({"payment_intent": intent}).data[0]
    assert (dispute.status, dispute.amount) == ("needs_response", 1000)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.refunds.create({"payment_intent": intent})
    assert refusal.value.code == "charge_disputed"

    won = api.v1.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    assert (won.status, sum(move.amount for move in won.balance_transactions)) == ("won", 0)
    assert events(peer)[-5:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]
    assert api.v1.refunds.create({"payment_intent": intent}).status == "succeeded"


@pytest.mark.parametrize("way", ["evidence", "close"])
def test_a_lost_dispute_is_lost_for_ever(api: stripe.StripeClient, peer: Peer, way: str) -> None:
    intent = paid(api)
    dispute = str(peer.dispute(intent)["id"])

    if way == "close":
        api.v1.disputes.close(dispute)
    else:
        text = {"evidence": {"uncategorized_text": "losing_evidence"}}
        api.v1.disputes.update(dispute, text)  # type: ignore[arg-type] # a literal would do

    assert api.v1.disputes.retrieve(dispute).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.disputes.close(dispute)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        api.v1.refunds.create({"payment_intent": intent})
    assert refusal.value.code == "charge_disputed"


def test_an_inquiry_takes_no_money(api: stripe.StripeClient, peer: Peer) -> None:
    intent = paid(api, "pm_card_createDisputeInquiry")
    dispute = api.v1.disputes.list({"payment_intent": intent}).data[0]

    assert dispute.status == "warning_needs_response"
    assert dispute.balance_transactions == []
    assert "charge.dispute.funds_withdrawn" not in events(peer)
    assert api.v1.refunds.create({"payment_intent": intent}).status == "succeeded"
