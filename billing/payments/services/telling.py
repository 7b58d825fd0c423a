"""Publishes what became of a payment, in the transaction in which it happens."""

from datetime import datetime

from billing.payments.models import Checkout, Contract, Invoice, Purchase
from billing.payments.money import written
from billing.payments.services import mailing
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
        data={**_facts(invoice, contract), "url": invoice.page_url, "expires_at": None},
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
            **_facts(invoice, contract),
            "next_attempt_at": next_at and next_at.isoformat(),
            "pay_url": invoice.page_url,
        },
        now=now,
    )


def _facts(invoice: Invoice, contract: Contract) -> dict[str, object]:
    """Return what each event of a bill tells of it."""
    return {
        "invoice": invoice.pk,
        "kind": "plan",
        "subscription": contract.subscription_id,
        "asked": written(invoice.amount_micros, invoice.currency),
        "attempts": invoice.attempts,
    }
