"""The net under everything: finds what nobody reported, and asks instead of assuming."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog
from django.db import transaction

from billing.accounts.models import Account
from billing.fleet import selectors as fleet
from billing.fleet.breaking import Sign
from billing.gpu import calls, registry
from billing.gpu.errors import UnknownBackend
from billing.gpu.protocol import Backend, BackendError, State, Status
from billing.jobs import asking, selectors
from billing.jobs.lifecycle import FINAL, FailureClass, JobStatus
from billing.jobs.models import Attempt, Callback, Job
from billing.jobs.services import canceling, ending, hearing, queueing
from billing.jobs.services.dispatching import view_of
from billing.jobs.services.ending import IdOfAnother
from billing.jobs.services.recording import doubt
from billing.jobs.services.telling import tell
from billing.ledger.journal import SYSTEM
from billing.outbox import selectors as outbox_selectors
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.sweeps import Sweep, fairly
from billing.telemetry import tracing

BATCH: Final = 50
RING_AGAIN: Final = timedelta(seconds=15)
# So long a sweep asks backends; those that answer take milliseconds.
BUDGET: Final = timedelta(seconds=20)
# A sweep takes what it looks after: until then no other sweep does. Longer than one lasts.
LOOK: Final = timedelta(seconds=45)
# What was asked in vain comes after what its backend was not asked at all.
ASK_AGAIN: Final = timedelta(seconds=55)
APPLY_AGAIN: Final = timedelta(minutes=30)
NEEDS_A_HUMAN: Final = timedelta(hours=6)
_LOOKED_AT_MAX: Final = 200  # of those that wait for one backend; the next sweep goes on

_STUMBLE: Final = "sweep_stumbled"
_log = structlog.get_logger(__name__)


def sweep(*, now: datetime) -> int:
    """Look after what is due: passed deadlines, waiting jobs, expired leases, silent backends.

    What needs no backend comes first: nothing waits for one that does not answer. Two sweeps at
    once never look after the same attempt, and one row that fails does not stop the others.
    Returns how many rows were looked at.
    """
    looked_at = _each(_expire, _overdue_in_queue(now), now)
    looked_at += _ring_waiting(now)
    looked_at += _each(_apply_again, _unapplied(now), now)
    return looked_at + _ask_around(now)


def _each(look: Callable[[str, datetime], object], rows: Iterable[str], now: datetime) -> int:
    """Look after each of the rows; return how many there were."""
    run = Sweep(_STUMBLE)
    for row in rows:
        with run.row(row=row):
            look(row, now)
    return run.tried


def _ask_around(now: datetime) -> int:
    """Look after the attempts that are due, and leave a backend alone once it has been silent.

    What we know without it is made true all the same. What there was no time for is due again at
    once; what a silent backend was not asked, later.
    """
    began, silent, left = time.monotonic(), set[str](), list[str]()
    run = Sweep(_STUMBLE)
    for attempt_id, backend in _take_due(now):
        if time.monotonic() - began >= BUDGET.total_seconds():
            left.append(attempt_id)
        else:
            with run.row(row=attempt_id):
                if not _look_after(attempt_id, now, may_ask=backend not in silent):
                    silent.add(backend)
    Attempt.objects.filter(pk__in=left, check_at=now + LOOK).update(check_at=now)
    return run.tried


@transaction.atomic(durable=True)
def _take_due(now: datetime) -> list[tuple[str, str]]:
    """Take the attempts that are due longest, with their backends; no other sweep gets them."""
    live = Attempt.objects.exclude(state=Attempt.State.ENDED).filter(check_at__lte=now)
    due = live.select_for_update(skip_locked=True).order_by("check_at", "pk")
    taken = list(due.values_list("pk", "backend")[:BATCH])
    Attempt.objects.filter(pk__in=[pk for pk, _backend in taken]).update(check_at=now + LOOK)
    return taken


def _look_after(attempt_id: str, now: datetime, *, may_ask: bool) -> bool:
    """Make true of an attempt what the clock says, then seek its truth at the backend.

    Returns whether the backend can be asked about others.
    """
    attempt = Attempt.objects.select_related("job", "job__parent").get(pk=attempt_id)
    if attempt.state == Attempt.State.ENDED:
        return may_ask
    if attempt.state == Attempt.State.SUBMITTING and now < attempt.lease_until:
        # Its maker is at it: a word that overtook his reply may have called us too early.
        Attempt.objects.filter(pk=attempt.pk).update(check_at=attempt.lease_until)
        return may_ask
    if attempt.state == Attempt.State.SUBMITTING:
        doubt(attempt.pk, reason="Whoever handed it over never reported.", now=now)
        Attempt.objects.filter(pk=attempt.pk, check_at=now).update(check_at=now + LOOK)
    job = attempt.job
    overdue = job.deadline_at is not None and job.deadline_at <= now
    if overdue:
        _mark_unknown(attempt.pk, now)
    if job.deadline_at is not None and job.deadline_at + NEEDS_A_HUMAN <= now:
        _call_a_human(attempt.pk, now)
    if not may_ask:
        return False
    _postpone(attempt, now)
    if overdue or job.cancel_requested_at is not None or job.status in FINAL:
        # Asked again each time: a backend may forget a wish that came while it was starting.
        canceling.cancel_at_backend(job_id=attempt.job_id, now=now)
    with tracing.joined(attempt.traceparent, "ask", facts={"attempt_id": attempt.pk}):
        return _ask(attempt, now)


def _ask(attempt: Attempt, now: datetime) -> bool:
    """Ask the backend where the attempt is; no answer changes nothing. Return whether one came."""
    try:
        status = _answer(registry.backend_for(attempt.backend), attempt)
    except (BackendError, UnknownBackend) as answer:
        _log.warning("backend_did_not_answer", attempt_id=attempt.pk, reason=answer.message)
        return False
    if status is not None and status.state == State.SUCCEEDED:
        with suppress(IdOfAnother):  # operators are told; nothing has moved
            _have_collected(attempt.pk, status, now)
    elif status is not None:
        hearing.apply_status(attempt.pk, status, now=now)
    return True


@transaction.atomic(durable=True)
def _have_collected(attempt_id: str, status: Status, now: datetime) -> None:
    """Outputs take long to copy, and a sweep has many to look after: a worker of its own goes.

    It asks by the id under which the attempt was found, which may be news.

    Raises:
        IdOfAnother: the id is another attempt's.
    """
    _job, attempt = ending.lock_attempt(attempt_id)
    ending.remember(attempt, status)
    if not outbox_selectors.is_open(TaskName.COLLECT_OUTPUTS, attempt_id=attempt_id):
        outbox.post(TaskName.COLLECT_OUTPUTS, now=now, attempt_id=attempt_id)


def collect(*, attempt_id: str, now: datetime) -> bool:
    """Ask for an attempt's end once more, for fresh addresses, and make it true.

    Returns False, and nothing has moved, where another run copies the outputs at this moment.

    Raises:
        BackendError: no usable answer, or an output could not be fetched: try again.
    """
    attempt = Attempt.objects.select_related("job", "job__parent").get(pk=attempt_id)
    if attempt.state != Attempt.State.ENDED:
        status = _answer(registry.backend_for(attempt.backend), attempt)
        if status is not None:
            return hearing.apply_status(attempt.pk, status, now=now)
    return True


def _answer(backend: Backend, attempt: Attempt) -> Status | None:
    """Return what the backend says; None: it cannot tell, and a callback or a person must.

    By its own id where it gave one and can be polled; else it is looked for under ours, or among
    those that it lists.
    """
    view = view_of(attempt)
    if backend.caps.poll and attempt.provider_id:
        with calls.counted(attempt.backend, "poll"):
            return backend.poll(view)
    if not (backend.caps.find or backend.caps.list):
        return None
    with calls.counted(attempt.backend, "find"):
        return backend.find(view)


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
        ending.show(job, attempt, Sign.NOTHING, now=now)  # another may try the backend meanwhile


@transaction.atomic(durable=True)
def _call_a_human(attempt_id: str, now: datetime) -> None:
    """Hours after the deadline there is still no verdict, and age alone is none.

    An operator decides about the job. Where one has, or the job ended otherwise, nothing hangs
    on the attempt any more but its slot: that is given free.
    """
    job, attempt = ending.lock_attempt(attempt_id)
    if job.status not in FINAL:
        if attempt.human_called_at is None:
            _log.error("job_needs_a_human", job_id=job.pk, backend=attempt.backend)
            attempt.human_called_at = now
            attempt.save(update_fields=["human_called_at"])
        return
    ending.end_attempt(attempt, outcome="given_up", now=now)
    ending.show(job, attempt, Sign.NOTHING, now=now)
    queueing.ring_next(attempt.backend, now=now)


def _unapplied(now: datetime) -> list[str]:
    """Return callbacks that stand there unapplied although their message is closed."""
    old = Callback.objects.filter(applied_at=None, received_at__lte=now - APPLY_AGAIN)
    closed = old.exclude(pk__in=outbox_selectors.open_about(TaskName.APPLY_CALLBACK, "callback_id"))
    return list(closed.order_by("received_at").values_list("pk", flat=True)[:BATCH])


@transaction.atomic(durable=True)
def _apply_again(callback_id: str, now: datetime) -> None:
    """A word that was heard must not be lost because applying it has failed often."""
    outbox.post(TaskName.APPLY_CALLBACK, now=now, callback_id=callback_id)


def _postpone(attempt: Attempt, now: datetime) -> None:
    """Ask again later, whatever this look brings; an answer may set an earlier instant."""
    try:
        pause = max(ASK_AGAIN, asking.pause(registry.backend_for(attempt.backend).caps))
    except UnknownBackend:
        pause = ASK_AGAIN
    Attempt.objects.filter(pk=attempt.pk).update(check_at=now + pause)


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
    """Return jobs that are out of time, by their own clocks too: however many cannot be ended."""
    queued = Job.objects.filter(status=JobStatus.QUEUED)
    overdue = queued.filter(dispatch_by__lte=now).order_by("dispatch_by", "pk")
    by_clock = selectors.overdue_by_clock(now=now).exclude(dispatch_by__lte=now)
    return [job.pk for due in (overdue, by_clock) for job in fairly(due.only("pk"), limit=BATCH)]


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


def _ring_waiting(now: datetime) -> int:
    """Ring for those who wait for a backend, each by itself; return for how many."""
    run, rung = Sweep(_STUMBLE), 0
    for name in registry.configured():
        with run.row(row=name):
            rung += _ring_waiting_for(name, now)
    return rung


@transaction.atomic(durable=True)
def _ring_waiting_for(backend: str, now: datetime) -> int:
    """Ring for as many waiting jobs as there are free slots, the longest waiting first.

    Jobs that were ordered a moment ago are left out: their own message is still on its way.
    """
    if fleet.asks_for_peace(backend, now=now):
        return 0
    free = max(0, min(BATCH, queueing.free_slots(backend)))
    waiting = queueing.waiting(backend, now=now, ordered_by=now - RING_AGAIN)
    able = _able(waiting, fleet.probed_models(backend, now=now), now)
    return sum(_ring(job, now) for job in islice(able, free))


def _able(waiting: Iterable[Job], probed: set[str], now: datetime) -> Iterator[Job]:
    """Yield those who would get a slot if they were rung for.

    Args:
        probed: models of which one goes, to see whether the backend makes them again.
    """
    seen: set[str] = set()
    for job in islice(waiting, _LOOKED_AT_MAX):
        if job.model in seen:
            continue
        if outbox_selectors.is_pausing(TaskName.DISPATCH_JOB, now=now, job_id=job.pk):
            continue  # it has failed, and takes no slot before it is tried again
        seen |= probed & {job.model}
        yield job


def _ring(job: Job, now: datetime) -> bool:
    """Ring for the job, unless a worker is called who has not begun; return whether it was.

    A second message would only stand in that one's way: where workers are slow, each sweep would
    give them more to do than they get done. Whoever has begun may have looked already, or be dead.
    """
    if outbox_selectors.on_their_way(TaskName.DISPATCH_JOB, "job_id", [job.pk]):
        return False
    outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job.pk)
    return True
