"""Invoice items: what a customer owes or is owed, until his next invoice takes it up."""

import stripe

from tests.stripe_peer.billing import items, lines
from tests.stripe_peer.billing.lines import Charge, pricing_of
from tests.stripe_peer.billing.periods import Period
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World


def put(world: World, charge: Charge, *, customer: Thing, currency: str, now: int) -> Thing:
    """Keep a charge as an invoice item, and tell it."""
    item: Thing = {
        **nulls(stripe.InvoiceItem),
        "id": world.new_id("ii"),
        "object": "invoiceitem",
        "amount": charge.amount,
        "currency": currency,
        "customer": customer["id"],
        "date": now,
        "description": charge.description,
        "discountable": charge.is_discountable and not charge.is_proration,
        "discounts": [],
        "livemode": False,
        "metadata": dict(charge.metadata),
        "net_amount": charge.amount,
        "parent": _parent(charge),
        "period": {"start": charge.period.start, "end": charge.period.end},
        "pricing": pricing_of(charge.price),
        "proration": charge.is_proration,
        "quantity": charge.quantity,
        "quantity_decimal": str(charge.quantity),
        "tax_rates": [],
        "test_clock": customer["test_clock"],
        "_created": now,
        "_charge": charge,
    }
    world.add(item)
    world.emit("invoiceitem.created", item)
    return item


def put_prices(world: World, subscription: Thing, wanted: list[Thing], now: int) -> None:
    """Keep prices that do not recur as invoice items of a subscription (`add_invoice_items`).

    Raises:
        Refused: there is no such price, or it recurs.
    """
    customer = world.get("customer", subscription["customer"])
    for n, one in enumerate(wanted):
        price = items.price_named(world, one, f"add_invoice_items[{n}]", recurs=False)
        charge = lines.one_time(world, price, one.get("quantity", 1), now, subscription["id"])
        put(world, charge, customer=customer, currency=subscription["currency"], now=now)


def for_invoice(
    world: World, *, customer: str, currency: str, subscription: str | None
) -> list[Charge]:
    """Return the charges of the invoice items that the next such invoice takes up.

    Args:
        subscription: the one that is invoiced; items of other subscriptions wait on.
    """
    return [
        as_charge(item)
        for item in world.all("invoiceitem")
        if item["invoice"] is None
        and item["customer"] == customer
        and item["currency"] == currency
        and item["_charge"].subscription in (None, subscription)
    ]


def as_charge(item: Thing) -> Charge:
    """Return what the line of an invoice item will say, as the item is now."""
    known: Charge = item["_charge"]
    return Charge(
        item["amount"],
        item["description"] or "",
        Period(item["period"]["start"], item["period"]["end"]),
        known.price,
        item["quantity"],
        known.item,
        invoice_item=item["id"],
        subscription=known.subscription,
        is_proration=known.is_proration,
        is_discountable=item["discountable"],
        credited=known.credited,
        metadata=dict(item["metadata"]),
    )


def _parent(charge: Charge) -> Thing | None:
    if charge.subscription is None:
        return None
    return {
        "type": "subscription_details",
        "subscription_details": {
            "subscription": charge.subscription,
            "subscription_item": charge.item,
        },
    }
