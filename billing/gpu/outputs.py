"""Turns the outputs that a backend names into checked temporary files."""

import base64
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO, Final, cast
from urllib.parse import urlsplit

from django.conf import settings

from billing import egress
from billing.egress import PUBLIC, FetchPolicy
from billing.gpu.mp4 import NotVideo, read_facts
from billing.gpu.pictures import NotPicture, read_picture
from billing.gpu.protocol import BadOutput, NotFetched, OddOutput, Output
from billing.transactions import forbid_transaction

_CHUNK_CHARACTERS: Final = 1024 * 1024  # a multiple of 4, so that each chunk decodes by itself
_COUNT_MAX: Final = 16
_PICTURE_BYTES_MAX: Final = 16 * 1024 * 1024
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
# Of all that can go wrong with a download, what another try would not mend.
_FOR_GOOD: Final = ("address", "redirect")


def read_outputs(
    addresses: Sequence[str],
    *,
    policy: FetchPolicy = PUBLIC,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Iterator[Output]:
    """Yield each output in turn; its file is closed and gone when the next one is asked for.

    `data:` addresses are decoded; those of a host are downloaded, by the one checked way out. A
    path of the backend's own disk is refused. What an output is, its bytes say: the media type
    that an address or a host claims for it counts for nothing.

    Args:
        policy: where downloads may go; `Connection.fetch` has that of a backend.
        headers: for the host of each address alone, never for one that it redirects to.

    Raises:
        BadOutput: inline neither film nor picture, larger than OUTPUT_BYTES_MAX, too many, or
            where we do not fetch.
        OddOutput: a download is neither film nor picture, this time.
        NotFetched: a download failed; another try may succeed.
    """
    forbid_transaction("Copying a backend's outputs")
    if len(addresses) > _COUNT_MAX:
        raise BadOutput(f"The backend named {len(addresses)} outputs; at most {_COUNT_MAX} count.")
    for address in addresses:
        with tempfile.TemporaryFile() as opened:
            file = cast("BinaryIO", opened)
            if address[:5].lower() == "data:":
                output = _judged(file, _decode(address, file))
            else:
                output = _downloaded(address, file, policy, headers)
            yield output


def _downloaded(
    address: str, file: BinaryIO, policy: FetchPolicy, headers: Mapping[str, str]
) -> Output:
    """Return what stands at an address; what is none may be a page of a store in trouble."""
    size = _download(address, file, policy, headers)
    try:
        return _judged(file, size)
    except BadOutput as flaw:
        raise OddOutput(flaw.message) from None


def _judged(file: BinaryIO, size: int) -> Output:
    """Return what the bytes are, whatever they were called."""
    try:
        facts = read_facts(file, size)
    except NotVideo as flaw:
        return _judged_as_picture(file, size, flaw)
    file.seek(0)
    return Output(
        file=file,
        mime="video/mp4",
        bytes=size,
        milliseconds=facts.milliseconds,
        width=facts.width,
        height=facts.height,
    )


def _judged_as_picture(file: BinaryIO, size: int, flaw: NotVideo) -> Output:
    file.seek(0)
    try:
        picture = read_picture(file.read(_PICTURE_BYTES_MAX + 1)[:_PICTURE_BYTES_MAX])
    except NotPicture:
        raise BadOutput(f"The backend's output is not a usable mp4. {flaw}") from None
    file.seek(0)
    return Output(
        file=file,
        mime=picture.mime,
        bytes=size,
        milliseconds=0,
        width=picture.width,
        height=picture.height,
    )


def _download(address: str, file: BinaryIO, policy: FetchPolicy, headers: Mapping[str, str]) -> int:
    bytes_max: int = settings.OUTPUT_BYTES_MAX
    where = _where(address)
    try:
        return egress.fetch(address, file, bytes_max=bytes_max, policy=policy, headers=headers)
    except egress.TooLarge:
        raise _too_large() from None
    except egress.Unreachable as problem:
        if problem.trouble in _FOR_GOOD:
            raise BadOutput(f"The output {where} is not one that we fetch.") from None
        raise NotFetched(f"The output {where} could not be fetched: {problem.trouble}.") from None


def _decode(address: str, file: BinaryIO) -> int:
    """Write the bytes behind a base64 `data:` address, and return their number."""
    head, comma, encoded = address.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise BadOutput("The backend's inline output is not base64.")
    bytes_max: int = settings.OUTPUT_BYTES_MAX
    if len(encoded) // 4 * 3 > bytes_max + 2:
        raise _too_large()
    try:
        for at in range(0, len(encoded), _CHUNK_CHARACTERS):
            chunk = encoded[at : at + _CHUNK_CHARACTERS]
            file.write(base64.b64decode(chunk, validate=True))
    except ValueError:  # binascii.Error is one; so is a character beyond ASCII
        raise BadOutput("The backend's output is not valid base64.") from None
    if file.tell() > bytes_max:
        raise _too_large()
    return file.tell()


def _too_large() -> BadOutput:
    return BadOutput(f"The backend's output is larger than {settings.OUTPUT_BYTES_MAX} bytes.")


def _where(address: str) -> str:
    """Return the place by its host alone: what follows may be a signature."""
    begins = address[:2000]
    if "://" not in begins:
        return "at a path of its own"
    try:
        return f"at {urlsplit(begins).hostname or 'an unreadable address'}"
    except ValueError:
        return "at an unreadable address"
