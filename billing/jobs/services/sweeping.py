"""The net under everything: finds what nobody reported, and asks instead of assuming."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.gpu import registry
from billing.gpu.errors import UnknownBackend
from billing.gpu.protocol import BackendError
from billing.jobs.lifecycle import FailureClass, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.services import canceling, ending, hearing
from billing.jobs.services.dispatching import doubt, view_of
from billing.jobs.services.telling import tell
from billing.ledger.journal import SYSTEM
from billing.outbox import services as outbox
from billing.outbox.names import TaskName

BATCH: Final = 50
RING_AGAIN: Final = timedelta(seconds=15)
ASK_AGAIN: Final = timedelta(seconds=10)

_log = structlog.get_logger(__name__)


def sweep(*, now: datetime) -> int:
    """Look after what is due: expired leases, silent backends, passed deadlines, waiting jobs.

    Two sweeps at once do no harm. Returns how many rows were looked at.
    """
    looked_at = 0
    for attempt_id in _due_attempts(now):
        _look_after(attempt_id, now)
        looked_at += 1
    for job_id in _overdue_in_queue(now):
        _expire(job_id, now)
        looked_at += 1
    return looked_at + _ring_waiting(now)


def _due_attempts(now: datetime) -> list[str]:
    due = Attempt.objects.exclude(state=Attempt.State.ENDED).filter(check_at__lte=now)
    return list(due.order_by("check_at").values_list("pk", flat=True)[:BATCH])


def _look_after(attempt_id: str, now: datetime) -> None:
    attempt = Attempt.objects.select_related("job", "job__parent").get(pk=attempt_id)
    if attempt.state == Attempt.State.ENDED:
        return
    if attempt.state == Attempt.State.SUBMITTING:
        doubt(attempt.pk, reason="Whoever handed it over never reported.", now=now)
    _postpone(attempt.pk, now)
    if attempt.job.deadline_at is not None and attempt.job.deadline_at <= now:
        _mark_unknown(attempt.pk, now)
        canceling.cancel_at_backend(job_id=attempt.job_id, now=now)
    elif attempt.job.cancel_requested_at is not None:
        # A backend may forget a wish that came while it was still starting.
        canceling.cancel_at_backend(job_id=attempt.job_id, now=now)
    _ask(attempt, now)


def _ask(attempt: Attempt, now: datetime) -> None:
    """Ask the backend where the attempt is; no answer changes nothing."""
    try:
        backend = registry.backend_for(attempt.backend)
        view = view_of(attempt)
        status = backend.poll(view) if backend.caps.poll else backend.find(view)
    except (BackendError, UnknownBackend) as answer:
        _log.warning("backend_did_not_answer", attempt_id=attempt.pk, reason=str(answer))
        return
    if status is not None:
        hearing.apply_status(attempt.pk, status, now=now)


@transaction.atomic(durable=True)
def _mark_unknown(attempt_id: str, now: datetime) -> None:
    """A time-out is no verdict: the backend is asked to stop, and the job's truth is sought."""
    job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state != Attempt.State.ENDED and job.status in (
        JobStatus.DISPATCHED,
        JobStatus.RUNNING,
    ):
        ending.move(job, JobStatus.UNKNOWN)
        tell(job, "job.unknown", now=now)


def _postpone(attempt_id: str, now: datetime) -> None:
    """Ask again later, whatever this look brings; an answer may set an earlier instant."""
    Attempt.objects.filter(pk=attempt_id).update(check_at=now + ASK_AGAIN)


def _overdue_in_queue(now: datetime) -> list[str]:
    overdue = Job.objects.filter(status=JobStatus.QUEUED, dispatch_by__lte=now)
    return list(overdue.order_by("dispatch_by").values_list("pk", flat=True)[:BATCH])


@transaction.atomic(durable=True)
def _expire(job_id: str, now: datetime) -> None:
    """Nothing was sent in time: the job expires and its credits go back."""
    job = (
        Job.objects.select_for_update(of=("self",)).select_related("account", "hold").get(pk=job_id)
    )
    if job.status != JobStatus.QUEUED or job.dispatch_by > now:
        return
    ending.fail_job(
        job,
        failure_class=FailureClass.TIMEOUT,
        detail="No backend took it in time.",
        actor=SYSTEM,
        now=now,
        target=JobStatus.EXPIRED,
    )


@transaction.atomic(durable=True)
def _ring_waiting(now: datetime) -> int:
    """Ring for as many waiting jobs as there are free slots, the longest waiting first.

    Jobs that were ordered a moment ago are left out: their own message is still on its way.
    """
    rung = 0
    for name in registry.configured():
        live = Attempt.objects.filter(backend=name).exclude(state=Attempt.State.ENDED).count()
        free = min(BATCH, registry.concurrency(name) - live)
        waiting = ending.waiting_for(registry.models_of(name), now=now)
        for job_id in waiting.filter(created_at__lte=now - RING_AGAIN)[: max(0, free)]:
            outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job_id)
            rung += 1
    return rung
