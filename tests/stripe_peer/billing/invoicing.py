"""The life of an invoice: draft → open → paid, void or uncollectible. Money is taken elsewhere."""

from collections.abc import Iterable
from typing import Final

import stripe

from tests.stripe_peer.billing import discounts as reductions
from tests.stripe_peer.billing.amounts import settle
from tests.stripe_peer.billing.lines import Charge, written
from tests.stripe_peer.billing.periods import DAY, HOUR
from tests.stripe_peer.money import require_chargeable
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.shapes import nulls
from tests.stripe_peer.world import Thing, World

COUNTRY: Final = "US"
_ACCOUNT: Final = "An account of the emulator"
_ZERO: Final = (
    "amount_overpaid",
    "amount_paid",
    "amount_paid_off_stripe",
    "amount_shipping",
    "attempt_count",
    "post_payment_credit_notes_amount",
    "pre_payment_credit_notes_amount",
)
_UNTAXED: Final[Thing] = {
    "disabled_reason": None,
    "enabled": False,
    "liability": None,
    "provider": None,
    "status": None,
}


def made(
    world: World,
    *,
    customer: Thing,
    charges: Iterable[Charge],
    currency: str,
    reason: str,
    now: int,
    subscription: Thing | None = None,
    discounts: Iterable[Thing] = (),
) -> Thing:
    """Return a draft that nothing keeps yet: a preview is this and no more.

    Args:
        reason: Stripe's `billing_reason`.
    """
    invoice = _blank(customer, currency, reason, now)
    invoice |= {"id": world.new_id("in"), "period_start": now, "period_end": now}
    if subscription is not None:
        invoice |= _of_subscription(subscription)
    lines = [written(charge, world.new_id("il"), currency, invoice["id"]) for charge in charges]
    invoice["lines"] = {
        "object": "list",
        "data": lines,
        "has_more": False,
        "total_count": len(lines),
        "url": f"/v1/invoices/{invoice['id']}/lines",
    }
    reductions.apply(invoice, discounts)
    total_up(invoice, customer)
    return invoice


def keep_draft(world: World, invoice: Thing, *, finalizes_itself: bool) -> Thing:
    """Keep a draft and tell of it; the invoice items that it has wait no longer.

    Args:
        finalizes_itself: an hour from when it was made, unless somebody is faster.
    """
    invoice["auto_advance"] = finalizes_itself
    at = invoice["created"] + HOUR if finalizes_itself else None
    is_charged = invoice["collection_method"] == "charge_automatically"
    invoice |= {
        "automatically_finalizes_at": at,
        "next_payment_attempt": at if is_charged else None,
    }
    world.add(invoice)
    for line in invoice["lines"]["data"]:
        item = world.kinds.get("invoiceitem", {}).get(_item_of(line) or "")
        if item is not None:
            item["invoice"] = invoice["id"]
            line["_is_credited"] = item.get("_is_credited", False)
    world.emit("invoice.created", invoice)
    return invoice


def total_up(invoice: Thing, customer: Thing) -> None:
    """Write the sums that follow from the lines, the discounts and the customer's balance."""
    subtotal = sum(line["amount"] for line in invoice["lines"]["data"])
    total = subtotal - sum(off["amount"] for off in invoice["total_discount_amounts"])
    due, _balance = _settled(total, customer["balance"], invoice["currency"])
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total,
        "starting_balance": customer["balance"],
        "amount_due": due,
        "amount_remaining": due,
    }


def finalize(world: World, invoice: Thing, now: int) -> Thing:
    """Give a draft its number; from now on its lines and sums stand.

    Raises:
        Refused: it is no draft.
    """
    require(invoice, "draft", doing="finalize")
    customer = world.get("customer", invoice["customer"])
    total_up(invoice, customer)
    _due, balance = _settled(invoice["total"], customer["balance"], invoice["currency"])
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04}",
        "effective_at": now,
        "ending_balance": balance,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
        "hosted_invoice_url": f"{world.address}/i/{invoice['id']}",
        "invoice_pdf": f"{world.address}/i/{invoice['id']}/pdf",
    }
    if invoice["collection_method"] == "send_invoice" and invoice["due_date"] is None:
        invoice["due_date"] = now + (invoice["_days_until_due"] or 30) * DAY
    invoice["status_transitions"]["finalized_at"] = now
    customer["next_invoice_sequence"] += 1
    if balance != customer["balance"]:
        before = {"balance": customer["balance"]}
        customer["balance"] = balance
        world.emit("customer.updated", customer, before)
    world.emit("invoice.finalized", invoice)
    return invoice


