"""Publishes what happens to a subscription, in the transaction in which it happens."""

from datetime import datetime

from billing.subscriptions.models import Subscription
from billing.webhooks import services as webhooks


def tell(subscription: Subscription, event: str, *, now: datetime) -> None:
    """Publish `event` about `subscription` as it now stands; after all else, for its lock."""
    webhooks.publish(
        account=subscription.account,
        type=event,
        data={
            "subscription": subscription.pk,
            "plan": subscription.plan,
            "interval": subscription.interval or None,
            "seats": subscription.seats,
            "catalog": subscription.terms_version_id,
            "started_at": _written(subscription.started_at),
            "ends_at": _written(subscription.ends_at),
            "past_due_at": _written(subscription.past_due_at),
            "ended_at": _written(subscription.ended_at),
        },
        now=now,
    )


def _written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
