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
from billing.exports.models import Export
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
from billing.notices.models import Notice
from billing.organizations.models import Allotment
from billing.outbox.models import Message
from billing.packs.models import PackPurchase
from billing.pages.models import LinkSeries
from billing.partners.models import Partner, Referral, ReferralCode, Reward
from billing.payments.models import (
    BillingProfile,
    Checkout,
    Contract,
    Customer,
    Dispute,
    Invoice,
    Look,
    PlanChange,
    Purchase,
    Refund,
    StripeEvent,
    Taking,
)
from billing.promotions.models import (
    CampaignBudget,
    CampaignGrant,
    Redemption,
    RedemptionCode,
    RedemptionTry,
)
from billing.receipts.models import ReceiptKey
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions.models import PaidPeriod, Subscription
from billing.topups.models import AutoTopUp, TopUp
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event, EventCounter

__all__ = [
    "Account",
    "AccountSignal",
    "Adjustment",
    "Allocation",
    "Allotment",
    "Allowance",
    "ApiKey",
    "Attempt",
    "AutoTopUp",
    "BackendState",
    "BillingProfile",
    "Breaker",
    "Callback",
    "CampaignBudget",
    "CampaignGrant",
    "Checkout",
    "CompensatedJob",
    "Compensation",
    "CompensationShare",
    "Contract",
    "CountedUse",
    "Customer",
    "Debt",
    "DebtNotice",
    "Delivery",
    "DeliveryAttempt",
    "Dispute",
    "Endpoint",
    "Entry",
    "Event",
    "EventCounter",
    "Export",
    "FreeTier",
    "FreeTierCount",
    "Grant",
    "Halt",
    "Hold",
    "IdempotentAnswer",
    "Identity",
    "Invoice",
    "Job",
    "LaneClock",
    "LinkSeries",
    "Look",
    "LooseFile",
    "Membership",
    "MembershipChange",
    "Message",
    "Notice",
    "OperatorDay",
    "Organization",
    "Output",
    "PackPurchase",
    "PaidPeriod",
    "Partner",
    "PlanChange",
    "Purchase",
    "Quote",
    "ReceiptKey",
    "Redemption",
    "RedemptionCode",
    "RedemptionTry",
    "Referral",
    "ReferralCode",
    "Refund",
    "Reward",
    "Standstill",
    "StripeEvent",
    "Subscription",
    "Taking",
    "TestClock",
    "TestClockAccount",
    "TopUp",
    "Transfer",
    "TransferPart",
    "Wallet",
    "ZoneChange",
]
