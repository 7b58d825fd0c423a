"""The index of the app's models; each lives in its package."""

from billing.accounts.members import Membership, MembershipChange, Organization
from billing.accounts.models import (
    Account,
    AccountSignal,
    ApiKey,
    FreeTier,
    FreeTierCount,
    Identity,
)
from billing.corrections.models import (
    Adjustment,
    CompensatedJob,
    Compensation,
    CompensationShare,
    DebtNotice,
    Halt,
    OperatorDay,
)
from billing.fleet.models import BackendState, Breaker
from billing.http.models import IdempotentAnswer
from billing.jobs.models import Attempt, Callback, Job, LooseFile, Output, Quote
from billing.jobs.turns import LaneClock
from billing.ledger.models import (
    Allocation,
    Allowance,
    CountedUse,
    Debt,
    Entry,
    Grant,
    Hold,
    Standstill,
    Transfer,
    TransferPart,
    Wallet,
    ZoneChange,
)
from billing.organizations.models import Allotment
from billing.outbox.models import Message
from billing.packs.models import PackPurchase
from billing.partners.models import Partner, Referral, ReferralCode, Reward
from billing.promotions.models import (
    CampaignBudget,
    CampaignGrant,
    Redemption,
    RedemptionCode,
    RedemptionTry,
)
from billing.receipts.models import ReceiptKey
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions.models import Subscription
from billing.webhooks.models import Delivery, Endpoint, Event, EventCounter

__all__ = [
    "Account",
    "AccountSignal",
    "Adjustment",
    "Allocation",
    "Allotment",
    "Allowance",
    "ApiKey",
    "Attempt",
    "BackendState",
    "Breaker",
    "Callback",
    "CampaignBudget",
    "CampaignGrant",
    "CompensatedJob",
    "Compensation",
    "CompensationShare",
    "CountedUse",
    "Debt",
    "DebtNotice",
    "Delivery",
    "Endpoint",
    "Entry",
    "Event",
    "EventCounter",
    "FreeTier",
    "FreeTierCount",
    "Grant",
    "Halt",
    "Hold",
    "IdempotentAnswer",
    "Identity",
    "Job",
    "LaneClock",
    "LooseFile",
    "Membership",
    "MembershipChange",
    "Message",
    "OperatorDay",
    "Organization",
    "Output",
    "PackPurchase",
    "Partner",
    "Quote",
    "ReceiptKey",
    "Redemption",
    "RedemptionCode",
    "RedemptionTry",
    "Referral",
    "ReferralCode",
    "Reward",
    "Standstill",
    "Subscription",
    "TestClock",
    "TestClockAccount",
    "Transfer",
    "TransferPart",
    "Wallet",
    "ZoneChange",
]
