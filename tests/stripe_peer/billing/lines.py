"""The lines of invoices: what each is for, what it costs, and what a discount takes off it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.stripe_peer.billing.amounts import price_of
from tests.stripe_peer.billing.periods import Period
from tests.stripe_peer.money import worded
from tests.stripe_peer.world import Thing, World


@dataclass(frozen=True)
class Charge:
    """What a line will say, before any invoice has it.

    Attributes:
        amount: in the currency's smallest unit; below zero it is a credit.
        item: the subscription item's id, if it is for one.
        invoice_item: the invoice item's id, if it was waiting as one.
        credited: (invoice, line) of what a credit takes back, if it was invoiced.
    """

    amount: int
    description: str
    period: Period
    price: Thing | None = None
    quantity: int = 1
    item: str | None = None
    invoice_item: str | None = None
    subscription: str | None = None
    is_proration: bool = False
    is_discountable: bool = True
    credited: tuple[str, str] | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def whole_period(world: World, item: Thing, period: Period) -> Charge:
    """Return the charge of a subscription item for one whole period."""
    price, quantity = item["price"], item["quantity"]
    recurring = price["recurring"]
    every = (
        recurring["interval"]
        if recurring["interval_count"] == 1
        else f"{recurring['interval_count']} {recurring['interval']}s"
    )
    rate = f"{worded(price['unit_amount'] or 0, price['currency'])} / {every}"
    return Charge(
        price_of(price, quantity),
        f"{quantity} × {product_name(world, price)} (at {rate})",  # noqa: RUF001 (as Stripe has it)
        period,
        price,
        quantity,
        item["id"],
        subscription=item["subscription"],
    )


def trial_period(world: World, item: Thing, period: Period) -> Charge:
    """Return the charge of a subscription item for its trial: nothing."""
    return Charge(
        0,
        f"Trial period for {product_name(world, item['price'])}",
        period,
        item["price"],
        item["quantity"],
        item["id"],
        subscription=item["subscription"],
        is_discountable=False,
    )


def one_time(world: World, price: Thing, quantity: int, now: int, subscription: str) -> Charge:
    """Return the charge of a price that does not recur, beside a subscription."""
    return Charge(
        price_of(price, quantity),
        product_name(world, price),
        Period(now, now),
        price,
        quantity,
        subscription=subscription,
    )


def written(charge: Charge, line_id: str, currency: str, invoice: str | None) -> Thing:
    """Return a charge as the line of an invoice, before discounts."""
    price = charge.price
    return {
        "id": line_id,
        "object": "line_item",
        "amount": charge.amount,
        "currency": currency,
        "description": charge.description,
        "discount_amounts": [],
        "discountable": charge.is_discountable and not charge.is_proration,
        "discounts": [],
        "invoice": invoice,
        "livemode": False,
        "metadata": dict(charge.metadata),
        "parent": _parent(charge),
        "period": {"start": charge.period.start, "end": charge.period.end},
        "pretax_credit_amounts": [],
        "pricing": pricing_of(price),
        "quantity": charge.quantity,
        "quantity_decimal": str(charge.quantity),
        "subscription": charge.subscription,
        "subtotal": charge.amount,
        "taxes": [],
    }


def pricing_of(price: Thing | None) -> Thing | None:
    """Return the part of a line or an invoice item that names its price."""
    if price is None:
        return None
    return {
        "type": "price_details",
        "price_details": {"price": price["id"], "product": price["product"]},
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def product_name(world: World, price: Thing) -> str:
    """Return how a customer knows what a price is for."""
    product = world.find(price["product"]) or {}
    return str(product.get("name") or price["nickname"] or price["product"])


def written_day(instant: int) -> str:
    """Return a day for a person: "08 Mar 2026"."""
    return datetime.fromtimestamp(instant, UTC).strftime("%d %b %Y")


def _parent(charge: Charge) -> Thing:
    details: Thing = {
        "invoice_item": charge.invoice_item,
        "proration": charge.is_proration,
        "proration_details": {
            "credited_items": {
                "invoice": charge.credited[0],
                "invoice_line_items": [charge.credited[1]],
            }
            if charge.credited
            else None
        },
        "subscription": charge.subscription,
    }
    if charge.item is None:
        return {
            "type": "invoice_item_details",
            "invoice_item_details": details,
            "subscription_item_details": None,
        }
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": details | {"subscription_item": charge.item},
    }
