"""Hands a queued job to a backend: committed before, called outside, recorded after.

T3a: attempt and lease are committed. Then the backend is called, outside any transaction.
T3b: its answer is recorded (`recording`), patiently: many backends never say it again. A death in
between leaves an attempt whose lease runs out; the sweep then seeks the truth and never sends it
again blindly.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

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
    NotSent,
    Rejected,
    Unmakeable,
)
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import ADDRESSES, backend_input
from billing.jobs.services import ending, queueing, recording, routing
from billing.jobs.services.linking import seconds_of
from billing.jobs.services.queueing import Turn
from billing.telemetry import meters, tracing
from billing.transactions import patiently
from plans import asking
from plans.asking import Given, Prepared

LEASE: Final = timedelta(seconds=90)
# How old a claim may be when its backend is called: a submit, a few calls of 13 s, and the patience
# with the database then end within the lease. A worker that was stopped for longer wakes as a
# stranger, and sends nothing.
FRESH: Final = timedelta(seconds=30)
WHEN_CLAIMING_FAILS: Final = timedelta(seconds=15)

_SIGNS: Final[Mapping[type[BackendError], Sign]] = {
    NotSent: Sign.UNHEARD,
    AtCapacity: Sign.TURNED_AWAY,
    AuthError: Sign.REFUSED_US,
}


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
    patiently(_hand_over(claim, began, now))


def _tell_how_long_it_waited(attempt: Attempt, now: datetime) -> None:
    """Count the wait of a job that is handed over for the first time."""
    if attempt.number == 1:
        waited = (now - attempt.job.created_at).total_seconds()
        meters.QUEUE_SECONDS.labels(attempt.backend).observe(max(0, waited))


def _hand_over(claim: _Claim, began: float, now: datetime) -> Callable[[], None]:
    """Call the backend; return what records how that went, and may be run again."""
    attempt, backend = claim.attempt, registry.backend_for(claim.attempt.backend)
    try:
        _require_sendable(claim, began)
    except NotSent as trouble:
        return partial(recording.back_to_queue, attempt, trouble, sign=Sign.NOTHING, now=now)
    except Rejected as refusal:
        return partial(recording.reject, attempt, refusal, was_asked=False, now=now)
    return _submit(backend, claim, now)


def _submit(backend: Backend, claim: _Claim, now: datetime) -> Callable[[], None]:
    attempt = claim.attempt
    try:
        with calls.counted(attempt.backend, "submit"):
            status = backend.submit(claim.view)
    except (NotSent, AtCapacity, AuthError) as answer:
        return partial(recording.back_to_queue, attempt, answer, sign=_sign_of(answer), now=now)
    except Unmakeable as answer:
        return partial(recording.pass_on, attempt, answer, now=now)
    except Rejected as answer:
        return partial(recording.reject, attempt, answer, was_asked=True, now=now)
    except Ambiguous as answer:
        said = answer.message
        return partial(recording.doubt, attempt.pk, reason=said, sign=Sign.UNHEARD, now=now)
    return partial(recording.take_reply, backend, attempt, claim.view, status, now=now)


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
