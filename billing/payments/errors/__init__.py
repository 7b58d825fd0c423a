"""What payments refuse."""

from billing.payments.errors.changes import (
    ChangeUnderWay,
    NothingChanges,
    NotNow,
    PaymentFailed,
    PaymentIsDue,
    PlanIsPaused,
    PreviewIsOld,
)
from billing.payments.errors.checkouts import (
    CannotBePaid,
    PaymentsAway,
    PaymentsNotConfigured,
    PaymentsRefused,
    PriceOutOfStep,
    SubscribedAlready,
    UnsafeAddress,
)
from billing.payments.errors.events import NotFromStripe

__all__ = [
    "CannotBePaid",
    "ChangeUnderWay",
    "NotFromStripe",
    "NotNow",
    "NothingChanges",
    "PaymentFailed",
    "PaymentIsDue",
    "PaymentsAway",
    "PaymentsNotConfigured",
    "PaymentsRefused",
    "PlanIsPaused",
    "PreviewIsOld",
    "PriceOutOfStep",
    "SubscribedAlready",
    "UnsafeAddress",
]
