"""What of the page a reader sees: nothing that his windows would not show him."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.contrib.auth.models import User

# Whose rows stand in a table: who may not see one of them in its window sees nothing of it here.
_OF: Final[Mapping[str, Sequence[str]]] = {
    "jobs": ["job"],
    "entries": ["entry", "grant"],
    "subscriptions": ["subscription"],
    "contracts": ["contract"],
    "changes": ["planchange"],
    "purchases": ["purchase"],
    "refunds": ["refund", "purchase"],
    "disputes": ["dispute", "purchase"],
    "redemptions": ["redemption", "redemptioncode"],
    "referrals": ["referral"],
    "adjustments": ["adjustment"],
    "compensations": ["compensationshare", "compensation"],
    "debts": ["debt"],
    "webhooks": ["event", "delivery"],
    "letters": ["notice"],
    "looks": ["accessrecord"],
}


def sees(reader: User, *models: str) -> bool:
    """Say whether the reader may look at the rows of all these models."""
    return reader.has_perms([f"billing.view_{model}" for model in models])


def sees_table(reader: User, anchor: str) -> bool:
    """Say whether the reader may look at all that stands in a table of the page."""
    return sees(reader, *_OF[anchor])