def mark_paid(world: World, invoice: Thing, now: int, *, off_stripe: bool = False) -> None:
    """Make an invoice paid in full, and tell it."""
    due = invoice["amount_due"]
    invoice |= {
        "status": "paid",
        "amount_paid": due,
        "amount_remaining": 0,
        "attempted": True,
        "next_payment_attempt": None,
    }
    if off_stripe:
        invoice["amount_paid_off_stripe"] = due
    invoice["status_transitions"]["paid_at"] = now
    world.emit("invoice.updated", invoice, {"status": "open", "amount_paid": 0})
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)


def void(world: World, invoice: Thing, now: int) -> Thing:
    """Make an invoice count for nothing, and give back what credit it took.

    Raises:
        Refused: it is neither open nor uncollectible.
    """
    require(invoice, "open", "uncollectible", doing="void")
    _give_credit_back(world, invoice)
    invoice |= {"status": "void", "next_payment_attempt": None, "auto_advance": False}
    invoice["status_transitions"]["voided_at"] = now
    world.emit("invoice.voided", invoice)
    return invoice


def mark_uncollectible(world: World, invoice: Thing, now: int, why: str | None = None) -> Thing:
    """Give an invoice up; it may still be paid.

    Raises:
        Refused: it is not open.
    """
    require(invoice, "open", doing="mark as uncollectible")
    invoice |= {"status": "uncollectible", "next_payment_attempt": None, "auto_advance": False}
    invoice["status_details"] = {"uncollectible": {"reason": why}}
    invoice["status_transitions"]["marked_uncollectible_at"] = now
    world.emit("invoice.marked_uncollectible", invoice)
    return invoice


def require(invoice: Thing, *statuses: str, doing: str) -> None:
    """Refuse what an invoice's status does not allow.

    Raises:
        Refused: `invoice_not_editable`.
    """
    if invoice["status"] not in statuses:
        raise Refused(
            f"You cannot {doing} this invoice: its status is {invoice['status']}.",
            code="invoice_not_editable",
        )


def subscription_of(invoice: Thing) -> str | None:
    """Return the id of the subscription that an invoice is of."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return str(details["subscription"]) if details else None


def _settled(total: int, balance: int, currency: str) -> tuple[int, int]:
    """Return what is due, and the balance after it: what no card is charged for is owed on."""
    due, after = settle(total, balance)
    if due > 0:
        try:
            require_chargeable(due, currency)
        except Refused:
            return 0, due
    return due, after


def _item_of(line: Thing) -> str | None:
    details = line["parent"]["subscription_item_details"] or line["parent"]["invoice_item_details"]
    identity: str | None = details["invoice_item"]
    return identity


def _give_credit_back(world: World, invoice: Thing) -> None:
    customer = world.get("customer", invoice["customer"])
    taken = invoice["ending_balance"] - invoice["starting_balance"]
    if taken and not customer.get("deleted"):
        customer["balance"] -= taken
        world.emit("customer.updated", customer, {"balance": customer["balance"] + taken})


def _of_subscription(subscription: Thing) -> Thing:
    return {
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
        },
        "collection_method": subscription["collection_method"],
        "_days_until_due": subscription["days_until_due"],
    }


def _blank(customer: Thing, currency: str, reason: str, now: int) -> Thing:
    return {
        "object": "invoice",
        **nulls(stripe.Invoice),
        **dict.fromkeys(_ZERO, 0),
        "account_country": COUNTRY,
        "account_name": _ACCOUNT,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": dict(_UNTAXED),
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self", "account": None},
        "livemode": False,
        "metadata": {},
        "payment_settings": {"default_mandate": None, "payment_method_options": None},
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "test_clock": customer["test_clock"],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "_days_until_due": None,
    }
