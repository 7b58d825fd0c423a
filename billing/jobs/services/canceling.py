"""Ends a job by will: the customer's cancel, an operator's fail."""

from datetime import datetime

import structlog
from django.db import transaction

from billing.fleet.breaking import Sign
from billing.gpu import calls, registry
from billing.gpu.errors import UnknownBackend
from billing.gpu.protocol import BackendError, CancelResult, Fail, State, Status
from billing.jobs.errors import IllegalMove
from billing.jobs.lifecycle import FINAL, FailureClass, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending, hearing
from billing.jobs.services.dispatching import view_of
from billing.ledger.services import Actor
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import require_transaction

_log = structlog.get_logger(__name__)


def cancel(*, job: Job, actor: Actor, now: datetime) -> Job:
    """End a queued job at once; ask the backend to end one that it has. A repeat changes nothing.

    A job at a backend ends by the backend's word: until then it stays as it is, and a success
    that was faster is a success.

    Raises:
        IllegalMove: the job has ended another way.
    """
    require_transaction("jobs.cancel")
    locked = ending.lock_job(job.pk)
    if locked.status == JobStatus.CANCELED or locked.cancel_requested_at is not None:
        return locked
    if locked.status in FINAL:
        raise IllegalMove(source=locked.status, target=JobStatus.CANCELED)
    locked.cancel_requested_at = now
    locked.save(update_fields=["cancel_requested_at"])
    if locked.status == JobStatus.QUEUED:
        ending.cancel_queued(locked, actor=actor, now=now)
    else:
        outbox.post(TaskName.CANCEL_JOB, now=now, job_id=locked.pk)
    return locked


def cancel_at_backend(*, job_id: str, now: datetime) -> None:
    """Ask the backend that has the job to stop. A repeat changes nothing.

    No answer, or "never heard of it", is no verdict: the sweep goes on asking. What the backend
    has given no id, and does not know by ours, cannot be named to it.
    """
    attempt = (
        Attempt.objects.select_related("job", "job__parent")
        .filter(job_id=job_id)
        .exclude(state=Attempt.State.ENDED)
        .first()
    )
    if attempt is None:
        return
    try:
        backend = registry.backend_for(attempt.backend)
        if not attempt.provider_id and backend.caps.client_id == "none":
            return
        if not (backend.caps.cancel_queued or backend.caps.cancel_running):
            return
        with calls.counted(attempt.backend, "cancel"):
            result = backend.cancel(view_of(attempt))
    except (BackendError, UnknownBackend) as answer:
        _log.warning("cancel_unanswered", job_id=job_id, reason=answer.message)
        return
    if result == CancelResult.CANCELED:
        canceled = Status(state=State.CANCELED, fail=Fail.CANCELED)
        hearing.apply_status(attempt.pk, canceled, now=now)


@transaction.atomic(durable=True)
def fail(*, job_id: str, operator: str, now: datetime) -> Job:
    """Fail a job that has not ended and give all its credits back, by an operator's word.

    If a backend has it, it is asked to stop. Should it succeed all the same, the video is the
    customer's and no credit moves.

    Raises:
        IllegalMove: the job has ended already.
    """
    job = ending.lock_job(job_id)
    if job.status in FINAL:
        raise IllegalMove(source=job.status, target=JobStatus.FAILED)
    live = job.attempts.exclude(state=Attempt.State.ENDED).first()
    if live is not None:
        outbox.post(TaskName.CANCEL_JOB, now=now, job_id=job.pk)
    ending.fail_job(
        job,
        failure_class=FailureClass.BACKEND_ERROR,
        detail="Failed by an operator.",
        actor=Actor("operator", operator),
        now=now,
        charged=False,
    )
    if live is not None:
        ending.show(job, live, Sign.NOTHING, now=now)  # another may try the backend meanwhile
    return job
