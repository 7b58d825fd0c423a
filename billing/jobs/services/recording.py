"""Records what came of handing a job over (T3b): each in a commit, and a repeat changes nothing.

A callback or a sweep may have told more meanwhile; then what they told stands.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.fleet import services as fleet
from billing.fleet.breaking import Sign
from billing.gpu import calls
from billing.gpu.protocol import (
    AtCapacity,
    AttemptView,
    AuthError,
    Backend,
    BackendError,
    Fail,
    Rejected,
    State,
    Status,
    Unmakeable,
)
from billing.jobs.lifecycle import FailureClass, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import without_texts
from billing.jobs.services import ending, queueing, routing
from billing.jobs.services.ending import IdOfAnother
from billing.jobs.services.telling import tell
from billing.ledger.journal import SYSTEM
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from plans import asking

FIRST_CHECK: Final = timedelta(seconds=20)
_MODERATED_AT_SUBMIT: Final = "moderation_input"

_log = structlog.get_logger(__name__)


def take_reply(
    backend: Backend, attempt: Attempt, view: AttemptView, status: Status, *, now: datetime
) -> None:
    """Record that the backend took it; doubt an id that it has given to another attempt.

    Under which id it runs may be said this once: where that is not recorded, the log has it.
    """
    try:
        is_well = _accept(attempt, status, now)
    except IdOfAnother:
        twice = "The backend answered with the id of another attempt."
        doubt(attempt.pk, reason=twice, sign=Sign.UNHEARD, now=now)
        return
    except Exception:
        _log.warning(
            "reply_not_recorded",
            attempt_id=attempt.pk,
            backend=attempt.backend,
            provider_id=status.provider_id,
        )
        raise
    if not is_well:
        _stop_orphan(backend, attempt.backend, view, status)


@transaction.atomic(durable=True)
def back_to_queue(attempt: Attempt, answer: BackendError, *, sign: Sign, now: datetime) -> None:
    """Record that nothing was taken: the job waits again, with its hold.

    Another backend is tried at once; where there is none, the job pauses, each time longer.
    """
    if isinstance(answer, AuthError):
        _log.error("backend_refuses_us", backend=attempt.backend, reason=answer.message)
    job, attempt = ending.lock_attempt(attempt.pk)
    if attempt.state != Attempt.State.SUBMITTING:
        if attempt.state == Attempt.State.AMBIGUOUS:
            # Said too late to be acted on, but whoever decides about the job shall read it.
            attempt.detail = without_texts(answer.message, job.inputs)[:500]
            attempt.save(update_fields=["detail"])
        return
    ending.end_attempt(attempt, outcome=type(answer).__name__, detail=answer.message, now=now)
    if job.cancel_requested_at is not None:
        ending.cancel_queued(job, now=now)
    ending.show(job, attempt, sign, reason=answer.message, now=now)
    if isinstance(answer, AtCapacity):
        fleet.note_full(
            attempt.backend,
            in_flight=queueing.in_flight(attempt.backend),
            retry_after=timedelta(seconds=answer.retry_after_seconds),
            now=now,
        )
    queueing.ring_next(attempt.backend, now=now)  # while the job is not among those that wait
    if job.status == JobStatus.DISPATCHED:
        _wait_again(job, now)


@transaction.atomic(durable=True)
def pass_on(attempt: Attempt, answer: Unmakeable, *, now: datetime) -> None:
    """Record that this backend cannot make the order: another gets it.

    Where there is none, the job has failed, and costs nothing: nobody has looked at it.
    """
    job, attempt = ending.lock_attempt(attempt.pk)
    if attempt.state != Attempt.State.SUBMITTING:
        return
    outcome = type(answer).__name__
    ending.end_attempt(attempt, outcome=outcome, detail=answer.message, now=now)
    if job.cancel_requested_at is not None:
        ending.cancel_queued(job, now=now)
    elif not routing.serving(job):
        ending.fail_job(
            job,
            failure_class=FailureClass.REJECTED,
            detail=answer.message,
            actor=SYSTEM,
            now=now,
            charged=False,
        )
    ending.show(job, attempt, Sign.NOTHING, now=now)
    queueing.ring_next(attempt.backend, now=now)
    if job.status == JobStatus.DISPATCHED:
        _wait_again(job, now)


@transaction.atomic(durable=True)
def reject(attempt: Attempt, answer: Rejected, *, was_asked: bool, now: datetime) -> None:
    """Record that the order was refused on its merits: the job has failed.

    Args:
        was_asked: False: the refusal is ours, so it costs nothing and says nothing of the backend.
    """
    job, attempt = ending.lock_attempt(attempt.pk)
    if attempt.state == Attempt.State.ENDED:
        return
    failure_class = {Fail.MODERATION: _MODERATED_AT_SUBMIT, Fail.INVALID_INPUT: "invalid_input"}
    ending.end_attempt(attempt, outcome="rejected", detail=answer.message, now=now)
    ending.fail_job(
        job,
        failure_class=failure_class.get(answer.fail, "rejected"),
        detail=answer.message,
        actor=ending.backend_actor(attempt) if was_asked else SYSTEM,
        now=now,
        charged=was_asked,
    )
    ending.show(job, attempt, Sign.TURNED_AWAY if was_asked else Sign.NOTHING, now=now)
    queueing.ring_next(attempt.backend, now=now)


@transaction.atomic(durable=True)
def doubt(attempt_id: str, *, reason: str, sign: Sign = Sign.NOTHING, now: datetime) -> None:
    """Nobody knows whether the backend took the attempt: the job becomes `unknown`, the hold stays.

    A callback that overtook us has said the truth already; then nothing changes.

    Args:
        sign: what it shows of the backend; that our own worker died shows nothing.
    """
    job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state != Attempt.State.SUBMITTING:
        return
    attempt.state = Attempt.State.AMBIGUOUS
    attempt.detail = without_texts(reason, job.inputs)[:500]
    attempt.check_at = now
    attempt.save(update_fields=["state", "detail", "check_at"])
    if job.status == JobStatus.DISPATCHED:
        ending.move(job, JobStatus.UNKNOWN)
        tell(job, "job.unknown", now=now)
    ending.show(job, attempt, sign, reason=reason, now=now)


@transaction.atomic(durable=True)
def _accept(attempt: Attempt, status: Status, now: datetime) -> bool:
    """Record that the backend took it (T3b), unless a callback has told more already.

    Returns whether that is well; False: the attempt had been given up, so what runs is an orphan.

    Raises:
        IdOfAnother: the backend has given the id to another attempt.
    """
    job, attempt = ending.lock_attempt(attempt.pk)
    was_live = attempt.state != Attempt.State.ENDED
    provider_id = status.provider_id or attempt.provider_id
    ending.note_id(attempt, provider_id, {**attempt.context, **status.context})
    if not was_live:
        return attempt.outcome == State.SUCCEEDED
    attempt.state = Attempt.State.ACCEPTED
    attempt.accepted_at = attempt.accepted_at or now
    attempt.heard_at = now
    attempt.check_at = now + FIRST_CHECK
    asking.change(attempt, "state", "accepted_at", "heard_at", "check_at")
    if status.state == State.RUNNING and job.status in (JobStatus.DISPATCHED, JobStatus.UNKNOWN):
        ending.start(job, now=now)
    ending.show(job, attempt, Sign.HEARD, now=now)
    return True


def _stop_orphan(backend: Backend, name: str, asked: AttemptView, status: Status) -> None:
    """Ask the backend to stop what nobody waits for; another attempt of the job is not touched."""
    view = replace(
        asked, provider_id=status.provider_id, context={**asked.context, **status.context}
    )
    _log.warning("orphan_at_backend", attempt_id=view.id, backend=name)
    try:
        with calls.counted(name, "cancel"):
            backend.cancel(view)
    except BackendError as answer:
        _log.warning("cancel_unanswered", attempt_id=view.id, reason=answer.message)


def _wait_again(job: Job, now: datetime) -> None:
    """Put the job back into the queue: at once for another backend, else after a pause."""
    ending.move(job, JobStatus.QUEUED)
    job.dispatch_at = routing.next_try_at(job, in_flight=queueing.in_flight, now=now)
    job.deadline_at = None
    job.save(update_fields=["dispatch_at", "deadline_at"])
    if job.dispatch_at <= now:
        outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job.pk)
