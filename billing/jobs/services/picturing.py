"""Makes a film's thumbnail, after the job has ended. That it fails moves nothing."""

import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from billing.gpu import stills
from billing.ids import new_id
from billing.jobs.models import LooseFile, Output
from billing.jobs.services import storing
from billing.transactions import forbid_transaction

_log = structlog.get_logger(__name__)


def make_thumbnail(*, output_id: str, now: datetime) -> None:
    """Give the output its thumbnail, if its film shows a picture. A repeat changes nothing."""
    forbid_transaction("jobs.make_thumbnail")
    output = Output.objects.get(pk=output_id)
    if output.thumbnail_path or output.deleted_at is not None:
        return
    try:
        with tempfile.TemporaryDirectory() as folder:
            film = Path(folder, "film.mp4")
            with default_storage.open(output.path) as stored, film.open("wb") as copy:
                shutil.copyfileobj(stored, copy)
            picture = stills.still_of(film)
    except stills.NoStill as flaw:
        # The film stays as bad as it is: another try would show no more.
        _log.warning("no_thumbnail", output_id=output_id, reason=str(flaw))
        return
    path = f"outputs/{output.job_id}/{new_id('file')}.webp"
    storing.announce(path, now=now)
    default_storage.save(path, ContentFile(picture))
    if not _attach(output_id, path):
        storing.discard([path])


@transaction.atomic(durable=True)
def _attach(output_id: str, path: str) -> bool:
    """Give the picture to its output, unless another run was faster or the film is gone."""
    output = Output.objects.select_for_update().get(pk=output_id)
    if output.thumbnail_path or output.deleted_at is not None:
        return False
    output.thumbnail_path = path
    output.save(update_fields=["thumbnail_path"])
    LooseFile.objects.filter(path=path).delete()
    return True
