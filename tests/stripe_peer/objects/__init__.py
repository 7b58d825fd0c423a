"""Stripe's objects around a payment, a file each; every file brings its own operations."""
