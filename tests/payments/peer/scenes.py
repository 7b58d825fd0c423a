"""What the tests of the emulator begin with."""

import stripe

from tests.stripe_peer.driver import Peer

SUCCESS_URL = "https://shop.example/done?session={CHECKOUT_SESSION_ID}"
CANCEL_URL = "https://shop.example/back"


def price(api: stripe.StripeClient, amount: int = 1000, currency: str = "usd") -> stripe.Price:
    """Sell something once."""
    product = api.v1.products.create({"name": "100 credits"})
    return api.v1.prices.create(
        {"product": product.id, "currency": currency, "unit_amount": amount}
    )


def session(
    api: stripe.StripeClient, amount: int = 1000, currency: str = "usd", quantity: int = 1
) -> stripe.checkout.Session:
    """Open a checkout for it."""
    return api.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": price(api, amount, currency).id, "quantity": quantity}],
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
            "payment_intent_data": {"metadata": {"fact": "pack-1"}},
        }
    )


def page(opened: stripe.checkout.Session) -> str:
    """Return where a checkout can be paid."""
    assert opened.url is not None
    return opened.url


def paid(api: stripe.StripeClient, card: str = "pm_card_visa", amount: int = 1000) -> str:
    """Charge a card; return the payment intent's id."""
    intent = api.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "payment_method": card,
            "allowed_payment_method_types": ["card"],
            "confirm": True,
        }
    )
    assert intent.status == "succeeded"
    return intent.id


def payer(api: stripe.StripeClient, card: str) -> tuple[str, str]:
    """Make a customer who has kept a card; return both ids."""
    customer = api.v1.customers.create({})
    method = api.v1.payment_methods.attach(card, {"customer": customer.id})
    return customer.id, method.id


def events(peer: Peer) -> list[str]:
    """Return what was told so far, in order."""
    return [event["type"] for event in peer.objects().get("event", [])]
