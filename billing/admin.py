"""The index of the operators' windows; each lives in its package."""

from billing.accounts import admin as accounts
from billing.http import admin as http
from billing.jobs import admin as jobs
from billing.ledger import admin as ledger
from billing.subscriptions import admin as subscriptions

__all__ = ["accounts", "http", "jobs", "ledger", "subscriptions"]
