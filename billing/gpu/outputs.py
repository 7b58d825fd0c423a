"""Turns the outputs that a backend names into checked temporary files."""

import base64
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Final, cast
from urllib.parse import urlsplit

from django.conf import settings

from billing.gpu.mp4 import NotVideo, read_facts
from billing.gpu.protocol import BadOutput, Output
from billing.transactions import forbid_transaction

_CHUNK_CHARACTERS: Final = 1024 * 1024  # a multiple of 4, so that each chunk decodes by itself
_COUNT_MAX: Final = 16


def read_outputs(addresses: Sequence[str]) -> Iterator[Output]:
    """Yield each output in turn; its file is closed and gone when the next one is asked for.

    Only inline `data:` addresses are read. An address of any host, or a path of the backend's
    own disk, is refused: fetching it would let a backend make us call whom it likes.

    Raises:
        BadOutput: not an mp4, larger than OUTPUT_BYTES_MAX, too many, or not inline.
    """
    forbid_transaction("Copying a backend's outputs")
    if len(addresses) > _COUNT_MAX:
        raise BadOutput(f"The backend named {len(addresses)} outputs; at most {_COUNT_MAX} count.")
    for address in addresses:
        with _decoded(address) as (file, size):
            try:
                facts = read_facts(file, size)
            except NotVideo as flaw:
                raise BadOutput(f"The backend's output is not a usable mp4. {flaw}") from None
            file.seek(0)
            yield Output(
                file=file,
                mime="video/mp4",
                bytes=size,
                milliseconds=facts.milliseconds,
                width=facts.width,
                height=facts.height,
            )


@contextmanager
def _decoded(address: str) -> Iterator[tuple[BinaryIO, int]]:
    """Give the bytes behind a base64 `data:` address as a temporary file, and their number."""
    encoded = _inline(address)
    bytes_max: int = settings.OUTPUT_BYTES_MAX
    if len(encoded) // 4 * 3 > bytes_max + 2:
        raise BadOutput(f"The backend's output is larger than {bytes_max} bytes.")
    with tempfile.TemporaryFile() as file:
        try:
            for at in range(0, len(encoded), _CHUNK_CHARACTERS):
                chunk = encoded[at : at + _CHUNK_CHARACTERS]
                file.write(base64.b64decode(chunk, validate=True))
        except ValueError:  # binascii.Error is one; so is a character beyond ASCII
            raise BadOutput("The backend's output is not valid base64.") from None
        size = file.tell()
        if size > bytes_max:
            raise BadOutput(f"The backend's output is larger than {bytes_max} bytes.")
        yield cast("BinaryIO", file), size


def _inline(address: str) -> str:
    """Return the base64 text of a `data:` address; refuse every other address, naming its host."""
    if address[:5].lower() != "data:":
        where = f"at {_host(address[:2000])}" if "://" in address[:2000] else "at a path of its own"
        raise BadOutput(f"The backend left its output {where}; only inline outputs are read.")
    head, comma, encoded = address.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise BadOutput("The backend's inline output is not base64.")
    return encoded


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or "an unreadable address"
    except ValueError:
        return "an unreadable address"
