"""The Celery app, its queues, and the whole schedule. Redis only rings; PostgreSQL remembers."""

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("linggan")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_ignore_result=True,
    task_time_limit=120,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="dispatch",
    task_create_missing_queues=True,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    # Far above the longest task, so that late acks never run a task twice by themselves.
    broker_transport_options={
        "visibility_timeout": 600,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
    },
    enable_utc=True,
    timezone="UTC",
)

# Every periodic task of the service. Each is a net under something that already has an owner:
# two schedulers at once do no harm, and none for a while only delays.
_EVERY: dict[str, tuple[float, str]] = {
    "outbox.ring_due": (2.0, "dispatch"),
    "jobs.sweep": (5.0, "poll"),
    "webhooks.sweep": (5.0, "deliver"),
    "outbox.beat_heart": (5.0, "settle"),
}
app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"queue": queue, "expires": 4 * seconds}}
    for name, (seconds, queue) in _EVERY.items()
}
app.autodiscover_tasks(["billing"])


def queues() -> dict[str, Any]:
    """Return the queue names that a worker must serve, for the supervisor and the docs."""
    return {"dispatch": "hand jobs over", "poll": "ask", "settle": "end jobs", "deliver": "tell"}
