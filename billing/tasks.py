"""The index of the tasks that workers run; each lives in its package."""

from billing.outbox import tasks as outbox

__all__ = ["outbox"]
