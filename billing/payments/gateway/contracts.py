"""Subscriptions and their bills as Stripe keeps them, as they are now."""

from collections.abc import Mapping
from typing import Any

from billing.payments.gateway.client import Wire, understood
from billing.payments.gateway.reading import (
    fingerprint,
    id_of,
    micros,
    moment,
    moment_or_none,
    part,
    words,
)
from billing.payments.gateway.seen import SeenContract, SeenInvoice, SeenLine


def contract(wire: Wire, stripe_id: str) -> SeenContract:
    """Return a subscription as it is now, with the change that waits for the end of its period.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        found = wire.client().v1.subscriptions.retrieve(
            stripe_id, {"expand": ["schedule", "default_payment_method"]}
        )
        told = found.to_dict()
        item = told["items"]["data"][0]
        changes_to, changes_at = _next_change(wire, told)
        return SeenContract(
            id=str(told["id"]),
            item_id=str(item["id"]),
            customer_id=id_of(told["customer"]),
            status=str(told["status"]),
            lookup_key=str(item["price"].get("lookup_key") or ""),
            seats=int(item.get("quantity") or 1),
            currency=str(told["currency"]).upper(),
            anchor_at=moment(told["billing_cycle_anchor"]),
            started_at=moment(told["start_date"]),
            period_starts_at=moment(item["current_period_start"]),
            period_ends_at=moment(item["current_period_end"]),
            trial_ends_at=moment_or_none(told.get("trial_end")),
            cancel_at=moment_or_none(told.get("cancel_at")),
            ended_at=moment_or_none(told.get("ended_at")),
            is_paused=told["status"] == "paused" or bool(told.get("pause_collection")),
            latest_invoice_id=id_of(told.get("latest_invoice")),
            schedule_id=id_of(told.get("schedule")),
            changes_to=changes_to,
            changes_at=changes_at,
            price_id=id_of(item["price"]),
            card=fingerprint(told.get("default_payment_method")),
            discount_ids=tuple(id_of(one) for one in told.get("discounts") or ()),
            metadata=words(told.get("metadata")),
        )


def invoice(wire: Wire, stripe_id: str) -> SeenInvoice:
    """Return a bill as it is now.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        found = wire.client().v1.invoices.retrieve(stripe_id, {"expand": ["payments"]})
        told = found.to_dict()
        currency = str(told["currency"]).upper()
        return SeenInvoice(
            id=str(told["id"]),
            number=str(told.get("number") or ""),
            customer_id=id_of(told.get("customer")),
            contract_id=id_of(part(told, "parent", "subscription_details", "subscription")),
            status=str(told["status"]),
            reason=str(told.get("billing_reason") or ""),
            currency=currency,
            amount_micros=micros(told["amount_due"], currency),
            paid_micros=micros(told["amount_paid"], currency),
            payment_id=_paid_by(told),
            attempts=int(told.get("attempt_count") or 0),
            next_attempt_at=moment_or_none(told.get("next_payment_attempt")),
            created_at=moment(told["created"]),
            paid_at=moment_or_none(part(told, "status_transitions", "paid_at")),
            page_url=str(told.get("hosted_invoice_url") or ""),
            pdf_url=str(told.get("invoice_pdf") or ""),
            lines=tuple(_line(one) for one in told["lines"]["data"]),
            metadata=words(told.get("metadata")),
        )


def _paid_by(told: Mapping[str, Any]) -> str:
    """Return the payment that paid it; of an open one the payment that is to pay it."""
    payments = part(told, "payments", "data") or ()
    of_status = {one["status"]: id_of(part(one, "payment", "payment_intent")) for one in payments}
    return of_status.get("paid") or of_status.get("open") or ""


def _line(told: Mapping[str, Any]) -> SeenLine:
    item = part(told, "parent", "subscription_item_details")
    price = part(told, "pricing", "price_details", "price")
    off = sum(one["amount"] for one in told.get("discount_amounts") or ())
    return SeenLine(
        lookup_key=str(part(price, "lookup_key") or ""),
        quantity=int(told.get("quantity") or 1),
        amount_micros=micros(told["amount"], told["currency"]),
        is_of_the_plan=item is not None and not part(item, "proration"),
        period_starts_at=moment(told["period"]["start"]),
        period_ends_at=moment(told["period"]["end"]),
        off_micros=micros(off, told["currency"]),
    )


def _next_change(wire: Wire, told: Mapping[str, Any]) -> tuple[str, Any]:
    """Return to which price a schedule leads after the phase under way, and when."""
    schedule = told.get("schedule")
    if not isinstance(schedule, Mapping) or schedule.get("status") not in {"active", "not_started"}:
        return "", None
    now_until = part(schedule, "current_phase", "end_date")
    for phase in schedule.get("phases", ()):
        if now_until is not None and phase["start_date"] >= now_until:
            price_id = id_of(phase["items"][0]["price"])
            price = wire.client().v1.prices.retrieve(price_id).to_dict()
            return str(price.get("lookup_key") or price_id), moment(phase["start_date"])
    return "", None
