"""The index of the app's models; each lives in its package."""

from billing.accounts.freezes import Freeze
from billing.accounts.members import Membership, MembershipChange, Organization
from billing.accounts.models import (
    Account,
    AccountSignal,
    ApiKey,
    FreeTier,
    FreeTierCount,
    Identity,
)
from billing.alerts.models import Alert, Inspection, Silence, Telling, Watch
from billing.corrections.models import (
    Adjustment,
    CampaignRun,
    CampaignRunShare,
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
from billing.lab.models import AnnouncedTo
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
from billing.notes.models import AccountNote
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
from billing.rollups.models import (
    AccountDay,
    CohortMonth,
    CreditDay,
    JobDay,
    MarginDay,
    MoneyDay,
    RolledDay,
)
from billing.sandbox.models import TestClock, TestClockAccount
from billing.subscriptions.models import PaidPeriod, Subscription
from billing.topups.models import AutoTopUp, TopUp
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event, EventCounter

__all__ = [
    "Account",
    "AccountDay",
    "AccountNote",
    "AccountSignal",
    "Adjustment",
    "Alert",
    "Allocation",
    "Allotment",
    "Allowance",
    "AnnouncedTo",
    "ApiKey",
    "Attempt",
    "AutoTopUp",
    "BackendState",
    "BillingProfile",
    "Breaker",
    "Callback",
    "CampaignBudget",
    "CampaignGrant",
    "CampaignRun",
    "CampaignRunShare",
    "Checkout",
    "CohortMonth",
    "CompensatedJob",
    "Compensation",
    "CompensationShare",
    "Contract",
    "CountedUse",
    "CreditDay",
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
    "Freeze",
    "Grant",
    "Halt",
    "Hold",
    "IdempotentAnswer",
    "Identity",
    "Inspection",
    "Invoice",
    "Job",
    "JobDay",
    "LaneClock",
    "LinkSeries",
    "Look",
    "LooseFile",
    "MarginDay",
    "Membership",
    "MembershipChange",
    "Message",
    "MoneyDay",
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
    "RolledDay",
    "Silence",
    "Standstill",
    "StripeEvent",
    "Subscription",
    "Taking",
    "Telling",
    "TestClock",
    "TestClockAccount",
    "TopUp",
    "Transfer",
    "TransferPart",
    "Wallet",
    "Watch",
    "ZoneChange",
]
