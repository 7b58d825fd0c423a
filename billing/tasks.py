"""The index of the tasks that workers run; each lives in its package."""

from billing.alerts import tasks as alerts
from billing.corrections import tasks as corrections
from billing.insights import tasks as insights
from billing.jobs import tasks as jobs
from billing.lab import tasks as lab
from billing.ledger import tasks as ledger
from billing.notices import tasks as notices
from billing.organizations import tasks as organizations
from billing.outbox import tasks as outbox
from billing.packs import tasks as packs
from billing.partners import tasks as partners
from billing.payments import tasks as payments
from billing.rollups import tasks as rollups
from billing.sandbox import tasks as sandbox
from billing.subscriptions import tasks as subscriptions
from billing.topups import tasks as topups
from billing.webhooks import tasks as webhooks

__all__ = [
    "alerts",
    "corrections",
    "insights",
    "jobs",
    "lab",
    "ledger",
    "notices",
    "organizations",
    "outbox",
    "packs",
    "partners",
    "payments",
    "rollups",
    "sandbox",
    "subscriptions",
    "topups",
    "webhooks",
]
