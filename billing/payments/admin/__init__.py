"""Operators' windows on money: who paid, what was asked, what came and what went back."""

from billing.payments.admin import (
    checkouts,
    contracts,
    customers,
    events,
    profiles,
    purchases,
    refunds,
)

__all__ = ["checkouts", "contracts", "customers", "events", "profiles", "purchases", "refunds"]
