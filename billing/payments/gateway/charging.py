"""Money that is taken from a saved card without its owner; and the page, if he must be asked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from billing.payments.gateway.client import (
    FACT,
    Declined,
    StripeAway,
    StripeRefused,
    Wire,
    understood,
)
from billing.payments.gateway.reading import id_of, moment, part, words
from billing.payments.money import stripe_amount

# The bank's word for: its customer must prove himself first.
AUTHENTICATION: Final = "authentication_required"
CANCELED: Final = "canceled"
OPEN: Final = "requires_payment_method"
PAID: Final = frozenset({"processing", "succeeded"})
_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card that its owner has left with Stripe for later; never its number.

    Attributes:
        said: as people know it: "visa •••• 4242".
        expires: its last month: "2027-01".
    """

    id: str
    said: str
    expires: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What shall be taken.

    Attributes:
        key: with which the request is made; the same one takes the money once.
        metadata: FACT among it, by which the payment is found again.
    """

    key: str
    customer_id: str
    amount_micros: int
    currency: str
    name: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tried:
    """A payment that was tried.

    Attributes:
        status: Stripe's word for how it stands.
        declined: the bank's word for why not; "": it was not declined.
    """

    payment_id: str
    status: str
    declined: str


@dataclass(frozen=True, slots=True)
class Page:
    """Where a buyer pays by himself."""

    id: str
    url: str
    expires_at: datetime


def saved_card(wire: Wire, customer_id: str) -> SavedCard | None:
    """Return the card that a customer pays with: the one for his bills, else the newest.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        client = wire.client().v1
        usual = part(
            client.customers.retrieve(customer_id).to_dict(),
            *("invoice_settings", "default_payment_method"),
        )
        page = client.customers.payment_methods.list(customer_id, {"type": "card", "limit": _PAGE})
        cards = [one.to_dict() for one in page.data]
    cards.sort(key=lambda one: (one["id"] == id_of(usual), one["created"]), reverse=True)
    return _card(cards[0]) if cards else None


def card_of(wire: Wire, contract_id: str) -> SavedCard | None:
    """Return the card that a subscription is paid with: its own, else its customer's.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        told = (
            wire.client()
            .v1.subscriptions.retrieve(contract_id, {"expand": ["default_payment_method"]})
            .to_dict()
        )
    own: Any = told.get("default_payment_method")
    if part(own, "card") is not None:
        return _card(own)
    return saved_card(wire, id_of(told["customer"]))


def tried(wire: Wire, charge: Charge) -> Tried | None:
    """Return the payment that was made for a charge before; None: there was none.

    The key alone would not do: Stripe forgets keys after a day. It is looked for among the
    customer's newest, for nothing else is charged for him meanwhile.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        page = wire.client().v1.payment_intents.list(
            {"customer": charge.customer_id, "limit": _PAGE}
        )
        return next(_ours(page.data, charge.metadata[FACT]), None)


def take(wire: Wire, charge: Charge, card: SavedCard) -> Tried:
    """Take the money from a saved card; say how it went.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    asked: Any = {
        "amount": stripe_amount(charge.amount_micros, charge.currency),
        "currency": charge.currency.lower(),
        "customer": charge.customer_id,
        "payment_method": card.id,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "confirm": True,
        "off_session": True,
        "description": charge.name,
        "metadata": dict(charge.metadata),
    }
    try:
        with understood():
            made = wire.client().v1.payment_intents.create(asked, {"idempotency_key": charge.key})
            return _tried(made.to_dict())
    except Declined as declined:
        code = AUTHENTICATION if declined.needs_action else declined.code
        return Tried(declined.payment_id, OPEN, code)


def give_up(wire: Wire, payment_id: str) -> None:
    """Nothing can be taken by this payment any more. A repeat changes nothing.

    Raises:
        StripeAway: as it says; or the payment has got another way meanwhile.
    """
    intents = wire.client().v1.payment_intents
    try:
        with understood():
            intents.cancel(payment_id)
    except StripeRefused:
        with understood():
            status = intents.retrieve(payment_id).status
        if status != CANCELED:
            raise StripeAway("the payment goes on") from None


def open_page(wire: Wire, charge: Charge, *, success_url: str, language: str) -> Page:
    """Return the page on which the buyer pays what could not be taken without him.

    The card that he uses there is saved for the next time.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    price = {
        "currency": charge.currency.lower(),
        "unit_amount": stripe_amount(charge.amount_micros, charge.currency),
        "product_data": {"name": charge.name},
    }
    asked: Any = {
        "mode": "payment",
        "customer": charge.customer_id,
        "client_reference_id": charge.key,
        "line_items": [{"price_data": price, "quantity": 1}],
        "allowed_payment_method_types": ["card"],
        "payment_intent_data": {
            "metadata": dict(charge.metadata),
            "setup_future_usage": "off_session",
        },
        "success_url": success_url,
        "locale": language,
        "metadata": dict(charge.metadata),
    }
    with understood():
        sessions = wire.client().v1.checkout.sessions
        made = sessions.create(asked, {"idempotency_key": f"{charge.key}:page"}).to_dict()
        return Page(str(made["id"]), str(made["url"]), moment(made["expires_at"]))


def _ours(made: Iterable[Any], fact: str) -> Iterator[Tried]:
    for one in made:
        told = one.to_dict()
        if words(told.get("metadata")).get(FACT) == fact:
            yield _tried(told)


def _tried(told: Mapping[str, Any]) -> Tried:
    error = told.get("last_payment_error")
    code = str(part(error, "code") or "")
    declined = code if code == AUTHENTICATION else str(part(error, "decline_code") or code)
    return Tried(str(told["id"]), str(told["status"]), declined)


def _card(told: Mapping[str, Any]) -> SavedCard:
    card = told["card"]
    return SavedCard(
        id=str(told["id"]),
        said=f"{card['brand']} •••• {card['last4']}",
        expires=f"{card['exp_year']:04}-{card['exp_month']:02}",
    )
