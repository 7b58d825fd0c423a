"""Finished films, as a backend would have delivered them, and the addresses that show them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.signing import dumps

from billing.jobs import shapes
from billing.jobs.models import Output
from tests.fuzz.sayings import Things

_PATIENCE_SECONDS: Final = 120
_LOOK_SECONDS: Final = 0.2
_Found = TypeVar("_Found")


def make(things: Things, *, job_id: str) -> None:
    """Let an order have a film with a picture, and write down the addresses of both."""
    path = f"fuzz/{job_id}.mp4"
    default_storage.save(path, ContentFile(b"film"))
    default_storage.save(f"{path}.webp", ContentFile(b"picture"))
    output = Output.objects.create(
        job_id=job_id,
        position=0,
        path=path,
        thumbnail_path=f"{path}.webp",
        mime="video/mp4",
        bytes=4,
        created_at=datetime.now(UTC),
    )
    things["film"] = [dumps(output.pk, salt=shapes.OUTPUT_SALT)]
    things["picture"] = [dumps(output.pk, salt=shapes.THUMBNAIL_SALT)]
    things["stream"] = [shapes.events_address(job_id).partition("token=")[2]]


def until(found: Callable[[], _Found]) -> _Found:
    """Return what is looked for, once it is there.

    Raises:
        TimeoutError: it does not come.
    """
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while not (seen := found()):
        if time.monotonic() > ends_at:
            raise TimeoutError("What was waited for did not come.")
        time.sleep(_LOOK_SECONDS)
    return seen
