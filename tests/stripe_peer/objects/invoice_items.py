"""Invoice items: https://docs.stripe.com/api/invoiceitems."""

from typing import Final

from stripe import params

from tests.stripe_peer.billing import invoicing, items, lines, waiting
from tests.stripe_peer.billing.amounts import price_of
from tests.stripe_peer.billing.lines import Charge
from tests.stripe_peer.billing.periods import Period
from tests.stripe_peer.listing import listed, matching
from tests.stripe_peer.money import currency_of
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import Thing, World, merge_metadata

_URL: Final = "/v1/invoiceitems"
_KNOWN: Final = frozenset(
    {
        "amount",
        "currency",
        "customer",
        "description",
        "discountable",
        "invoice",
        "metadata",
        "period",
        "price_data",
        "pricing",
        "quantity",
        "subscription",
    }
)


@operation("POST", _URL, params.InvoiceItemCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Let an amount or a price wait for the customer's next invoice, or join a draft."""
    given = asked.params
    items.require_known(given, _KNOWN)
    if "customer" not in given:
        raise missing("customer")
    customer = world.get("customer", given["customer"], "customer")
    now = world.now(customer["id"])
    charge, currency = _charge(world, given, now)
    item = waiting.put(world, charge, customer=customer, currency=currency, now=now)
    merge_metadata(item, given)
    if "invoice" in given:
        _join(world, item, given["invoice"])
    return item


@operation("GET", _URL, params.InvoiceItemListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By customer, invoice, or whether they still wait (`pending`)."""
    given = asked.params
    known = matching(world.all("invoiceitem"), given, "customer", "invoice")
    if "pending" in given:
        known = [one for one in known if (one["invoice"] is None) == given["pending"]]
    return listed([{**one, "created": one["_created"]} for one in known], given, _URL)


@operation("GET", f"{_URL}/{{id}}", params.InvoiceItemRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("invoiceitem", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.InvoiceItemUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """Its amount, description and metadata, while it waits."""
    item = _waiting(world, asked.ids["id"])
    items.require_known(asked.params, frozenset({"amount", "description", "metadata"}))
    for name in ("amount", "description"):
        if name in asked.params:
            item[name] = asked.params[name]
    item["net_amount"] = item["amount"]
    merge_metadata(item, asked.params)
    return item


@operation("DELETE", f"{_URL}/{{id}}", params.InvoiceItemDeleteParams)
def delete(world: World, asked: Asked) -> Thing:
    """Only one that still waits goes."""
    item = _waiting(world, asked.ids["id"])
    del world.kinds["invoiceitem"][item["id"]]
    world.emit("invoiceitem.deleted", item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def _charge(world: World, given: Thing, now: int) -> tuple[Charge, str]:
    wanted = dict(given.get("pricing") or {})
    if "price_data" in given:
        wanted["price_data"] = given["price_data"]
    quantity = given.get("quantity", 1)
    of = given.get("subscription")
    if of is not None:
        world.get("subscription", of, "subscription")
    period = given.get("period") or {"start": now, "end": now}
    price = items.price_named(world, wanted, "pricing", recurs=False) if wanted else None
    if price is None and "amount" not in given:
        raise missing("amount")
    currency = price["currency"] if price else currency_of(given.get("currency", "usd"))
    amount = price_of(price, quantity) if price else given["amount"]
    words = given.get("description") or (lines.product_name(world, price) if price else "")
    return (
        Charge(
            amount,
            words,
            Period(period["start"], period["end"]),
            price,
            quantity,
            subscription=of,
            is_discountable=given.get("discountable", amount >= 0),
        ),
        currency,
    )


def _join(world: World, item: Thing, identity: str) -> None:
    invoice = world.get("invoice", identity, "invoice")
    invoicing.require(invoice, "draft", doing="add an item to")
    if invoice["currency"] != item["currency"]:
        raise Refused("The invoice is in another currency.", param="invoice")
    line = lines.written(
        waiting.as_charge(item), world.new_id("il"), invoice["currency"], invoice["id"]
    )
    item["invoice"] = invoice["id"]
    invoice["lines"]["data"].append(line)
    invoice["lines"]["total_count"] += 1
    invoicing.total_up(invoice, world.get("customer", invoice["customer"]))
    world.emit("invoice.updated", invoice, {})


def _waiting(world: World, identity: str) -> Thing:
    item = world.get("invoiceitem", identity)
    if item["invoice"] is not None:
        invoicing.require(world.get("invoice", item["invoice"]), "draft", doing="change an item of")
    return item
