"""Hands a queued job to a backend: committed before, called outside, recorded after.

T3a: attempt and lease are committed. Then the backend is called, outside any transaction.
T3b: its answer is recorded. A death in between leaves an attempt whose lease runs out; the
sweep then seeks the truth and never sends it again blindly.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.fleet import services as fleet
from billing.fleet.breaking import Sign
from billing.gpu import callbacks, calls, inputs, registry
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    AuthError,
    Backend,
    BackendError,
    Fail,
    NotSent,
    Rejected,
    State,
    Status,
    Unmakeable,
)
from billing.jobs.lifecycle import FailureClass, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import ADDRESSES, backend_input, without_texts
from billing.jobs.services import ending, queueing, routing
from billing.jobs.services.ending import IdOfAnother
from billing.jobs.services.linking import seconds_of
from billing.jobs.services.queueing import Turn
from billing.jobs.services.telling import tell
from billing.ledger.journal import SYSTEM
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.telemetry import meters, tracing
from plans import asking
from plans.asking import Given, Prepared

LEASE: Final = timedelta(seconds=90)
# How old a claim may be when its backend is called: a submit, a few calls of 13 s, then ends well
# within the lease. A worker that was stopped for longer wakes as a stranger, and sends nothing.
FRESH: Final = timedelta(seconds=30)
FIRST_CHECK: Final = timedelta(seconds=20)
WHEN_CLAIMING_FAILS: Final = timedelta(seconds=15)
_MODERATED_AT_SUBMIT: Final = "moderation_input"
_SIGNS: Final[Mapping[type[BackendError], Sign]] = {
    NotSent: Sign.UNHEARD,
    AtCapacity: Sign.TURNED_AWAY,
    AuthError: Sign.REFUSED_US,
}

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
    began = time.monotonic()
    try:
        claim = _claim(job_id, now)
    except Exception:
        _step_aside(job_id, now)
        raise
    if claim is None:
        return
    _tell_how_long_it_waited(claim.attempt, now)
    backend = registry.backend_for(claim.attempt.backend)
    try:
        _require_sendable(claim, began)
    except NotSent as trouble:
        _back_to_queue(claim.attempt, trouble, sign=Sign.NOTHING, now=now)
        return
    except Rejected as refusal:
        _reject(claim.attempt, refusal, now, was_asked=False)
        return
    try:
        with calls.counted(claim.attempt.backend, "submit"):
            status = backend.submit(claim.view)
    except (NotSent, AtCapacity, AuthError) as answer:
        _back_to_queue(claim.attempt, answer, sign=_sign_of(answer), now=now)
    except Unmakeable as answer:
        _pass_on(claim.attempt, answer, now)
    except Rejected as answer:
        _reject(claim.attempt, answer, now)
    except Ambiguous as answer:
        doubt(claim.attempt.pk, reason=answer.message, sign=Sign.UNHEARD, now=now)
    else:
        _take_reply(backend, claim, status, now)


def _tell_how_long_it_waited(attempt: Attempt, now: datetime) -> None:
    """Count the wait of a job that is handed over for the first time."""
    if attempt.number == 1:
        waited = (now - attempt.job.created_at).total_seconds()
        meters.QUEUE_SECONDS.labels(attempt.backend).observe(max(0, waited))


def _require_sendable(claim: _Claim, began: float) -> None:
    """Return if the order may be told to its backend, and is still ours to tell.

    Raises:
        Rejected: it would have a backend on our own network fetch what stands inside.
        NotSent: where its addresses lead cannot be seen now, or the claim is too old.
    """
    policy = registry.inputs_policy(claim.attempt.backend)
    if policy is not None:
        job = claim.attempt.job
        named = {name: job.inputs[name] for name in ADDRESSES if job.inputs.get(name)}
        inputs.require_outside(named, policy=policy)
    if time.monotonic() - began > FRESH.total_seconds():
        raise NotSent("Whoever handed it over was held up, and sent nothing.")


def _sign_of(answer: BackendError) -> Sign:
    """Return what an order that was not taken shows of its backend."""
    return next(sign for kind, sign in _SIGNS.items() if isinstance(answer, kind))


def _take_reply(backend: Backend, claim: _Claim, status: Status, now: datetime) -> None:
    """Record that the backend took it; doubt an id that it has given to another attempt."""
    try:
        is_well = _accept(claim.attempt, status, now)
    except IdOfAnother:
        twice = "The backend answered with the id of another attempt."
        doubt(claim.attempt.pk, reason=twice, sign=Sign.UNHEARD, now=now)
        return
    if not is_well:
        _stop_orphan(backend, claim, status)


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
        model=registry.vendor_name(
            attempt.backend, model=job.model, task=str(job.dimensions.get("task", ""))
        ),
        callback_url=callbacks.callback_url(attempt.backend, attempt.pk),
        deadline_seconds=int(registry.deadline(attempt.backend).total_seconds()),
        provider_id=attempt.provider_id,
        context=attempt.context,
        parent=routing.made_of_parent(job, attempt.backend),
    )


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
def _claim(job_id: str, now: datetime) -> _Claim | None:
    """Commit an attempt and its lease (T3a), or leave the job where it is."""
    job = ending.lock_job(job_id)
    if job.status != JobStatus.QUEUED or job.dispatch_at > now:
        return None
    opens_at = queueing.lane_opens_at(job, now=now)
    if opens_at > now:
        job.dispatch_at = opens_at
        asking.change(job, "dispatch_at")
        for name in routing.serving(job):  # those behind it must not wait for the next sweep
            queueing.ring_next(name, now=now)
        return None
    if not queueing.account_has_room(job, now=now):
        return None  # the job that frees its account's slot rings for it: no pause may hide it
    attempt = Attempt(
        job=job,
        number=len(_tries(job=job.pk)) + 1,
        lease_until=now + LEASE,
        check_at=now + LEASE,
        traceparent=tracing.traceparent(),
        created_at=now,
    )
    turn = _turn_of(job, attempt.pk, now)
    if turn is None:
        return None  # the attempt that frees a slot rings for the job whose turn it is then
    queueing.take(turn)
    attempt.backend = turn.backend
    view = view_of(attempt)
    attempt.context = _remembered(attempt.backend, view)
    asking.create(attempt)
    ending.move(job, JobStatus.DISPATCHED, deadline_at=now + registry.deadline(attempt.backend))
    return _Claim(attempt=attempt, view=replace(view, context=attempt.context))


_tries = Prepared(lambda: Attempt.objects.filter(job=Given("job")).values_list("pk"))


def _remembered(backend: str, view: AttemptView) -> dict[str, str]:
    """Return by what the backend can be asked about the attempt, if no answer ever comes."""
    try:
        return dict(registry.backend_for(backend).remembered(view))
    except BackendError:  # it cannot be handed over, and `submit` will say why
        return {}


def _turn_of(job: Job, attempt_id: str, now: datetime) -> Turn | None:
    """Return the job's turn at the first backend that lets the attempt be made.

    Where another's turn comes first, that one is rung for.
    """
    for name in routing.in_turn(job, now=now):
        with transaction.atomic():
            obstacle = fleet.admit(
                name, model=job.model, attempt_id=attempt_id, in_flight=queueing.in_flight, now=now
            )
            is_open = obstacle is None
            turn = queueing.turn_at(name, job, now=now) if is_open else None
            if turn is None:  # neither the slot nor a probe is ours
                transaction.set_rollback(True)
        if turn is not None:
            return turn
        if is_open:
            queueing.ring_next(name, now=now)
    return None


@transaction.atomic(durable=True)
def _step_aside(job_id: str, now: datetime) -> None:
    """Whatever is wrong with this job, those whose turn comes after it must not wait for it."""
    Job.objects.filter(pk=job_id, status=JobStatus.QUEUED).update(
        dispatch_at=now + WHEN_CLAIMING_FAILS
    )


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


def _stop_orphan(backend: Backend, claim: _Claim, status: Status) -> None:
    """Ask the backend to stop what nobody waits for; another attempt of the job is not touched."""
    context = {**claim.view.context, **status.context}
    view = replace(claim.view, provider_id=status.provider_id, context=context)
    _log.warning("orphan_at_backend", attempt_id=view.id, backend=claim.attempt.backend)
    try:
        with calls.counted(claim.attempt.backend, "cancel"):
            backend.cancel(view)
    except BackendError as answer:
        _log.warning("cancel_unanswered", attempt_id=view.id, reason=answer.message)


@transaction.atomic(durable=True)
def _back_to_queue(attempt: Attempt, answer: BackendError, *, sign: Sign, now: datetime) -> None:
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


def _wait_again(job: Job, now: datetime) -> None:
    """Put the job back into the queue: at once for another backend, else after a pause."""
    ending.move(job, JobStatus.QUEUED)
    job.dispatch_at = routing.next_try_at(job, in_flight=queueing.in_flight, now=now)
    job.deadline_at = None
    job.save(update_fields=["dispatch_at", "deadline_at"])
    if job.dispatch_at <= now:
        outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job.pk)


@transaction.atomic(durable=True)
def _pass_on(attempt: Attempt, answer: Unmakeable, now: datetime) -> None:
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
def _reject(attempt: Attempt, answer: Rejected, now: datetime, *, was_asked: bool = True) -> None:
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
