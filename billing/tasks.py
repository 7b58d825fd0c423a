"""The index of the tasks that workers run; each lives in its package."""

from billing.corrections import tasks as corrections
from billing.jobs import tasks as jobs
from billing.ledger import tasks as ledger
from billing.organizations import tasks as organizations
from billing.outbox import tasks as outbox
from billing.packs import tasks as packs
from billing.partners import tasks as partners
from billing.sandbox import tasks as sandbox
from billing.subscriptions import tasks as subscriptions
from billing.webhooks import tasks as webhooks

__all__ = [
    "corrections",
    "jobs",
    "ledger",
    "organizations",
    "outbox",
    "packs",
    "partners",
    "sandbox",
    "subscriptions",
    "webhooks",
]
