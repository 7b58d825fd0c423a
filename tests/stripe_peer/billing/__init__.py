"""Stripe Billing: what recurs, what is invoiced for it, and the clocks that let time pass."""
