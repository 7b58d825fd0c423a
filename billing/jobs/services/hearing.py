"""What a backend says reaches a job here, by callback, by asking, or by a sweep: one path.

Hearing is two steps: the inbox writes the word down and answers at once; a worker then applies it.
A success copies its files into our storage before any credit is captured.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.fleet import selectors as fleet
from billing.fleet.breaking import Sign
from billing.gpu import calls, registry
from billing.gpu.protocol import Backend, BackendError, Fail, State, Status
from billing.jobs import asking
from billing.jobs.lifecycle import FINAL, FailureClass, JobStatus
from billing.jobs.models import Attempt, Callback, Job
from billing.jobs.orders import spoken
from billing.jobs.services import copying, ending, queueing, storing
from billing.jobs.services.ending import IdOfAnother, StoredOutput
from billing.jobs.services.inbox import reduced_view_of
from billing.ledger.services import Actor
from billing.transactions import forbid_transaction
from plans.asking import change, row

WORD_COUNTS: Final = timedelta(hours=6)  # how long a word that cannot be applied is waited for
ABSENCES_MIN: Final = 3  # answers in a row
_CLASSES: Final[Mapping[Fail, FailureClass]] = {
    Fail.MODERATION: FailureClass.MODERATION_OUTPUT,
    Fail.INVALID_INPUT: FailureClass.INVALID_INPUT,
    Fail.PROVIDER: FailureClass.BACKEND_ERROR,
    Fail.OOM: FailureClass.BACKEND_ERROR,
    Fail.TIMEOUT: FailureClass.TIMEOUT,
    Fail.CANCELED: FailureClass.CANCELED_RUNNING,
    Fail.LOST: FailureClass.BACKEND_ERROR,
    Fail.EMPTY: FailureClass.BACKEND_ERROR,
}
# What of these ends is held against a backend; the rest says nothing of it.
_SIGNS: Final[Mapping[Fail, Sign]] = {
    Fail.PROVIDER: Sign.UNMADE,
    Fail.LOST: Sign.UNMADE,
    Fail.EMPTY: Sign.UNMADE,
}
_log = structlog.get_logger(__name__)


def apply_callback(*, callback_id: str, now: datetime) -> bool:
    """Make true what a stored callback says. A repeat changes nothing.

    Returns False, and nothing has moved, where another run copies the outputs at this moment.

    Raises:
        BackendError: an output could not be fetched; the word stays unapplied, to be tried again.
    """
    callback = row(Callback, callback_id)
    if callback.applied_at is not None:
        return True
    attempt = _with_job(callback.attempt_id)
    adapter = registry.backend_for(attempt.backend)
    status = adapter.read_callback(bytes(callback.body), reduced_view_of(attempt))
    if asking.is_hint(adapter.caps):
        is_done = _ask_instead(adapter, attempt, status, now)
    else:
        is_done = apply_status(attempt.pk, status, now=now)
    if not is_done:
        return False
    # The video lies in the storage now; the words stay, the bytes go.
    callback.applied_at, callback.body = now, spoken(status, attempt.job.inputs)
    change(callback, "applied_at", "body")
    return True


def _with_job(attempt_id: str) -> Attempt:
    attempt = row(Attempt, attempt_id)
    attempt.job = row(Job, attempt.job_id)
    return attempt


def _ask_instead(adapter: Backend, attempt: Attempt, said: Status, now: datetime) -> bool:
    """Ask the backend what its callback was about; its answer counts, the callback's does not.

    Unanswered, or before it has given us an id to ask by, the sweep asks next. Returns as
    `apply_status`.
    """
    provider_id = attempt.provider_id or said.provider_id
    if ending.is_of_another(attempt, provider_id):
        ending.report_strange_id(attempt)
        provider_id = ""
    view = replace(reduced_view_of(attempt), provider_id=provider_id)
    status: Status | None = None
    try:
        if provider_id:
            with calls.counted(attempt.backend, "poll"):
                status = adapter.poll(view)
    except BackendError as answer:
        _log.warning("backend_did_not_answer", attempt_id=attempt.pk, reason=answer.message)
    if status is None:
        live = Attempt.objects.filter(pk=attempt.pk).exclude(state=Attempt.State.ENDED)
        live.filter(check_at__gt=now).update(check_at=now)
        return True
    named = replace(status, provider_id=status.provider_id or provider_id)
    return apply_status(attempt.pk, named, now=now)


def apply_status(attempt_id: str, status: Status, *, now: datetime) -> bool:
    """Make true what a backend says of an attempt, whoever asked it. A repeat changes nothing.

    Returns False, and nothing has moved, where another run copies the outputs at this moment.

    Raises:
        BackendError: it succeeded, and an output could not be fetched: ask again at `check_at`.
    """
    forbid_transaction("jobs.apply_status")
    attempt = row(Attempt, attempt_id)
    if ending.is_of_another(attempt, status.provider_id):
        # A word about another order, however well it is signed: nothing of it is this one's.
        ending.report_strange_id(attempt)
        return True
    try:
        return _apply(attempt_id, status, now)
    except IdOfAnother:  # the other has got the id since
        return True


def _apply(attempt_id: str, status: Status, now: datetime) -> bool:
    """Make true what is said by a word that is this attempt's own; returns as `apply_status`."""
    if status.state == State.SUCCEEDED:
        return _succeed(attempt_id, status, now)
    if status.state in (State.FAILED, State.CANCELED, State.EXPIRED):
        _fail(attempt_id, status, now)
    elif status.state == State.ABSENT:
        _count_absence(attempt_id, now)
    else:
        _note_progress(attempt_id, status, now)
    return True


