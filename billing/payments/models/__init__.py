"""The rows of payments: whom Stripe knows, what was asked, what came, and what went back."""

from billing.payments.models.changes import PlanChange
from billing.payments.models.checkouts import Checkout
from billing.payments.models.contracts import Contract, Invoice
from billing.payments.models.customers import Customer
from billing.payments.models.events import Look, StripeEvent
from billing.payments.models.profiles import BillingProfile
from billing.payments.models.purchases import Dispute, Purchase, Refund
from billing.payments.models.takings import Taking

__all__ = [
    "BillingProfile",
    "Checkout",
    "Contract",
    "Customer",
    "Dispute",
    "Invoice",
    "Look",
    "PlanChange",
    "Purchase",
    "Refund",
    "StripeEvent",
    "Taking",
]
