"""Deletes files: those whose time is over by the plan, and those that belong to nobody."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from billing.jobs.lifecycle import LIVE
from billing.jobs.models import Job, LooseFile, Output
from billing.transactions import forbid_transaction

BATCH: Final = 50
# No copy lasts so long: what is loose then was left by a worker that died.
_LOOSE_FOR: Final = timedelta(days=1)
_TRY_AGAIN: Final = timedelta(hours=1)

_log = structlog.get_logger(__name__)


def sweep_files(*, now: datetime) -> int:
    """Delete what is due, a batch of each kind; return how many rows were looked at.

    A file first, then its row: a death in between deletes again what is gone, and leaves no file
    that nobody knows of. What the storage refuses to delete is tried again in an hour, behind
    what has become due meanwhile: a full batch of it stops nothing else.
    """
    forbid_transaction("jobs.sweep_files")
    looked_at = 0
    for model, forget, rows in (
        (Output, _forget_output, _due(now)),
        (LooseFile, _forget_loose, _loose(now)),
    ):
        for row in rows:
            looked_at += 1
            try:
                forget(row, now)
            except Exception:  # noqa: BLE001 (whatever it is, the other rows must not wait for it)
                _log.exception("sweep_stumbled", row=row)
                model.objects.filter(pk=row).update(try_again_at=now + _TRY_AGAIN)
    return looked_at


def _may_be_tried(now: datetime) -> Q:
    return Q(try_again_at=None) | Q(try_again_at__lte=now)


def _due(now: datetime) -> list[str]:
    """Return outputs whose time is over; a job at work that continues one keeps it a while."""
    continued = Job.objects.filter(parent=OuterRef("job"), status__in=LIVE)
    due = Output.objects.filter(
        _may_be_tried(now), ~Exists(continued), deleted_at=None, expires_at__lte=now
    )
    return list(due.order_by("expires_at").values_list("pk", flat=True)[:BATCH])


def _loose(now: datetime) -> list[str]:
    old = LooseFile.objects.filter(_may_be_tried(now), created_at__lte=now - _LOOSE_FOR)
    return list(old.order_by("created_at").values_list("pk", flat=True)[:BATCH])


def _forget_output(output_id: str, now: datetime) -> None:
    output = Output.objects.get(pk=output_id)
    for path in filter(None, (output.path, output.thumbnail_path)):
        default_storage.delete(path)
    _note_deleted(output_id, output.thumbnail_path, now)


@transaction.atomic(durable=True)
def _note_deleted(output_id: str, thumbnail_path: str, now: datetime) -> None:
    """Say that the files are gone; a thumbnail that came meanwhile is due at the next sweep."""
    Output.objects.filter(pk=output_id, deleted_at=None, thumbnail_path=thumbnail_path).update(
        deleted_at=now, thumbnail_path=""
    )


def _forget_loose(path: str, _now: datetime) -> None:
    default_storage.delete(path)
    LooseFile.objects.filter(pk=path).delete()
