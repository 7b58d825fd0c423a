"""Hosted pages: prices, a balance, videos, the check-in and payments, opened by a signed link."""
