"""Disputes as they were seen last: while one is open the bank has the money; if lost, for good."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db.models import Sum

from billing.payments.gateway.seen import SeenDispute
from billing.payments.models import Dispute, Purchase

# While Stripe says so, the bank has the money. A mere inquiry ("warning_…") takes none, and one
# that was prevented became a refund.
_OPEN: Final = frozenset({"needs_response", "under_review"})
_LOST: Final = "lost"
_ENDED: Final = frozenset({"lost", "won", "warning_closed", "prevented"})


def note(purchase: Purchase, disputes: Iterable[SeenDispute], *, now: datetime) -> list[Dispute]:
    """The purchase, which is locked, has these disputes; return those that are new or changed."""
    known = {one.stripe_id: one for one in purchase.disputes.all()}
    return [
        changed
        for seen in disputes
        if (changed := _note(purchase, known.get(seen.id), seen, now)) is not None
    ]


def taken_micros(purchase: Purchase, *, lost_only: bool = False) -> int:
    """Return what of a purchase's money is in disputes that are open or lost, or in lost ones."""
    taken = purchase.disputes.filter(is_taken=True)
    if lost_only:
        taken = taken.filter(status=_LOST)
    total = taken.aggregate(total=Sum("amount_micros"))["total"] or 0
    return min(int(total), purchase.amount_micros)


def _note(
    purchase: Purchase, known: Dispute | None, seen: SeenDispute, now: datetime
) -> Dispute | None:
    dispute = known or Dispute(stripe_id=seen.id, purchase=purchase, opened_at=seen.created_at)
    before = (dispute.status, dispute.amount_micros, dispute.evidence_due_at)
    dispute.status = seen.status
    dispute.amount_micros = seen.amount_micros
    dispute.is_taken = seen.status in _OPEN or seen.status == _LOST
    dispute.reason = seen.reason
    dispute.evidence_due_at = seen.evidence_due_at
    dispute.seen_at = now
    if seen.status not in _ENDED:
        dispute.ended_at = None
    elif dispute.ended_at is None:
        dispute.ended_at = now
    if known is not None and before == (seen.status, seen.amount_micros, seen.evidence_due_at):
        return None
    if known is None:
        dispute.save(force_insert=True)
    else:
        dispute.save(
            update_fields=[
                *("status", "amount_micros", "is_taken", "reason"),
                *("evidence_due_at", "ended_at", "seen_at"),
            ]
        )
    return dispute
