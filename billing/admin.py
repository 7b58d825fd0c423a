"""The index of the operators' windows; each lives in its package."""

from billing.accounts import admin as accounts
from billing.corrections import admin as corrections
from billing.fleet import admin as fleet
from billing.http import admin as http
from billing.jobs import admin as jobs
from billing.ledger import admin as ledger
from billing.organizations import admin as organizations
from billing.outbox import admin as outbox
from billing.packs import admin as packs
from billing.partners import admin as partners
from billing.promotions import admin as promotions
from billing.receipts import admin as receipts
from billing.sandbox import admin as sandbox
from billing.subscriptions import admin as subscriptions
from billing.webhooks import admin as webhooks

__all__ = [
    "accounts",
    "corrections",
    "fleet",
    "http",
    "jobs",
    "ledger",
    "organizations",
    "outbox",
    "packs",
    "partners",
    "promotions",
    "receipts",
    "sandbox",
    "subscriptions",
    "webhooks",
]
