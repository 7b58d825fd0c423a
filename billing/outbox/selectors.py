"""What can be asked of the outbox without changing it."""

from datetime import datetime
from typing import Final

from django.core.cache import cache

from billing.outbox.models import Message
from billing.outbox.names import TaskName

HEARTBEAT_KEY: Final = "worker-heartbeat"


def heartbeat_age(*, now: datetime) -> int | None:
    """Return the seconds since a worker last took a task off its queue; None when unknown.

    A worker may hold a connection and consume nothing; only a task that came through tells.

    Raises:
        redis.RedisError: the broker does not answer.
    """
    beaten_at = cache.get(HEARTBEAT_KEY)
    return None if beaten_at is None else max(0, int(now.timestamp()) - int(beaten_at))


def is_open(task: TaskName, **arguments: str) -> bool:
    """Say whether a message for `task` about just these ids is still to be run."""
    waiting = Message.objects.filter(ring_at__isnull=False, task=task.value)
    return waiting.filter(arguments=arguments).exists()
