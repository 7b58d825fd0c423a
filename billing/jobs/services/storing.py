"""Copies what a backend made into our storage, before anything is settled.

A download that fails is tried again, never the generation: the attempt stays live, its hold
stays open, and the backend is asked again, until its outputs can no longer be there.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import transaction

from billing.gpu.protocol import Backend, BackendError, BadOutput, OddOutput, Output, Status
from billing.ids import new_id
from billing.jobs.models import Attempt, LooseFile
from billing.jobs.services.ending import StoredOutput
from billing.transactions import forbid_transaction
from plans import asking

# How long an output is sought at most, credits and slot held, however long its backend keeps it:
# an address that is dead for so long stays so.
_SOUGHT_FOR: Final = timedelta(hours=6)
# How long one is sought in whose place something else comes: a store in trouble recovers.
_ODD_FOR: Final = timedelta(minutes=10)
_PAUSE_MIN: Final = timedelta(seconds=20)
_PAUSE_MAX: Final = timedelta(minutes=5)

_log = structlog.get_logger(__name__)


def store(
    backend: Backend, attempt: Attempt, status: Status, *, is_asked_again: bool, now: datetime
) -> tuple[list[StoredOutput], str]:
    """Copy the outputs into our storage; return them, and what was wrong with one of them.

    As many as were ordered at most; one that is no film does not spoil the others. Names are
    such as no other run uses: two runs at once must not touch each other's files. A run that
    dies here leaves loose files, which a sweep finds.

    Args:
        is_asked_again: whether the outputs come by the backend's word, which may be asked for once
            more; the time of what a person names never begins to run.

    Raises:
        BackendError: an output could not be fetched, and its time is not over: nothing is kept,
            and the attempt will be asked about again.
    """
    forbid_transaction("jobs.store")
    stored: list[StoredOutput] = []
    flaw = ""
    for address in status.outputs:
        if len(stored) == attempt.job.outputs_ordered:
            _log.warning("more_outputs_than_ordered", attempt_id=attempt.pk)
            break
        try:
            for output in _films(backend, replace(status, outputs=(address,))):
                stored.append(_copied(attempt.job_id, output, position=len(stored), now=now))
        except BadOutput as bad:
            flaw = bad.message
            _log.warning("output_unusable", attempt_id=attempt.pk, reason=flaw)
        except BackendError as failed:
            flaw = failed.message
            _log.warning("output_not_fetched", attempt_id=attempt.pk, reason=flaw)
            if not is_asked_again or _waits(attempt.pk, _time_of(backend, failed), now):
                discard(output.path for output in stored)
                raise
    return stored, flaw


def discard(paths: Iterable[str]) -> None:
    """Delete files that belong to no job; what the storage does not delete now, a sweep will."""
    forbid_transaction("jobs.discard")
    for path in paths:
        try:
            default_storage.delete(path)
        except Exception:  # noqa: BLE001 (each storage has its own; the row remembers the file)
            _log.warning("file_not_deleted", path=path)
        else:
            LooseFile.objects.filter(path=path).delete()


@transaction.atomic(durable=True)
def announce(path: str, *, now: datetime) -> None:
    """Write down that a file is about to be stored which belongs to no job yet."""
    asking.create(LooseFile(path=path, created_at=now))


def _films(backend: Backend, status: Status) -> Iterator[Output]:
    """Yield the films; a still picture among the outputs is not what was paid for.

    Raises:
        BadOutput: it is a picture, or as `fetch_outputs`.
    """
    for output in backend.fetch_outputs(status):
        if not output.mime.startswith("video/"):
            raise BadOutput("The backend sent a picture where a film was ordered.")
        yield output


def _copied(job_id: str, output: Output, *, position: int, now: datetime) -> StoredOutput:
    path = f"outputs/{job_id}/{new_id('file')}-{position}.mp4"
    sha256 = hashlib.file_digest(output.file, "sha256").hexdigest()  # type: ignore[arg-type]  # a seekable binary file
    output.file.seek(0)
    announce(path, now=now)
    default_storage.save(path, File(output.file))
    return StoredOutput(
        path=path,
        mime=output.mime,
        bytes=output.bytes,
        sha256=sha256,
        milliseconds=output.milliseconds,
        width=output.width,
        height=output.height,
    )


def _time_of(backend: Backend, failed: BackendError) -> timedelta:
    """Return how long an output is sought that came as `failed` says, or did not come."""
    if isinstance(failed, OddOutput):
        return _ODD_FOR
    seconds = backend.caps.output_ttl_seconds
    return _SOUGHT_FOR if seconds is None else min(_SOUGHT_FOR, timedelta(seconds=seconds))


@transaction.atomic(durable=True)
def _waits(attempt_id: str, time: timedelta, now: datetime) -> bool:
    """Say whether the outputs may still be there; then note when to ask again.

    Their time runs from when we first heard of them: the backend may count from a little before.
    """
    attempt = Attempt.objects.select_for_update().get(pk=attempt_id)
    attempt.output_since = attempt.output_since or now
    waited = now - attempt.output_since
    attempt.check_at = now + min(max(waited, _PAUSE_MIN), _PAUSE_MAX)
    attempt.save(update_fields=["output_since", "check_at"])
    return waited < time
