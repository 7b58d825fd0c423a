"""What the tests of Billing sell, driven by stripe-python itself."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.stripe_peer.clocks import Clock
from tests.stripe_peer.driver import Peer

BEGIN = "2026-01-31T10:00:00"
GOOD = "tok_visa"
DECLINED_LATER = "tok_chargeCustomerFail"
ASKS = "tok_authenticationRequired"


def at(text: str) -> int:
    """Return an instant of UTC in seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class Shop:
    """Two monthly prices and a yearly one, a clock, and a customer with a good card.

    Args:
        at: the emulator, or a client of Stripe's own test mode.
    """

    def __init__(self, at: Peer | stripe.StripeClient, begin: str = BEGIN) -> None:
        self._peer = at if isinstance(at, Peer) else None
        self.client = at.client() if isinstance(at, Peer) else at
        self.v1 = self.client.v1
        self.clock = Clock.at(self.client, begin)
        self.product = self.v1.products.create({"name": "Pro"}).id
        self.small = self.price(2000)
        self.large = self.price(5000)
        self.yearly = self.price(20_000, interval="year")
        self.customer = self.customer_with(GOOD)

    @property
    def peer(self) -> Peer:
        """The emulator, for what Stripe leaves to people: pages, the Dashboard, settings."""
        if self._peer is None:
            pytest.skip("Only a person could do this at Stripe itself.")
        return self._peer

    def price(self, amount: int, *, interval: str | None = "month", currency: str = "usd") -> str:
        """Make a price; without an interval it is paid once."""
        wanted: Any = {"product": self.product, "currency": currency, "unit_amount": amount}
        if interval is not None:
            wanted["recurring"] = {"interval": interval}
        return self.v1.prices.create(wanted).id

    def customer_with(self, token: str | None) -> str:
        """Make a customer under the clock, with a default card or none."""
        customer = self.v1.customers.create(
            {"email": "payer@example.com", "test_clock": self.clock.id}
        ).id
        if token is not None:
            self.give_card(customer, token)
        return customer

    def give_card(self, customer: str, token: str) -> str:
        """Attach a card to a customer as his default."""
        card = self.v1.payment_methods.create({"type": "card", "card": {"token": token}}).id
        self.v1.payment_methods.attach(card, {"customer": customer})
        self.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card}})
        return card

    def subscribe(self, price: str | None = None, **wanted: Any) -> Any:  # noqa: ANN401 (Stripe's)
        """Begin a subscription of the customer, and return it with its first invoice."""
        given: Any = {
            "customer": self.customer,
            "items": [{"price": price or self.small}],
            "expand": ["latest_invoice"],
            **wanted,
        }
        return self.v1.subscriptions.create(given)

    def update(self, subscription: Any, **wanted: Any) -> Any:  # noqa: ANN401 (Stripe's)
        """Change a subscription, and return it with its latest invoice."""
        given: Any = {"expand": ["latest_invoice"], **wanted}
        return self.v1.subscriptions.update(subscription.id, given)

    def switch(self, subscription: Any, price: str, **wanted: Any) -> Any:  # noqa: ANN401 (Stripe's)
        """Give a subscription's only item another price."""
        item = {"id": subscription["items"].data[0].id, "price": price}
        return self.update(subscription, items=[item], **wanted)

    def look(self, subscription: Any) -> Any:  # noqa: ANN401 (Stripe's)
        """Return a subscription as it is now, with its latest invoice."""
        return self.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})

    def invoices(self, subscription: Any) -> list[Any]:  # noqa: ANN401 (Stripe's)
        """Return the invoices of a subscription, the oldest first."""
        found = self.v1.invoices.list({"subscription": subscription.id, "limit": 100})
        return found.data[::-1]

    def go_to(self, text: str) -> None:
        """Let time pass until an instant of UTC."""
        self.clock.go_to(text)

    def go_on(self, **duration: float) -> None:
        """Let so much time pass: days=3."""
        self.clock.go_on(timedelta(**duration))

    def events(self, customer: str | None = None) -> list[dict[str, Any]]:
        """Return what was told of a customer, in order."""
        wanted = customer or self.customer
        return [
            event
            for event in self.peer.objects()["event"]
            if wanted in (event["data"]["object"].get("customer"), event["data"]["object"]["id"])
        ]

    def told(self, customer: str | None = None) -> Counter[str]:
        """Return how often what was told of a customer."""
        return Counter(event["type"] for event in self.events(customer))


def lines(invoice: Any) -> list[tuple[str, int]]:  # noqa: ANN401 (Stripe's)
    """Return what the lines of an invoice say, and cost."""
    return [(line.description, line.amount) for line in invoice.lines.data]


def refused(error: stripe.StripeError) -> tuple[int | None, str | None]:
    """Return the status and the code of a refusal."""
    return error.http_status, error.code
