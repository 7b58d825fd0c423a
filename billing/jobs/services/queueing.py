"""Who waits, who may go, and who is rung when a slot frees."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q

from billing.gpu import registry
from billing.gpu.errors import UnknownBackend
from billing.jobs.lifecycle import IN_FLIGHT, JobStatus
from billing.jobs.models import Attempt, Job
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import require_transaction
from plans import selectors as plans

_FULL_ACCOUNTS_MAX: Final = 50  # how many accounts at their limit are stepped over


def has_room(backend: str) -> bool:
    """Say whether the backend has a free slot, for one asker at a time.

    The advisory lock makes two claims at once count one after the other; it ends with the
    transaction, so the second sees what the first committed.
    """
    require_transaction("jobs.has_room")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"slots:{backend}"])
    return free_slots(backend) > 0


def free_slots(backend: str) -> int:
    """Return how many more attempts the backend could have now."""
    live = Attempt.objects.filter(backend=backend).exclude(state=Attempt.State.ENDED)
    return registry.concurrency(backend) - live.count()


def account_has_room(job: Job) -> bool:
    """Hold back what exceeds a plan whose excess waits instead of being refused."""
    plan = plans.version(job.catalog_version_id).catalog.plan(job.plan)
    if plan is None or plan.entitlements.excess != "wait":
        return True
    busy = Job.objects.filter(wallet_id=job.wallet_id, status__in=IN_FLIGHT).count()
    return busy < plan.entitlements.concurrency


def waiting(backend: str, *, now: datetime, ordered_by: datetime | None = None) -> Iterator[Job]:
    """Yield jobs that wait and may go to `backend` now, the longest waiting first.

    Jobs that it may not serve are left out, and so are accounts that run all they may: neither
    stands in front of those who could go.

    Args:
        ordered_by: only jobs that were ordered by then; None means all.
    """
    queued = Job.objects.filter(
        status=JobStatus.QUEUED, dispatch_at__lte=now, model__in=registry.models_of(backend)
    )
    if not registry.serves_sandboxes(backend):
        queued = queued.filter(account__is_sandbox=False)
    if ordered_by is not None:
        queued = queued.filter(created_at__lte=ordered_by)
    full: list[str] = []
    last: Job | None = None
    while len(full) < _FULL_ACCOUNTS_MAX:
        behind = queued.exclude(wallet_id__in=full)
        if last is not None:
            later = Q(created_at=last.created_at, pk__gt=last.pk)
            behind = behind.filter(Q(created_at__gt=last.created_at) | later)
        job = behind.order_by("created_at", "pk").first()
        if job is None:
            return
        if account_has_room(job):
            yield job
            last = job
        else:
            full.append(job.wallet_id)


def ring_next(backend: str, *, now: datetime) -> None:
    """A slot is free: have the job that waits longest for this backend handed over."""
    require_transaction("jobs.ring_next")
    try:
        chosen = next(waiting(backend, now=now), None)
    except UnknownBackend:
        return
    if chosen is not None:
        outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=chosen.pk)
