"""Each object has the fields, and the kinds of values, that Stripe's own description has."""

from typing import Any

import stripe

from tests.payments.peer.describing import class_of, misfits
from tests.payments.peer.scenes import page, paid, payer, session
from tests.stripe_peer.driver import CHALLENGED, DECLINED, Peer


def told(peer: Peer) -> list[str]:
    """Return what is wrong with any object, or with any event's copy of one."""
    wrong = {
        misfit
        for kind, things in peer.objects().items()
        for thing in things
        if not thing.get("deleted")
        for misfit in misfits(thing, class_of(kind), kind)
    }
    return sorted(wrong)


def test_objects_around_a_payment_are_as_stripe_describes_them(
    api: stripe.StripeClient, peer: Peer
) -> None:
    for number in ("4242424242424242", CHALLENGED, DECLINED):
        peer.pay(page(session(api)), number)
    peer.pay(page(session(api, currency="cny")), method="wechat_pay")
    peer.pay(page(session(api, currency="cny")), method="alipay")
    customer, method = payer(api, "pm_card_visa")
    api.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": method,
            "confirm": True,
            "return_url": "https://shop.example",
        }
    )
    api.v1.refunds.create({"payment_intent": paid(api)})
    disputed = paid(api, "pm_card_createDispute")
    dispute = api.v1.disputes.list({"payment_intent": disputed}).data[0]
    api.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    api.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/", "enabled_events": ["customer.created"]}
    )

    made: dict[str, Any] = peer.objects()

    assert {"charge", "checkout.session", "dispute", "event", "refund"} <= made.keys()
    assert told(peer) == []
