"""The only package that knows Stripe: asks it, orders from it, and reads what it says."""

from billing.payments.gateway.client import (
    ACCOUNT,
    CHANGE,
    CHECKOUT,
    FACT,
    PACK,
    QUANTITY,
    VERSION,
    Declined,
    StripeAway,
    StripeRefused,
    Wire,
    configured,
)

__all__ = [
    "ACCOUNT",
    "CHANGE",
    "CHECKOUT",
    "FACT",
    "PACK",
    "QUANTITY",
    "VERSION",
    "Declined",
    "StripeAway",
    "StripeRefused",
    "Wire",
    "configured",
]
