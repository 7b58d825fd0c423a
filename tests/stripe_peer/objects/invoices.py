"""Invoices and their payments: https://docs.stripe.com/api/invoices."""

from typing import Any, Final

from stripe import params

from tests.stripe_peer.billing import (
    collecting,
    discounts,
    invoicing,
    items,
    previewing,
    standing,
    waiting,
)
from tests.stripe_peer.billing.periods import HOUR
from tests.stripe_peer.listing import includable, listed, matching
from tests.stripe_peer.refusals import Refused, missing
from tests.stripe_peer.routing import Asked, operation
from tests.stripe_peer.world import Thing, World, merge_metadata, shown

_URL: Final = "/v1/invoices"
_PAYMENTS: Final = "/v1/invoice_payments"
_CREATED: Final = frozenset(
    {
        "auto_advance",
        "collection_method",
        "currency",
        "customer",
        "days_until_due",
        "default_payment_method",
        "description",
        "discounts",
        "due_date",
        "footer",
        "metadata",
        "pending_invoice_items_behavior",
        "subscription",
    }
)
_UPDATED: Final = frozenset(
    {
        "auto_advance",
        "collection_method",
        "days_until_due",
        "default_payment_method",
        "description",
        "due_date",
        "footer",
        "metadata",
    }
)
_PLAIN: Final = ("collection_method", "default_payment_method", "description", "due_date", "footer")


@includable("invoice", "payments")
def payments_of(world: World, invoice: Thing) -> Thing:
    """Return the payments of an invoice."""
    known = matching(world.all("invoice_payment"), {"invoice": invoice["id"]}, "invoice")
    data = [shown(one) for one in known]
    return {"object": "list", "data": data, "has_more": False, "url": _PAYMENTS}


@includable("invoice", "confirmation_secret")
def secret_of(world: World, invoice: Thing) -> Thing | None:
    """Return what a browser needs to confirm an invoice's payment."""
    if collecting.payment_of(world, invoice) is None:
        return None
    secret = collecting.intent_of(world, invoice)["client_secret"]
    return {"client_secret": secret, "type": "payment_intent"}


@operation("POST", _URL, params.InvoiceCreateParams)
def create(world: World, asked: Asked) -> Thing:
    """Make a draft, empty or of what has waited (`pending_invoice_items_behavior`)."""
    given = asked.params
    items.require_known(given, _CREATED)
    if "customer" not in given:
        raise missing("customer")
    customer = world.get("customer", given["customer"], "customer")
    now = world.now(customer["id"])
    of = given.get("subscription")
    subscription = world.get("subscription", of, "subscription") if of else None
    currency = given.get("currency") or customer["currency"] or "usd"
    behavior = given.get("pending_invoice_items_behavior", "include" if of else "exclude")
    charges = (
        waiting.for_invoice(world, customer=customer["id"], currency=currency, subscription=of)
        if behavior == "include"
        else []
    )
    wanted = given.get("discounts") or []
    redeemed = discounts.redeem(world, wanted, customer=customer["id"], subscription=None, now=now)
    invoice = invoicing.made(
        world,
        customer=customer,
        charges=charges,
        currency=currency,
        reason="subscription_update" if of else "manual",
        now=now,
        subscription=subscription,
        discounts=[world.get("discount", one) for one in redeemed],
    )
    _change(invoice, given)
    return invoicing.keep_draft(
        world, invoice, finalizes_itself=given.get("auto_advance", bool(of))
    )


@operation("GET", _URL, params.InvoiceListParams)
def list_all(world: World, asked: Asked) -> Thing:
    """By customer, subscription, status."""
    given = asked.params
    known = [
        invoice
        for invoice in matching(world.all("invoice"), given, "customer", "status")
        if given.get("subscription") in (None, invoicing.subscription_of(invoice))
    ]
    return listed(known, given, _URL)


@operation("POST", f"{_URL}/create_preview", params.InvoiceCreatePreviewParams)
def create_preview(world: World, asked: Asked) -> Thing:
    """What the next invoice would be; nothing is kept."""
    return previewing.preview(world, asked.params)


