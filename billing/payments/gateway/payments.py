"""Payments as they are now, with all that went back of them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from billing.payments.gateway.client import CHECKOUT, FACT, Wire, understood
from billing.payments.gateway.reading import (
    fingerprint,
    id_of,
    micros,
    moment,
    moment_or_none,
    part,
    words,
)
from billing.payments.gateway.seen import SeenDispute, SeenPayment, SeenRefund

_PAGE: Final = 100


def payment(wire: Wire, stripe_id: str) -> SeenPayment:
    """Return a payment as it is now.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        found = wire.client().v1.payment_intents.retrieve(stripe_id, {"expand": ["latest_charge"]})
        told = found.to_dict()
        is_charged = bool(part(told, "latest_charge", "paid"))
        return SeenPayment(
            id=stripe_id,
            customer_id=id_of(told.get("customer")),
            invoice_id=_invoice(wire, told),
            status=str(told["status"]),
            currency=str(told["currency"]).upper(),
            amount_micros=micros(told["amount"], told["currency"]),
            received_micros=micros(told.get("amount_received"), told["currency"]),
            created_at=moment(told["created"]),
            paid_at=moment_or_none(part(told, "latest_charge", "created") if is_charged else None),
            card=fingerprint(part(told, "latest_charge", "payment_method_details")),
            declined=_declined(told.get("last_payment_error")),
            refunds=tuple(_refunds(wire, stripe_id)) if is_charged else (),
            disputes=tuple(_disputes(wire, stripe_id)) if is_charged else (),
            metadata=words(told.get("metadata")),
        )


def _invoice(wire: Wire, told: Mapping[str, Any]) -> str:
    """Return which bill it pays; what we asked for ourselves pays none."""
    metadata = words(told.get("metadata"))
    if CHECKOUT in metadata or FACT in metadata:
        return ""
    page = wire.client().v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": str(told["id"])}, "limit": 1}
    )
    return next((id_of(one.to_dict()["invoice"]) for one in page.data), "")


def _declined(error: object) -> str:
    return str(part(error, "decline_code") or part(error, "code") or "")


def _refunds(wire: Wire, stripe_id: str) -> Iterator[SeenRefund]:
    page = wire.client().v1.refunds.list({"payment_intent": stripe_id, "limit": _PAGE})
    told = [one.to_dict() for one in page.auto_paging_iter()]
    for one in sorted(told, key=lambda one: (one["created"], one["id"])):
        yield SeenRefund(
            id=str(one["id"]),
            amount_micros=micros(one["amount"], one["currency"]),
            status=str(one.get("status") or "pending"),
            reason=str(one.get("reason") or ""),
            failure=str(one.get("failure_reason") or ""),
            created_at=moment(one["created"]),
            metadata=words(one.get("metadata")),
        )


def _disputes(wire: Wire, stripe_id: str) -> Iterator[SeenDispute]:
    page = wire.client().v1.disputes.list({"payment_intent": stripe_id, "limit": _PAGE})
    told = [one.to_dict() for one in page.auto_paging_iter()]
    for one in sorted(told, key=lambda one: (one["created"], one["id"])):
        yield SeenDispute(
            id=str(one["id"]),
            amount_micros=micros(one["amount"], one["currency"]),
            status=str(one["status"]),
            reason=str(one.get("reason") or ""),
            evidence_due_at=moment_or_none(part(one, "evidence_details", "due_by")),
            created_at=moment(one["created"]),
        )
