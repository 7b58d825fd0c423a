"""Where webhooks may go."""

from django.conf import settings

from billing.egress import Policy, networks


def policy(*, for_platform: bool) -> Policy:
    """Return the policy of this place: `WEBHOOK_ALLOWED_CIDRS` opens further networks.

    They are open to the platform's own endpoints alone. A user could otherwise have us call into
    a private network, and read in his delivery what answered there.
    """
    return Policy(allowed=networks(tuple(settings.WEBHOOK_ALLOWED_CIDRS)) if for_platform else ())
