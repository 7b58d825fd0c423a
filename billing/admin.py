"""The index of the operators' windows; each lives in its package."""

from billing.accounts import admin as accounts
from billing.http import admin as http
from billing.jobs import admin as jobs
from billing.ledger import admin as ledger
from billing.outbox import admin as outbox
from billing.packs import admin as packs
from billing.promotions import admin as promotions
from billing.subscriptions import admin as subscriptions
from billing.webhooks import admin as webhooks

__all__ = [
    "accounts",
    "http",
    "jobs",
    "ledger",
    "outbox",
    "packs",
    "promotions",
    "subscriptions",
    "webhooks",
]
