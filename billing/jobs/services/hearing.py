"""What a backend says reaches a job here, by callback, by asking, or by a sweep: one path.

Hearing is two steps: the word is written down and answered at once; a worker then applies it.
A success copies its files into our storage before any credit is captured.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

from billing.gpu import registry
from billing.gpu.protocol import Backend, BadOutput, Fail, Output, State, Status
from billing.ids import new_id
from billing.jobs.lifecycle import FINAL, FailureClass, JobStatus
from billing.jobs.models import Attempt, Callback
from billing.jobs.services import ending, queueing
from billing.jobs.services.ending import StoredOutput
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import forbid_transaction

WORD_COUNTS: Final = timedelta(hours=6)  # how long a word that cannot be applied is waited for
ABSENCES_MIN: Final = 3  # answers in a row
STILL_WELL: Final = timedelta(seconds=20)  # when a live attempt is looked after again
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
_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def hear(
    *, backend: str, attempt_id: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Write a backend's callback down and have it applied; the same words count once.

    Raises:
        CallbackUnauthenticated: not from this backend. CallbackMalformed: unreadable, or of
            another attempt. UnknownBackend: no such backend, or not that attempt's.
    """
    attempt = Attempt.objects.filter(pk=attempt_id, backend=backend).first()
    adapter = registry.backend_for(backend)
    adapter.parse_callback(headers, body, attempt_id)
    if attempt is None:
        _log.warning("callback_of_no_attempt", backend=backend, attempt_id=attempt_id)
        return
    callback, new = Callback.objects.get_or_create(
        attempt=attempt,
        digest=hashlib.sha256(body).digest(),
        defaults={"body": body, "received_at": now},
    )
    if new:
        outbox.post(TaskName.APPLY_CALLBACK, now=now, callback_id=callback.pk)


def apply_callback(*, callback_id: str, now: datetime) -> None:
    """Make true what a stored callback says. A repeat changes nothing."""
    callback = Callback.objects.select_related("attempt").get(pk=callback_id)
    if callback.applied_at is not None:
        return
    attempt = callback.attempt
    status = registry.backend_for(attempt.backend).read_callback(bytes(callback.body), attempt.pk)
    apply_status(attempt.pk, status, now=now)
    # The video lies in the storage now; the words stay, the bytes go.
    Callback.objects.filter(pk=callback_id).update(applied_at=now, body=_spoken(status))


def apply_status(attempt_id: str, status: Status, *, now: datetime) -> None:
    """Make true what a backend says of an attempt, whoever asked it. A repeat changes nothing."""
    forbid_transaction("jobs.apply_status")
    if status.state == State.SUCCEEDED:
        _succeed(attempt_id, status, now)
    elif status.state in (State.FAILED, State.CANCELED, State.EXPIRED):
        _fail(attempt_id, status, now)
    elif status.state == State.ABSENT:
        _count_absence(attempt_id, now)
    else:
        _note_progress(attempt_id, status, now)


def _succeed(attempt_id: str, status: Status, now: datetime) -> None:
    attempt = Attempt.objects.select_related("job").get(pk=attempt_id)
    if attempt.job.status == JobStatus.SUCCEEDED:
        return
    backend = registry.backend_for(attempt.backend)
    outputs, flaw = _store(backend, attempt, status)
    if not outputs:
        empty = Status(
            state=State.FAILED,
            fail=Fail.EMPTY,
            message=flaw or "No video came.",
            usage=status.usage,
        )
        _fail(attempt_id, empty, now)
        return
    if not _capture(attempt_id, status, outputs, now):
        # Another run was faster: its files are the customer's, these are nobody's.
        for output in outputs:
            default_storage.delete(output.path)