@operation("GET", f"{_URL}/{{id}}", params.InvoiceRetrieveParams)
def retrieve(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("invoice", asked.ids["id"])


@operation("POST", f"{_URL}/{{id}}", params.InvoiceUpdateParams)
def update(world: World, asked: Asked) -> Thing:
    """A draft's fields; of a finalized one only the metadata and `auto_advance`."""
    invoice = world.get("invoice", asked.ids["id"])
    items.require_known(asked.params, _UPDATED)
    if asked.params.keys() - {"metadata", "auto_advance", "default_payment_method"}:
        invoicing.require(invoice, "draft", doing="update")
    _change(invoice, asked.params)
    if "auto_advance" in asked.params:
        invoice["auto_advance"] = asked.params["auto_advance"]
        is_draft = invoice["status"] == "draft"
        if is_draft:
            at = world.now(invoice["customer"]) + HOUR
            invoice["automatically_finalizes_at"] = at if invoice["auto_advance"] else None
    world.emit("invoice.updated", invoice, {})
    return invoice


@operation("DELETE", f"{_URL}/{{id}}", params.InvoiceDeleteParams)
def delete(world: World, asked: Asked) -> Thing:
    """Only a draft that is of no subscription goes; its items wait again."""
    invoice = world.get("invoice", asked.ids["id"])
    invoicing.require(invoice, "draft", doing="delete")
    for item in world.all("invoiceitem"):
        if item["invoice"] == invoice["id"]:
            item["invoice"] = None
    del world.kinds["invoice"][invoice["id"]]
    world.emit("invoice.deleted", invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


@operation("GET", f"{_URL}/{{id}}/lines", params.InvoiceListLinesParams)
def list_lines(world: World, asked: Asked) -> Thing:
    """In their order."""
    lines: list[Any] = world.get("invoice", asked.ids["id"])["lines"]["data"]
    return listed(lines[::-1], asked.params, asked.path)


@operation("POST", f"{_URL}/{{id}}/finalize", params.InvoiceFinalizeInvoiceParams)
def finalize(world: World, asked: Asked) -> Thing:
    """Give a draft its number; with `auto_advance` its money is taken at once."""
    invoice = world.get("invoice", asked.ids["id"])
    now = world.now(invoice["customer"])
    if "auto_advance" in asked.params:
        invoice["auto_advance"] = asked.params["auto_advance"]
    collecting.finalize(world, invoice, now)
    if invoice["auto_advance"] and _is_charged(invoice):
        collecting.attempt(world, invoice, now, by_itself=True)
    return invoice


@operation("POST", f"{_URL}/{{id}}/pay", params.InvoicePayParams)
def pay(world: World, asked: Asked) -> Thing:
    """Take the money of an open invoice now, or say that it came elsewhere."""
    invoice = world.get("invoice", asked.ids["id"])
    given = asked.params
    items.require_known(given, frozenset({"off_session", "paid_out_of_band", "payment_method"}))
    now = world.now(invoice["customer"])
    if invoice["status"] == "draft":
        collecting.finalize(world, invoice, now)
    if invoice["status"] == "paid":
        raise Refused("Invoice is already paid", code="invoice_already_paid")
    invoicing.require(invoice, "open", "uncollectible", doing="pay")
    if given.get("paid_out_of_band"):
        collecting.settle(world, invoice, now, off_stripe=True)
        return invoice
    method = given.get("payment_method")
    if method is None and collecting.method_of(world, invoice) is None:
        raise collecting.without_method()
    off_session = given.get("off_session", True)
    collecting.attempt(world, invoice, now, method=method, off_session=off_session)
    refusal = collecting.refusal_of(world, invoice)
    if refusal is not None:
        raise refusal
    return invoice


@operation("POST", f"{_URL}/{{id}}/void", params.InvoiceVoidInvoiceParams)
def void(world: World, asked: Asked) -> Thing:
    """It counts for nothing."""
    invoice = world.get("invoice", asked.ids["id"])
    collecting.drop(world, invoice, world.now(invoice["customer"]))
    standing.after_given_up(world, invoice)
    return invoice


@operation("POST", f"{_URL}/{{id}}/mark_uncollectible", params.InvoiceMarkUncollectibleParams)
def mark_uncollectible(world: World, asked: Asked) -> Thing:
    """It is given up, but may still be paid."""
    invoice = world.get("invoice", asked.ids["id"])
    invoicing.mark_uncollectible(world, invoice, world.now(invoice["customer"]), "user_forgiven")
    standing.after_given_up(world, invoice)
    return invoice


@operation("POST", f"{_URL}/{{id}}/send", params.InvoiceSendInvoiceParams)
def send(world: World, asked: Asked) -> Thing:
    """Test mode sends no mail: this only finalizes, and tells that it was sent."""
    invoice = world.get("invoice", asked.ids["id"])
    if invoice["collection_method"] != "send_invoice":
        raise Refused(
            "You can only manually send an invoice if its `collection_method` is `send_invoice`."
        )
    if invoice["status"] == "draft":
        collecting.finalize(world, invoice, world.now(invoice["customer"]))
    world.emit("invoice.sent", invoice)
    return invoice


# -- payments of invoices ----------------------------------------------------------------------
@operation("GET", _PAYMENTS, params.InvoicePaymentListParams)
def list_payments(world: World, asked: Asked) -> Thing:
    """By invoice, by payment intent: this is how a payment is found to be an invoice's."""
    given = asked.params
    intent = given.get("payment", {}).get("payment_intent")
    known = [
        one
        for one in matching(world.all("invoice_payment"), given, "invoice", "status")
        if intent in (None, one["payment"]["payment_intent"])
    ]
    return listed(known, given, _PAYMENTS)


@operation("GET", f"{_PAYMENTS}/{{id}}", params.InvoicePaymentRetrieveParams)
def retrieve_payment(world: World, asked: Asked) -> Thing:
    """As it is now."""
    return world.get("invoice_payment", asked.ids["id"])


def _change(invoice: Thing, given: Thing) -> None:
    invoice |= {name: given[name] or None for name in _PLAIN if name in given}
    if "days_until_due" in given:
        invoice["_days_until_due"] = given["days_until_due"]
    merge_metadata(invoice, given)


def _is_charged(invoice: Thing) -> bool:
    return bool(
        invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically"
    )
