"""Holds what is free of a period's credits while a change is paid that takes them off its price.

What is taken off a price is worth money: whoever could spend it meanwhile would have it twice.
"""

from billing.ledger import services as ledger
from billing.ledger.services import Cause, Grant, LockedWallet, Part
from billing.payments.models import PlanChange
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.models import Subscription
from billing.subscriptions.services.paying import PAID
from billing.transactions import require_transaction


def pledge(locked: LockedWallet, subscription: Subscription, *, change_id: str) -> str | None:
    """Hold what is free of the credits of the period under way; return the hold, if anything is.

    Raises:
        InDebt: who owes credits has none to trade in; nothing has moved.
    """
    require_transaction("payments.pledge")
    period = subscriptions.period_under_way(subscription, at=locked.now)
    grants = subscriptions.grants_of(period) if period is not None else Grant.objects.none()
    lots = locked.timeline.lots
    parts = [
        Part(key, lots[key].available_micros)
        for key in grants.order_by("id").values_list("pk", flat=True)
        if key in lots and lots[key].available_micros
    ]
    if not parts:
        return None
    held = ledger.set_aside(
        locked,
        parts,
        reference=f"change:{change_id}",
        cause=Cause("subscription", subscription.pk),
        actor=PAID,
    )
    return held.pk


def redeem(locked: LockedWallet, change: PlanChange) -> None:
    """What was held for a change is gone, for what it was worth is paid by it; a repeat is none."""
    require_transaction("payments.redeem")
    if change.hold_id is not None:
        ledger.forfeit(locked, hold_id=change.hold_id, cause=_cause(change), actor=PAID)


def give_back(locked: LockedWallet, change: PlanChange) -> None:
    """What was held for a change that is not made is in its own grants again; a repeat is none.

    What was of a grant that has ended meanwhile has lapsed, whatever the catalog says of work in
    flight: who asks for a change and does not pay it keeps no credits longer by that.
    """
    require_transaction("payments.give_back")
    if change.hold_id is not None:
        ledger.release(
            locked, hold_id=change.hold_id, cause=_cause(change), actor=PAID, in_flight="expire"
        )


def _cause(change: PlanChange) -> Cause:
    return Cause("subscription", change.contract.subscription_id or change.contract_id)