def _store(backend: Backend, attempt: Attempt, status: Status) -> tuple[list[StoredOutput], str]:
    """Copy the outputs into our storage; return them, and what was wrong with one of them.

    As many as were ordered at most; one that is no video does not spoil the others. Names are
    such as no other run uses: two runs at once must not touch each other's files. A run that
    dies here leaves files that belong to no job.
    """
    stored: list[StoredOutput] = []
    flaw = ""
    for address in status.outputs:
        if len(stored) == attempt.job.outputs_ordered:
            _log.warning("more_outputs_than_ordered", attempt_id=attempt.pk)
            break
        try:
            for output in backend.fetch_outputs(replace(status, outputs=(address,))):
                stored.append(_copied(attempt.job_id, output, position=len(stored)))
        except BadOutput as bad:
            flaw = str(bad)
            _log.warning("output_unusable", attempt_id=attempt.pk, reason=flaw)
    return stored, flaw


def _copied(job_id: str, output: Output, *, position: int) -> StoredOutput:
    path = f"outputs/{job_id}/{new_id('file')}-{position}.mp4"
    sha256 = hashlib.file_digest(output.file, "sha256").hexdigest()  # type: ignore[arg-type]  # a seekable binary file
    output.file.seek(0)
    return StoredOutput(
        path=default_storage.save(path, File(output.file)),
        mime=output.mime,
        bytes=output.bytes,
        sha256=sha256,
        milliseconds=output.milliseconds,
        width=output.width,
        height=output.height,
    )


@transaction.atomic(durable=True)
def _capture(attempt_id: str, status: Status, outputs: list[StoredOutput], now: datetime) -> bool:
    """End the job with these files (T4); return whether they are now the customer's."""
    job, attempt = ending.lock_attempt(attempt_id)
    fresh = attempt.state != Attempt.State.ENDED
    if not fresh and job.status not in FINAL:
        # An earlier try of the job, given up since: it never ends the one that runs now.
        _log.warning("success_of_a_former_attempt", attempt_id=attempt_id)
        return False
    ending.end_attempt(attempt, outcome="succeeded", usage=status.usage, now=now)
    kept = ending.succeed(
        job, outputs, actor=ending.backend_actor(attempt), usage=status.usage, now=now
    )
    if fresh:
        queueing.ring_next(attempt.backend, now=now)
    return kept


@transaction.atomic(durable=True)
def _fail(attempt_id: str, status: Status, now: datetime) -> None:
    """End the attempt and with it the job, unless another attempt carries the job by now."""
    job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state == Attempt.State.ENDED:
        return
    ending.end_attempt(
        attempt, outcome=status.state, detail=status.message, usage=status.usage, now=now
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
    queueing.ring_next(attempt.backend, now=now)


@transaction.atomic(durable=True)
def _note_progress(attempt_id: str, status: Status, now: datetime) -> None:
    """The backend has it: an attempt in doubt is cleared, the job runs, progress only grows."""
    job, attempt = ending.lock_attempt(attempt_id)
    if attempt.state == Attempt.State.ENDED or job.status in FINAL:
        return
    attempt.state = Attempt.State.ACCEPTED
    attempt.accepted_at = attempt.accepted_at or now
    attempt.absences, attempt.absent_since = 0, None
    attempt.check_at = now + STILL_WELL
    attempt.save(update_fields=["state", "accepted_at", "absences", "absent_since", "check_at"])
    overdue = job.deadline_at is not None and job.deadline_at <= now
    if status.state == State.RUNNING and not overdue:
        ending.start(job, now=now)
    percent = min(99, int((status.progress or 0) * 100))
    if percent > job.progress_percent:
        job.progress_percent = percent
        job.save(update_fields=["progress_percent"])


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
    attempt.absences += 1
    attempt.absent_since = attempt.absent_since or now
    attempt.check_at = now + timedelta(seconds=5)
    attempt.save(update_fields=["absences", "absent_since", "check_at"])
    patient = now - attempt.absent_since < registry.absent_grace(attempt.backend)
    return attempt.absences >= ABSENCES_MIN and not patient


def _spoken(status: Status) -> bytes:
    """Return what of a callback is kept once it is applied: its words, without its bytes."""
    words = {
        "state": status.state,
        "message": status.message,
        "usage": dict(status.usage),
        "raw": dict(status.raw),
    }
    return json.dumps(words, default=str).encode()
