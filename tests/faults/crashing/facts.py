"""What an act has brought about, without ids and instants: to be compared with another run's."""

from collections.abc import Sequence
from typing import Final

from django.db.models import QuerySet

from billing.accounts.models import Account
from billing.corrections.models import Adjustment
from billing.jobs.models import Attempt, Job, Output
from billing.ledger.models import Entry, Grant, Hold, Transfer, Wallet
from billing.outbox.models import Message
from billing.packs.models import PackPurchase
from billing.payments.models import Checkout, Contract, PlanChange, Purchase, Refund
from billing.promotions.models import Redemption
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Delivery, Event

Facts = dict[str, object]
# Each with the columns that must come out alike.
_ROWS: Final[Sequence[tuple[str, QuerySet, str, tuple[str, ...]]]] = (  # type: ignore[type-arg]  # of any model
    (
        "wallet",
        Wallet.objects.all(),
        "account",
        ("available_micros", "held_micros", "debt_micros", "seq"),
    ),
    (
        "grants",
        Grant.objects.all(),
        "wallet__account",
        ("source", "amount_micros", "available_micros", "revoked_micros"),
    ),
    (
        "entries",
        Entry.objects.all(),
        "wallet__account",
        ("kind", "source", "target", "amount_micros"),
    ),
    ("holds", Hold.objects.all(), "wallet__account", ("state", "amount_micros", "captured_micros")),
    ("jobs", Job.objects.all(), "account", ("status", "failure_class", "charged_micros")),
    ("attempts", Attempt.objects.all(), "job__account", ("state", "outcome")),
    ("films", Output.objects.all(), "job__account", ("mime", "bytes")),
    ("transfers", Transfer.objects.all(), "sender__account", ("kind", "amount_micros")),
    (
        "purchases",
        Purchase.objects.all(),
        "account",
        ("kind", "amount_micros", "credited_micros", "refunded_micros", "taken_micros"),
    ),
    ("packs", PackPurchase.objects.all(), "account", ("pack", "quantity", "paid_micros")),
    ("checkouts", Checkout.objects.all(), "account", ("kind", "code", "state")),
    ("contracts", Contract.objects.all(), "account", ("plan", "status")),
    ("changes", PlanChange.objects.all(), "account", ("plan", "state", "failure")),
    ("refunds", Refund.objects.all(), "purchase__account", ("amount_micros", "state", "failure")),
    ("subscriptions", Subscription.objects.all(), "account", ("plan",)),
    ("redemptions", Redemption.objects.all(), "account", ("code__kind",)),
    ("adjustments", Adjustment.objects.all(), "account", ("amount_micros", "state")),
    ("events", Event.objects.all(), "account", ("type",)),
    ("deliveries", Delivery.objects.all(), "event__account", ("event__type", "last_status")),
)


def of(accounts: Sequence[Account]) -> Facts:
    """Return all that stands about these accounts, and what is left to be done for anybody."""
    found: Facts = {
        name: sorted(map(str, rows.filter(**{f"{owner}__in": accounts}).values_list(*columns)))
        for name, rows, owner, columns in _ROWS
    }
    found["undone"] = sorted(Message.objects.filter(done_at=None).values_list("task", "error"))
    return {name: rows for name, rows in found.items() if rows}


def difference(seen: Facts, wanted: Facts) -> str:
    """Say in which of their parts two differ; "": in none."""
    parts = [
        f"{name}: {seen.get(name, [])} and not {wanted.get(name, [])}"
        for name in sorted(seen.keys() | wanted.keys())
        if seen.get(name) != wanted.get(name)
    ]
    return "; ".join(parts)
