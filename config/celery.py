"""The Celery app, its queues, and the whole schedule. Redis only rings; PostgreSQL remembers."""

import os
import sys
from collections.abc import Mapping
from typing import Final

from celery import Celery

from billing.outbox.names import QUEUES, TaskName
from config import ringing, working

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

ringing.install()
app = Celery("linggan", task_cls="config.working:MeasuredTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Celery would have each task connect anew: a third of its time, and no plan outlives a task.
    # `MeasuredTask` keeps connections as web does: for DATABASE_CONN_MAX_AGE, and looks at each.
    CELERY_DB_REUSE_MAX=sys.maxsize,
    task_ignore_result=True,
    task_time_limit=120,  # where workers fork; every call of ours has a shorter limit of its own
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="dispatch",
    task_routes={name.value: {"queue": queue} for name, queue in QUEUES.items()},
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

# Every periodic task of the service, and how many seconds lie between two runs. Each is a net
# under something that already has an owner: two schedulers at once do no harm, and none for a
# while only delays.
_EVERY: Final[Mapping[TaskName, float]] = {
    TaskName.RING_DUE: 2.0,
    TaskName.SWEEP_JOBS: 5.0,
    TaskName.SWEEP_FILES: 60.0,
    TaskName.SWEEP_WEBHOOKS: 5.0,
    TaskName.PRUNE_WEBHOOKS: 60.0,
    TaskName.REMIND: 300.0,
    TaskName.SWEEP_TOP_UPS: 15.0,
    TaskName.SWEEP_NOTICES: 60.0,
    TaskName.SWEEP_SUBSCRIPTIONS: 15.0,
    TaskName.BEAT_HEART: 5.0,
    TaskName.ACTIVATE_PACKS: 15.0,
    TaskName.COLLECT_ALLOTMENTS: 15.0,
    TaskName.MAKE_PARTITIONS: 3600.0,
    TaskName.SWEEP_CORRECTIONS: 15.0,
    TaskName.SWEEP_PARTNERS: 15.0,
    TaskName.SWEEP_REFUNDS: 300.0,
    TaskName.SWEEP_CLOCKS: 15.0,
    TaskName.SWEEP_PAYMENTS: 60.0,
    TaskName.LOOK_AFTER_CONTRACTS: 300.0,
    TaskName.FETCH_STRIPE_EVENTS: 600.0,
    TaskName.RECONCILE: 6 * 3600.0,
    TaskName.ROLL_UP: 60.0,
    TaskName.EVALUATE_ALERTS: 60.0,
    TaskName.SWEEP_ALERTS: 60.0,
}
app.conf.beat_schedule = {
    name.value: {"task": name.value, "schedule": seconds, "options": {"expires": 4 * seconds}}
    for name, seconds in _EVERY.items()
}
app.autodiscover_tasks(["billing"])
app.steps["worker"].add(working.Told)


def queues() -> list[str]:
    """Return the queues that workers must serve between them."""
    return sorted(set(QUEUES.values()))
