"""Operators' windows on corrections: what some ask for and others decide on."""

from billing.corrections.admin import campaigns, requests

__all__ = ["campaigns", "requests"]
