"""Reads what an mp4 file says of itself: enough to refuse what is not one, or not a whole one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

_MOOV_BYTES_MAX: Final = 16 * 1024 * 1024
_HEAD_BYTES: Final = 8  # of a box: its length and its kind
_MILLISECONDS_MAX: Final = 24 * 3600 * 1000
_SIDE_MAX: Final = 65_536
_BOXES_MAX: Final = 10_000  # a real file has a few dozen; a hostile one may have millions


class NotVideo(ValueError):
    """Not an mp4, or one that breaks off."""


@dataclass(frozen=True)
class Facts:
    """How long it plays and how large its picture is, by its own header."""

    milliseconds: int
    width: int
    height: int


def read_facts(file: BinaryIO, size: int) -> Facts:
    """Return the facts of the mp4 in `file`, which holds `size` bytes.

    Raises:
        NotVideo: no `ftyp` at its start, a box beyond its end, or no picture in it.
    """
    movie: bytes | None = None
    data_seen = False
    for number, (kind, start, end) in enumerate(_boxes_of_file(file, size)):
        if number == 0 and kind != b"ftyp":
            raise NotVideo("It does not begin as an mp4 does.")
        data_seen = data_seen or kind == b"mdat"
        if kind == b"moov" and movie is None:
            if end - start > _MOOV_BYTES_MAX:
                raise NotVideo("Its index is larger than 16 MiB.")
            file.seek(start)
            movie = file.read(end - start)
    if movie is None or not data_seen:
        raise NotVideo("It holds no movie.")
    try:
        return _facts_of_movie(movie)
    except IndexError:
        raise NotVideo("Its index breaks off.") from None


def _boxes_of_file(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of the content of each outermost box."""
    at = 0
    for _count in range(_BOXES_MAX):
        if at == size:
            return
        file.seek(at)
        head = file.read(16)
        length, start = int.from_bytes(head[:4], "big"), at + 8
        if length == 1:  # the length follows as 64 bits
            length, start = int.from_bytes(head[8:16], "big"), at + 16
        elif length == 0:  # up to the end of the file
            length = size - at
        end = at + length
        if len(head) < min(start - at, 16) or end < start or end > size:
            raise NotVideo("It breaks off, or is no mp4.")
        yield head[4:8], start, end
        at = end
    raise NotVideo("It has too many parts.")


def _facts_of_movie(movie: bytes) -> Facts:
    milliseconds = width = height = 0
    for kind, content in _boxes(movie):
        if kind == b"mvhd":
            wide = content[0] == 1  # 64-bit times
            scale = _number(content, 20 if wide else 12, 4)
            length = _number(content, 24, 8) if wide else _number(content, 16, 4)
            if not scale:
                raise NotVideo("It has no time scale.")
            milliseconds = (length * 1000 + scale // 2) // scale
        elif kind == b"trak":
            seen = [_picture(header) for inner, header in _boxes(content) if inner == b"tkhd"]
            width, height = max([(width, height), *seen])
    if not (milliseconds and width and height):
        raise NotVideo("It has no picture, or no length.")
    if milliseconds > _MILLISECONDS_MAX or max(width, height) > _SIDE_MAX:
        raise NotVideo("It claims to be longer or larger than any video is.")
    return Facts(milliseconds, width, height)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + _HEAD_BYTES <= len(content):
        length = _number(content, at, 4)
        if length < _HEAD_BYTES or at + length > len(content):
            raise NotVideo("Its index is damaged.")
        yield content[at + 4 : at + 8], content[at + 8 : at + length]
        at += length


def _picture(header: bytes) -> tuple[int, int]:
    """Return width and height in whole pixels; both are 16.16 fixed at the header's end."""
    return _number(header, len(header) - 8, 4) >> 16, _number(header, len(header) - 4, 4) >> 16


def _number(content: bytes, at: int, width: int) -> int:
    if at < 0 or at + width > len(content):
        raise IndexError
    return int.from_bytes(content[at : at + width], "big")
