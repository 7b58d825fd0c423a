"""What can be asked of the outbox without changing it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.core.cache import cache
from django.db.models import CharField, Min, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

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


def late_since(*, now: datetime) -> dict[str, datetime]:
    """Return by queue since when its oldest message is due that no worker has begun since.

    A ring moves only when workers are called next, so that what is called for in vain stays late.
    """
    waiting = Message.objects.filter(ring_at__isnull=False)  # message_due
    since = waiting.values_list("queue").annotate(since=Min(Coalesce("due_at", "ring_at")))
    return dict(since.filter(since__lte=now).order_by("queue"))


def traceparent_of(message_id: str) -> str:
    """Return where in a trace the message was posted; "": in none."""
    found = Message.objects.filter(pk=message_id).values_list("traceparent", flat=True).first()
    return found or ""


def is_open(task: TaskName, **arguments: str) -> bool:
    """Say whether a message for `task` about just these ids is still to be run."""
    waiting = Message.objects.filter(ring_at__isnull=False, task=task.value)
    return waiting.filter(arguments=arguments).exists()


def on_their_way(task: TaskName, argument: str, ids: Sequence[str]) -> set[str]:
    """Return those of `ids` for which a worker is called who has not begun: it sees what is now.

    One that has begun may have looked already, and one that failed may come much later.

    Args:
        argument: which of the task's arguments the ids are.
    """
    called = Message.objects.filter(ring_at__isnull=False, runs=0, task=task.value)
    named = called.filter(**{f"arguments__{argument}__in": list(ids)})
    return {str(arguments[argument]) for arguments in named.values_list("arguments", flat=True)}


def dead_about(task: TaskName, argument: str, ids: Sequence[str]) -> QuerySet[Message]:
    """Return the messages for `task` about these ids that were given up, the oldest first.

    Args:
        argument: which of the task's arguments the ids are.
    """
    dead = Message.objects.filter(dead_at__isnull=False, task=task.value)
    return dead.filter(**{f"arguments__{argument}__in": list(ids)}).order_by("pk")


def is_pausing(task: TaskName, *, now: datetime, **arguments: str) -> bool:
    """Say whether a message for `task` about just these ids has failed and pauses."""
    failed = Message.objects.filter(ring_at__gt=now, task=task.value).exclude(error="")
    return failed.filter(arguments=arguments).exists()


def open_about(task: TaskName, argument: str) -> QuerySet[Message, str]:
    """Return the ids that `argument` has in the messages for `task` that are still to be run."""
    waiting = Message.objects.filter(ring_at__isnull=False, task=task.value)
    about = Cast(KT(f"arguments__{argument}"), CharField())
    return waiting.annotate(about=about).filter(about__isnull=False).values_list("about", flat=True)
