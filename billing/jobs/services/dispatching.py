"""Hands a queued job to a backend: committed before, called outside, recorded after.

T3a: attempt and lease are committed. Then the backend is called, outside any transaction.
T3b: its answer is recorded. A death in between leaves an attempt whose lease runs out; the
sweep then seeks the truth and never sends it again blindly.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.gpu import callbacks, registry
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    AuthError,
    BackendError,
    Fail,
    NotSent,
    Rejected,
    State,
    Status,
)
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import backend_input
from billing.jobs.services import ending, queueing
from billing.jobs.services.linking import seconds_of
from billing.jobs.services.telling import tell

LEASE: Final = timedelta(seconds=90)  # longer than a submit can take: a few calls of 13 s
FIRST_CHECK: Final = timedelta(seconds=20)
WHEN_FULL: Final = timedelta(seconds=5)
_MODERATED_AT_SUBMIT: Final = "moderation_input"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A job that is ours to hand over, by the attempt that says so."""

    attempt: Attempt
    view: AttemptView


def dispatch(*, job_id: str, now: datetime) -> None:
    """Hand the job to a backend, if it still waits and there is room. A repeat changes nothing.

    What the backend provably did not take goes back to the queue; what nobody knows becomes
    `unknown` and keeps its hold.
    """
    claim = _claim(job_id, now)
    if claim is None:
        return
    backend = registry.backend_for(claim.attempt.backend)
    try:
        status = backend.submit(claim.view)
    except (NotSent, AtCapacity) as answer:
        pause = getattr(answer, "retry_after_seconds", 0) or WHEN_FULL.total_seconds()
        _back_to_queue(claim.attempt, answer, pause=timedelta(seconds=pause), now=now)
    except AuthError as answer:
        _log.error("backend_refuses_us", backend=claim.attempt.backend, reason=answer.message)
        _back_to_queue(claim.attempt, answer, pause=timedelta(minutes=1), now=now)
    except Rejected as answer:
        _reject(claim.attempt, answer, now)
    except Ambiguous as answer:
        doubt(claim.attempt.pk, reason=answer.message, now=now)
    else:
        _accept(claim.attempt, status, now)


def view_of(attempt: Attempt) -> AttemptView:
    """Return what an adapter may know of `attempt`."""
    job = attempt.job
    return AttemptView(
        id=attempt.pk,
        input=backend_input(
            dimensions=job.dimensions,
            inputs=job.inputs,
            options=job.options,
            offset_seconds=job.chain_seconds - seconds_of(job.dimensions),
            flags=job.flags,
        ),
        callback_url=callbacks.callback_url(attempt.backend, attempt.pk),
        provider_id=attempt.provider_id,
        context=attempt.context,
    )


@transaction.atomic(durable=True)
def doubt(attempt_id: str, *, reason: str, now: datetime) -> None:
    """Nobody knows whether the backend took the attempt: the job becomes `unknown`, the hold stays.

    A callback that overtook us has said the truth already; then nothing changes.
    """
    job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state != Attempt.State.SUBMITTING:
        return
    attempt.state = Attempt.State.AMBIGUOUS
    attempt.detail = reason[:500]
    attempt.check_at = now
    attempt.save(update_fields=["state", "detail", "check_at"])
    if job.status == JobStatus.DISPATCHED:
        ending.move(job, JobStatus.UNKNOWN)
        tell(job, "job.unknown", now=now)


@transaction.atomic(durable=True)
def _claim(job_id: str, now: datetime) -> _Claim | None:
    """Commit an attempt and its lease (T3a), or leave the job where it is."""
    job = Job.objects.select_for_update().get(pk=job_id)
    if job.status != JobStatus.QUEUED or job.dispatch_at > now:
        return None
    opens_at = queueing.lane_opens_at(job, now=now)
    if opens_at > now:
        job.dispatch_at = opens_at
        job.save(update_fields=["dispatch_at"])
        return None
    if not queueing.account_has_room(job, now=now):
        return None  # the job that frees its account's slot rings for it: no pause may hide it
    backends = registry.serving(job.model, is_sandbox=job.account.is_sandbox)
    name = next((backend for backend in backends if queueing.has_room(backend)), None)
    if name is None:
        return None  # the attempt that frees a slot rings for the job that waits longest
    attempt = Attempt.objects.create(
        job=job,
        number=job.attempts.count() + 1,
        backend=name,
        lease_until=now + LEASE,
        check_at=now + LEASE,
        created_at=now,
    )
    job.deadline_at = now + registry.deadline(name)
    job.save(update_fields=["deadline_at"])
    ending.move(job, JobStatus.DISPATCHED)
    return _Claim(attempt=attempt, view=view_of(attempt))


@transaction.atomic(durable=True)
def _accept(attempt: Attempt, status: Status, now: datetime) -> None:
    """Record that the backend took it (T3b), unless a callback has told more already."""
    job, attempt = ending.lock_attempt(attempt.pk)
    if attempt.state == Attempt.State.ENDED:
        return
    attempt.state = Attempt.State.ACCEPTED
    attempt.accepted_at = attempt.accepted_at or now
    attempt.provider_id = status.provider_id or attempt.provider_id
    attempt.context = dict(status.context) or attempt.context
    attempt.check_at = now + FIRST_CHECK
    attempt.save(update_fields=["state", "accepted_at", "provider_id", "context", "check_at"])
    if status.state == State.RUNNING and job.status in (JobStatus.DISPATCHED, JobStatus.UNKNOWN):
        ending.start(job, now=now)


@transaction.atomic(durable=True)
def _back_to_queue(
    attempt: Attempt, answer: BackendError, *, pause: timedelta, now: datetime
) -> None:
    """Record that nothing was taken: the job waits again, with its hold."""
    job, attempt = ending.lock_attempt(attempt.pk)
    if attempt.state != Attempt.State.SUBMITTING:
        return
    ending.end_attempt(attempt, outcome=type(answer).__name__, detail=answer.message, now=now)
    if job.cancel_requested_at is not None:
        ending.cancel_queued(job, now=now)
        return
    ending.move(job, JobStatus.QUEUED)
    job.dispatch_at = now + pause
    job.deadline_at = None
    job.save(update_fields=["dispatch_at", "deadline_at"])
    queueing.ring_next(attempt.backend, now=now)


@transaction.atomic(durable=True)
def _reject(attempt: Attempt, answer: Rejected, now: datetime) -> None:
    """Record that the backend refused the order on its merits: the job has failed."""
    job, attempt = ending.lock_attempt(attempt.pk)
    if attempt.state == Attempt.State.ENDED:
        return
    failure_class = {Fail.MODERATION: _MODERATED_AT_SUBMIT, Fail.INVALID_INPUT: "invalid_input"}
    ending.end_attempt(attempt, outcome="rejected", detail=answer.message, now=now)
    ending.fail_job(
        job,
        failure_class=failure_class.get(answer.fail, "rejected"),
        detail=answer.message,
        actor=ending.backend_actor(attempt),
        now=now,
    )
    queueing.ring_next(attempt.backend, now=now)
