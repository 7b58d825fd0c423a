"""Marks subscriptions as past due, and as paid again; orders see it at once."""

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.subscriptions import selectors
from billing.subscriptions.errors import NotSubscribed
from billing.subscriptions.models import Subscription
from billing.subscriptions.services.telling import tell
from plans import selectors as plans


@transaction.atomic(durable=True)
def mark_past_due(*, account: Account) -> Subscription:
    """The account has not paid: credits that are locked while past due cannot be spent.

    It stays on its plan. A repeat changes nothing, and keeps the first instant.

    Raises:
        NotSubscribed: it has no open subscription.
    """
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    subscription = selectors.open_of(account)
    if subscription is None:
        raise NotSubscribed
    if subscription.past_due_at is None:
        subscription.past_due_at = locked.now
        subscription.save(update_fields=["past_due_at"])
        tell(subscription, "subscription.past_due", now=locked.now)
    return subscription


@transaction.atomic(durable=True)
def recover(*, account: Account) -> Subscription:
    """The account has paid: what was locked is free again. A repeat changes nothing.

    Raises:
        NotSubscribed: it has no open subscription.
    """
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    subscription = selectors.open_of(account)
    if subscription is None:
        raise NotSubscribed
    if subscription.past_due_at is not None:
        subscription.past_due_at = None
        subscription.save(update_fields=["past_due_at"])
        tell(subscription, "subscription.changed", now=locked.now)
    return subscription
