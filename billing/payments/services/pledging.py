"""Takes what is free of a period's credits while a change is paid, and gives it back if it is not.

What is taken off a price is worth money: whoever could spend it meanwhile would have it twice.
"""

from billing.ledger import services as ledger
from billing.ledger.services import Cause, Grant, GrantTerms, LockedWallet
from billing.payments.models import PlanChange
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.models import Subscription
from billing.subscriptions.services.paying import PAID
from billing.transactions import require_transaction


def pledge(locked: LockedWallet, subscription: Subscription) -> dict[str, int]:
    """Take what is free of the credits of the period under way; return it by grant."""
    require_transaction("payments.pledge")
    period = subscriptions.period_under_way(subscription, at=locked.now)
    keys = subscriptions.grants_of(period) if period is not None else Grant.objects.none()
    lots = locked.timeline.lots
    free = {
        key: lots[key].available_micros
        for key in keys.values_list("pk", flat=True)
        if key in lots and lots[key].available_micros
    }
    if free:
        ledger.claw_back(
            locked,
            grant_ids=free,
            amount_micros=sum(free.values()),
            fact=f"pledge:{subscription.pk}:{locked.seq}",
            cause=Cause("subscription", subscription.pk),
            actor=PAID,
        )
    return free


def give_back(locked: LockedWallet, change: PlanChange) -> None:
    """Give what was taken for a change that was not paid, on its terms, if it would still be."""
    require_transaction("payments.give_back")
    grants = Grant.objects.in_bulk(change.taken)
    for key, micros in change.taken.items():
        grant = grants[key]
        if grant.expires_at is not None and grant.expires_at <= locked.now:
            continue
        terms = GrantTerms(
            amount_micros=micros,
            source=grant.source,
            fact=f"change:{change.pk}:back:{key}",
            priority=grant.priority,
            expires_at=grant.expires_at,
            scope=grant.scope,
            locked_while=tuple(grant.locked_while),
            with_subscription=grant.with_subscription,
            series=grant.series,
        )
        ledger.grant(locked, terms, cause=Cause("subscription", change.contract_id), actor=PAID)
