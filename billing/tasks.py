"""The index of the tasks that workers run; each lives in its package."""

from billing.jobs import tasks as jobs
from billing.outbox import tasks as outbox
from billing.packs import tasks as packs
from billing.subscriptions import tasks as subscriptions
from billing.webhooks import tasks as webhooks

__all__ = ["jobs", "outbox", "packs", "subscriptions", "webhooks"]
