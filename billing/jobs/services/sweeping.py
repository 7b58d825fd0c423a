"""The net under everything: finds what nobody reported, and asks instead of assuming."""

from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog
from django.db import transaction

from billing.accounts.models import Account
from billing.gpu import registry
from billing.gpu.errors import UnknownBackend
from billing.gpu.protocol import BackendError
from billing.jobs import selectors
from billing.jobs.lifecycle import FINAL, FailureClass, JobStatus
from billing.jobs.models import Attempt, Callback, Job
from billing.jobs.services import canceling, ending, hearing, queueing
from billing.jobs.services.dispatching import doubt, view_of
from billing.jobs.services.telling import tell
from billing.ledger.journal import SYSTEM
from billing.outbox import selectors as outbox_selectors
from billing.outbox import services as outbox
from billing.outbox.names import TaskName

BATCH: Final = 50
RING_AGAIN: Final = timedelta(seconds=15)
ASK_AGAIN: Final = timedelta(seconds=10)
APPLY_AGAIN: Final = timedelta(minutes=30)
NEEDS_A_HUMAN: Final = timedelta(hours=6)

_log = structlog.get_logger(__name__)


def sweep(*, now: datetime) -> int:
    """Look after what is due: expired leases, silent backends, passed deadlines, waiting jobs.

    Two sweeps at once do no harm, and one row that fails does not stop the others. Returns how
    many rows were looked at.
    """
    looked_at = 0
    for look, rows in (
        (_look_after, _due_attempts(now)),
        (_expire, _overdue_in_queue(now)),
        (_apply_again, _unapplied(now)),
    ):
        for row in rows:
            looked_at += 1
            try:
                look(row, now)
            except Exception:  # noqa: BLE001 (whatever it is, the other rows must not wait for it)
                _log.exception("sweep_stumbled", row=row)
    return looked_at + _ring_waiting(now)


def _due_attempts(now: datetime) -> list[str]:
    due = Attempt.objects.exclude(state=Attempt.State.ENDED).filter(check_at__lte=now)
    return list(due.order_by("check_at").values_list("pk", flat=True)[:BATCH])


def _look_after(attempt_id: str, now: datetime) -> None:
    _postpone(attempt_id, now)
    attempt = Attempt.objects.select_related("job", "job__parent").get(pk=attempt_id)
    if attempt.state == Attempt.State.ENDED:
        return
    if attempt.state == Attempt.State.SUBMITTING:
        doubt(attempt.pk, reason="Whoever handed it over never reported.", now=now)
    job = attempt.job
    overdue = job.deadline_at is not None and job.deadline_at <= now
    if overdue:
        _mark_unknown(attempt.pk, now)
    if overdue or job.cancel_requested_at is not None:
        # Asked again each time: a backend may forget a wish that came while it was starting.
        canceling.cancel_at_backend(job_id=attempt.job_id, now=now)
    if job.deadline_at is not None and job.deadline_at + NEEDS_A_HUMAN <= now:
        _call_a_human(attempt.pk, now)
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


@transaction.atomic(durable=True)
def _call_a_human(attempt_id: str, now: datetime) -> None:
    """Hours after the deadline there is still no verdict, and age alone is none.

    An operator decides about the job. Where one has, or the job ended otherwise, nothing hangs
    on the attempt any more but its slot: that is given free.
    """
    job, attempt = ending.lock_attempt(attempt_id)
    if job.status not in FINAL:
        _log.error("job_needs_a_human", job_id=job.pk, backend=attempt.backend)
        return
    ending.end_attempt(attempt, outcome="given_up", now=now)
    queueing.ring_next(attempt.backend, now=now)


def _unapplied(now: datetime) -> list[str]:
    """Return callbacks that stand there unapplied although their message is closed."""
    old = Callback.objects.filter(applied_at=None, received_at__lte=now - APPLY_AGAIN)
    return [
        callback_id
        for callback_id in old.order_by("received_at").values_list("pk", flat=True)[:BATCH]
        if not outbox_selectors.is_open(TaskName.APPLY_CALLBACK, callback_id=callback_id)
    ]


@transaction.atomic(durable=True)
def _apply_again(callback_id: str, now: datetime) -> None:
    """A word that was heard must not be lost because applying it has failed often."""
    outbox.post(TaskName.APPLY_CALLBACK, now=now, callback_id=callback_id)


def _postpone(attempt_id: str, now: datetime) -> None:
    """Ask again later, whatever this look brings; an answer may set an earlier instant."""
    Attempt.objects.filter(pk=attempt_id).update(check_at=now + ASK_AGAIN)


def expire_queued(account: Account, *, now: datetime) -> int:
    """Give up a sandbox account's orders whose time in the queue is over by its own clock.

    The sweep does the same a little later. Returns how many there were.

    Args:
        now: the real instant.
    """
    overdue = list(selectors.overdue_by_clock(now=now).filter(account=account)[:BATCH])
    for job in overdue:
        _expire(job.pk, now)
    return len(overdue)


def _overdue_in_queue(now: datetime) -> list[str]:
    overdue = Job.objects.filter(status=JobStatus.QUEUED, dispatch_by__lte=now)
    found = list(overdue.order_by("dispatch_by").values_list("pk", flat=True)[:BATCH])
    return found or list(selectors.overdue_by_clock(now=now).values_list("pk", flat=True)[:BATCH])


@transaction.atomic(durable=True)
def _expire(job_id: str, now: datetime) -> None:
    """Nothing was sent in time: the job expires and its credits go back."""
    job = ending.lock_job(job_id)
    if job.status != JobStatus.QUEUED or job.dispatch_by - selectors.clock_moved(job) > now:
        return
    ending.fail_job(
        job,
        failure_class=FailureClass.TIMEOUT,
        detail="No backend took it in time.",
        actor=SYSTEM,
        now=now,
        target=JobStatus.EXPIRED,
        charged=False,  # nobody has worked on it
    )


@transaction.atomic(durable=True)
def _ring_waiting(now: datetime) -> int:
    """Ring for as many waiting jobs as there are free slots, the longest waiting first.

    Jobs that were ordered a moment ago are left out: their own message is still on its way.
    """
    rung = 0
    for name in registry.configured():
        free = min(BATCH, queueing.free_slots(name))
        if free > 0:
            jobs = queueing.waiting(name, now=now, ordered_by=now - RING_AGAIN)
            for job in islice(jobs, free):
                outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job.pk)
                rung += 1
    return rung