def _succeed(attempt_id: str, status: Status, now: datetime) -> bool:
    with copying.alone(attempt_id, now=now) as is_ours:
        if not is_ours:
            return False
        flaw = take_success(attempt_id, status, now=now)
    if flaw:
        empty = Status(
            state=State.FAILED,
            fail=Fail.EMPTY,
            message=flaw,
            usage=status.usage,
            provider_charged=status.provider_charged,
        )
        _fail(attempt_id, empty, now)
    return True


def take_success(
    attempt_id: str, status: Status, *, now: datetime, actor: Actor | None = None
) -> str:
    """Copy what a success brought into our storage, and end the job with it.

    Returns what was wrong if nothing usable came; then nothing has moved. "" is well, and so is a
    job that has its video already.

    Args:
        actor: by whose word credits move; None: by the backend's, which is asked once more for
            what could not be fetched.

    Raises:
        BackendError: an output could not be fetched.
        IdOfAnother: it is the success of another attempt; a sweep deletes the files.
    """
    attempt = _with_job(attempt_id)
    if attempt.job.status == JobStatus.SUCCEEDED:
        return ""
    backend = registry.backend_for(attempt.backend)
    is_asked_again = actor is None
    outputs, flaw = storing.store(backend, attempt, status, is_asked_again=is_asked_again, now=now)
    if not outputs:
        return flaw or "No video came."
    actor = actor or ending.backend_actor(attempt)
    if not _capture(attempt_id, status, outputs, actor, now):
        # Another run was faster: its files are the customer's, these are nobody's.
        storing.discard(output.path for output in outputs)
    return ""


@transaction.atomic(durable=True)
def _capture(
    attempt_id: str, status: Status, outputs: list[StoredOutput], actor: Actor, now: datetime
) -> bool:
    """End the job with these files (T4); return whether they are now the customer's."""
    job, attempt = ending.lock_attempt(attempt_id)
    fresh = attempt.state != Attempt.State.ENDED
    if not fresh:
        ending.book_cost(
            attempt, usage=status.usage, is_charged=status.provider_charged, has_come=True
        )
    if not fresh and job.status not in FINAL:
        # An earlier try of the job, given up since: it never ends the one that runs now.
        _log.warning("success_of_a_former_attempt", attempt_id=attempt_id)
        return False
    ending.remember(attempt, status)  # a job that continues this one asks by it
    ending.end_attempt(
        attempt,
        outcome="succeeded",
        usage=status.usage,
        is_charged=status.provider_charged,
        now=now,
    )
    kept = ending.succeed(job, outputs, actor=actor, usage=status.usage, now=now)
    if fresh:
        ending.show(job, attempt, Sign.MADE, now=now)
        queueing.ring_next(attempt.backend, now=now)
    return kept


