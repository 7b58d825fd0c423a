"""The index of the operators' windows; each lives in its package."""

from billing.accounts import admin as accounts
from billing.alerts import admin as alerts
from billing.corrections import admin as corrections
from billing.exports import admin as exports
from billing.fleet import admin as fleet
from billing.http import admin as http
from billing.jobs import admin as jobs
from billing.lab import admin as lab
from billing.ledger import admin as ledger
from billing.notes import admin as notes
from billing.notices import admin as notices
from billing.operators.admin import windows as operators
from billing.organizations import admin as organizations
from billing.outbox import admin as outbox
from billing.packs import admin as packs
from billing.pages import admin as pages
from billing.partners import admin as partners
from billing.payments import admin as payments
from billing.promotions import admin as promotions
from billing.receipts import admin as receipts
from billing.rollups import admin as rollups
from billing.sandbox import admin as sandbox
from billing.subscriptions import admin as subscriptions
from billing.topups import admin as topups
from billing.webhooks import admin as webhooks

__all__ = [
    "accounts",
    "alerts",
    "corrections",
    "exports",
    "fleet",
    "http",
    "jobs",
    "lab",
    "ledger",
    "notes",
    "notices",
    "operators",
    "organizations",
    "outbox",
    "packs",
    "pages",
    "partners",
    "payments",
    "promotions",
    "receipts",
    "rollups",
    "sandbox",
    "subscriptions",
    "topups",
    "webhooks",
]
