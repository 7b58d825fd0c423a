"""The index of the app's models; each lives in its package."""

from billing.accounts.models import Account, ApiKey
from billing.http.models import IdempotentAnswer
from billing.jobs.models import Attempt, Callback, Job, Output, Quote
from billing.ledger.models import Allocation, Allowance, CountedUse, Entry, Grant, Hold, Wallet
from billing.outbox.models import Message
from billing.packs.models import PackPurchase
from billing.promotions.models import (
    CampaignBudget,
    CampaignGrant,
    Redemption,
    RedemptionCode,
    RedemptionTry,
)
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Delivery, Endpoint, Event, EventCounter

__all__ = [
    "Account",
    "Allocation",
    "Allowance",
    "ApiKey",
    "Attempt",
    "Callback",
    "CampaignBudget",
    "CampaignGrant",
    "CountedUse",
    "Delivery",
    "Endpoint",
    "Entry",
    "Event",
    "EventCounter",
    "Grant",
    "Hold",
    "IdempotentAnswer",
    "Job",
    "Message",
    "Output",
    "PackPurchase",
    "Quote",
    "Redemption",
    "RedemptionCode",
    "RedemptionTry",
    "Subscription",
    "Wallet",
]