@transaction.atomic(durable=True)
def _fail(attempt_id: str, status: Status, now: datetime) -> None:
    """End the attempt and with it the job, unless another attempt carries the job by now."""
    job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state == Attempt.State.ENDED:
        return
    ending.remember(attempt, status)
    ending.end_attempt(
        attempt,
        outcome=status.state,
        detail=status.message,
        usage=status.usage,
        is_charged=status.provider_charged,
        now=now,
    )
    fail = status.fail or (Fail.CANCELED if status.state == State.CANCELED else Fail.TIMEOUT)
    failure_class, target = _CLASSES[fail], JobStatus.FAILED
    if fail == Fail.CANCELED:
        if job.cancel_requested_at is not None:
            target = JobStatus.CANCELED
        else:  # we asked it to stop because its deadline had passed
            failure_class = FailureClass.TIMEOUT
    ending.fail_job(
        job,
        failure_class=failure_class,
        detail=status.message,
        actor=ending.backend_actor(attempt),
        target=target,
        usage=status.usage,
        now=now,
    )
    was_taken = attempt.accepted_at is not None  # else it may never have been sent
    sign = _SIGNS.get(fail, Sign.NOTHING) if was_taken or fail != Fail.LOST else Sign.NOTHING
    ending.show(job, attempt, sign, reason=status.message, now=now)
    queueing.ring_next(attempt.backend, now=now)


@transaction.atomic(durable=True)
def _note_progress(attempt_id: str, status: Status, now: datetime) -> None:
    """The backend has it: an attempt in doubt is cleared, the job runs, progress only grows."""
    job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state == Attempt.State.ENDED:
        return
    was_taken = attempt.state == Attempt.State.ACCEPTED
    _write_sign_of_life(attempt, status, now)
    if job.status not in FINAL:
        _let_it_run(job, status, now)
    if not was_taken:
        ending.show(job, attempt, Sign.HEARD, now=now)


def _let_it_run(job: Job, status: Status, now: datetime) -> None:
    overdue = job.deadline_at is not None and job.deadline_at <= now
    if status.state == State.RUNNING and not overdue:
        ending.start(job, now=now)
    percent = min(99, int((status.progress or 0) * 100))
    if percent > job.progress_percent:
        job.progress_percent = percent
        change(job, "progress_percent")


def _write_sign_of_life(attempt: Attempt, status: Status, now: datetime) -> None:
    """Remember that the backend has the attempt, and by what to ask about it."""
    ending.remember(attempt, status)
    attempt.state = Attempt.State.ACCEPTED
    attempt.accepted_at = attempt.accepted_at or now
    attempt.heard_at = now
    attempt.absences, attempt.absent_since = 0, None
    attempt.check_at = now + asking.pause(registry.backend_for(attempt.backend).caps)
    told = ("state", "accepted_at", "heard_at", "absences", "absent_since", "check_at")
    change(attempt, *told)


def _count_absence(attempt_id: str, now: datetime) -> None:
    """Believe that an attempt is lost only after several answers over a time of grace."""
    if _is_lost(attempt_id, now):
        lost = Status(
            state=State.FAILED, fail=Fail.LOST, message="The backend lost it; nothing came of it."
        )
        _fail(attempt_id, lost, now)


@transaction.atomic(durable=True)
def _is_lost(attempt_id: str, now: datetime) -> bool:
    _job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state == Attempt.State.ENDED:
        return False
    unapplied = attempt.callbacks.filter(applied_at=None, received_at__gt=now - WORD_COUNTS)
    if unapplied.exists():
        return False  # its word is here and only waits to be applied
    if fleet.is_in_maintenance(attempt.backend):
        return False  # who works on it may have put its memory aside
    caps = registry.backend_for(attempt.backend).caps
    attempt.absences += 1
    attempt.absent_since = attempt.absent_since or now
    attempt.check_at = now + asking.pause_after_absence(caps)
    attempt.save(update_fields=["absences", "absent_since", "check_at"])
    heard_at = attempt.heard_at or attempt.accepted_at or attempt.created_at
    if asking.may_be_forgotten(caps, silence=attempt.absent_since - heard_at):
        return False  # it may have ended well while nobody asked: a person decides
    patient = now - attempt.absent_since < registry.absent_grace(attempt.backend)
    return attempt.absences >= ABSENCES_MIN and not patient
