"""What settles a job and was given up is tried again, by an operator's word."""

from collections.abc import Iterator
from datetime import datetime

import structlog
from django.db import transaction

from billing.jobs.errors import NothingToRetry
from billing.jobs.models import Attempt, Callback, Job
from billing.jobs.services import ending
from billing.outbox import selectors as outbox_selectors
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import TaskName

_log = structlog.get_logger(__name__)


def look_at_settlement(*, job_id: str) -> list[str]:
    """Return what a retry would run again, by name and id. Nothing moves.

    Raises:
        NothingToRetry: there is nothing.
    """
    job = Job.objects.get(pk=job_id)
    found = [f"{one.task} ({one.error})" for one in _dead(job)]
    found += [f"{TaskName.APPLY_CALLBACK} {one.pk}" for one in _unheard(job)]
    if not found:
        raise NothingToRetry
    return found


@transaction.atomic(durable=True)
def retry_settlement(*, job_id: str, operator: str, now: datetime) -> int:
    """What was given up of a job's errands is tried again, and what its backend said is read anew.

    Each errand finds by itself whether it is still to be done, so nothing is settled twice. The
    job's live attempt is looked after by the next sweep. Return how many errands are tried again.

    Raises:
        NothingToRetry: none was given up.
    """
    job = ending.lock_job(job_id)
    revived = sum(outbox.revive(one.pk, now=now) for one in _dead(job))
    unheard = list(_unheard(job))
    for callback in unheard:
        outbox.post(TaskName.APPLY_CALLBACK, now=now, callback_id=callback.pk)
    if not revived and not unheard:
        raise NothingToRetry
    job.attempts.exclude(state=Attempt.State.ENDED).update(check_at=now)
    _log.warning("settlement_retried", job_id=job.pk, by=operator)
    return revived + len(unheard)


def _dead(job: Job) -> Iterator[Message]:
    """Yield the job's errands that were given up; a word that was applied meanwhile needs none."""
    attempts = [str(one) for one in job.attempts.values_list("pk", flat=True)]
    words = Callback.objects.filter(attempt__job=job, applied_at=None)
    for task, argument, ids in (
        (TaskName.DISPATCH_JOB, "job_id", [job.pk]),
        (TaskName.CANCEL_JOB, "job_id", [job.pk]),
        (TaskName.APPLY_CALLBACK, "callback_id", [str(one.pk) for one in words]),
        (TaskName.COLLECT_OUTPUTS, "attempt_id", attempts),
    ):
        yield from outbox_selectors.dead_about(task, argument, ids)


def _unheard(job: Job) -> Iterator[Callback]:
    """Yield what the backend said of it that was never applied, and that no errand is about."""
    for callback in Callback.objects.filter(attempt__job=job, applied_at=None).order_by("pk"):
        is_dead = outbox_selectors.dead_about(
            TaskName.APPLY_CALLBACK, "callback_id", [str(callback.pk)]
        )
        is_open = outbox_selectors.is_open(TaskName.APPLY_CALLBACK, callback_id=str(callback.pk))
        if not is_open and not is_dead.exists():
            yield callback
