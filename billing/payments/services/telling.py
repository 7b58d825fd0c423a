"""Writes and publishes what became of a payment, in the transaction in which it happens."""

from datetime import datetime

from billing.payments.models import Checkout, Contract, Dispute, Invoice, Purchase, Refund
from billing.payments.money import written
from billing.payments.services import mailing, taking
from billing.webhooks import services as webhooks
from plans.credits import format_micros


def tell_payment(purchase: Purchase, *, now: datetime) -> None:
    """Write to who paid, and publish that money has come; after all else, for its lock."""
    mailing.write_payment(purchase, now=now)
    webhooks.publish(
        account=purchase.account,
        type="payment.succeeded",
        data={
            "purchase": purchase.pk,
            "kind": purchase.kind,
            "paid": written(purchase.amount_micros, purchase.currency),
            "credits": format_micros(purchase.credited_micros),
            "pack_purchase": purchase.pack_purchase_id,
            "subscription": purchase.subscription_id,
            "invoice": purchase.invoice_id,
            "paid_at": purchase.paid_at.isoformat(),
        },
        now=now,
    )


def tell_failure(checkout: Checkout, *, now: datetime) -> None:
    """Publish that a payment which was on its way has failed; after all else, for its lock."""
    webhooks.publish(
        account=checkout.account,
        type="payment.failed",
        data={
            "checkout": checkout.pk,
            "kind": checkout.kind,
            "asked": written(checkout.amount_micros, checkout.currency),
        },
        now=now,
    )


def tell_action(invoice: Invoice, contract: Contract, *, now: datetime) -> None:
    """Write and publish that a bill waits for its payer, whose bank wants to see him, and where.

    After all else, for its lock.
    """
    mailing.write_action(invoice, contract, now=now)
    webhooks.publish(
        account=invoice.account,
        type="payment.action_required",
        data={**_facts_of_bill(invoice, contract), "url": invoice.page_url, "expires_at": None},
        now=now,
    )


def tell_unpaid(invoice: Invoice, contract: Contract, *, now: datetime) -> None:
    """Write and publish that a bill was tried and not paid, and when it is tried again.

    After all else, for its lock.
    """
    mailing.write_failure(invoice, contract, now=now)
    next_at = invoice.next_attempt_at
    webhooks.publish(
        account=invoice.account,
        type="payment.failed",
        data={
            **_facts_of_bill(invoice, contract),
            "next_attempt_at": next_at and next_at.isoformat(),
            "pay_url": invoice.page_url,
        },
        now=now,
    )


def tell_refund(purchase: Purchase, refund: Refund, *, now: datetime) -> None:
    """Write and publish how a refund stands; after all else, for its lock."""
    mailing.write_refund(purchase, refund, now=now)
    webhooks.publish(
        account=purchase.account,
        type="payment.refunded",
        data={
            "refund": refund.pk,
            "status": refund.state,
            "amount": written(refund.amount_micros, purchase.currency),
            "reason": refund.reason,
            **_facts_of_purchase(purchase),
        },
        now=now,
    )


def tell_dispute(purchase: Purchase, dispute: Dispute, *, now: datetime) -> None:
    """Write and publish how a dispute stands; after all else, for its lock."""
    mailing.write_dispute(purchase, dispute, now=now)
    due_at = dispute.evidence_due_at
    webhooks.publish(
        account=purchase.account,
        type="payment.disputed",
        data={
            "dispute": dispute.stripe_id,
            "status": dispute.status,
            "amount": written(dispute.amount_micros, purchase.currency),
            "reason": dispute.reason,
            "evidence_due_at": due_at.isoformat() if due_at else None,
            **_facts_of_purchase(purchase),
        },
        now=now,
    )


def _facts_of_bill(invoice: Invoice, contract: Contract) -> dict[str, object]:
    """Return what each event of a bill tells of it."""
    return {
        "invoice": invoice.pk,
        "kind": "plan",
        "subscription": contract.subscription_id,
        "asked": written(invoice.amount_micros, invoice.currency),
        "attempts": invoice.attempts,
    }


def _facts_of_purchase(purchase: Purchase) -> dict[str, object]:
    """Return what each event of money that went back tells of its purchase as it stands now."""
    return {
        "purchase": purchase.pk,
        "kind": purchase.kind,
        "paid": written(purchase.amount_micros, purchase.currency),
        "refunded": written(purchase.refunded_micros, purchase.currency),
        "disputed": written(purchase.disputed_micros, purchase.currency),
        "credits": format_micros(purchase.credited_micros),
        "credits_taken": format_micros(purchase.taken_micros),
        "debt": format_micros(taking.owed_micros(purchase)),
    }
