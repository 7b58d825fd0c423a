"""What the settings say of webhooks: where they may go, how many at once, how long they stay."""

from datetime import timedelta

from django.conf import settings

from billing.egress import Policy, networks


def policy(*, for_platform: bool) -> Policy:
    """Return the policy of this place: `WEBHOOK_ALLOWED_CIDRS` opens further networks.

    They are open to the platform's own endpoints alone. A user could otherwise have us call into
    a private network, and read in his delivery what answered there.
    """
    return Policy(allowed=networks(tuple(settings.WEBHOOK_ALLOWED_CIDRS)) if for_platform else ())


def slow_at_once() -> int:
    """Return how many attempts may be made at once, together, at endpoints that are not prompt.

    Each occupies a worker for up to ten seconds, so it is fewer than there are workers.
    """
    at_once: int = settings.WEBHOOK_SLOW_AT_ONCE
    return at_once


def kept_for() -> timedelta:
    """Return for how long events can be looked at and sent again."""
    return timedelta(days=settings.WEBHOOK_EVENTS_KEPT_DAYS)
