"""Reads what a still picture says of itself: enough to refuse what is none, or not a whole one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SIDE_MAX: Final = 16_384
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_JPEG: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
# Markers of frames that hold a size: SOF0 to SOF15, without tables (C4, C8, CC) among them.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_MARK: Final = 0xFF
_JPEG_SCAN: Final = 0xDA
_JPEG_SEGMENTS_MAX: Final = 1000
_WEBP_14_BITS: Final = 0x3FFF
_WEBP_LOSSLESS: Final = 0x2F


class NotPicture(ValueError):
    """No PNG, JPEG or WebP, or one that breaks off."""


@dataclass(frozen=True)
class Picture:
    """What kind of picture it is and how large, by its own header."""

    mime: str
    width: int
    height: int


def read_picture(content: bytes) -> Picture:
    """Return the facts of the picture that `content` is, by its own signature.

    Raises:
        NotPicture: it is none, or not a whole one.
    """
    try:
        if content.startswith(_PNG) and content.endswith(_PNG_END):
            mime, (width, height) = "image/png", _png(content)
        elif content.startswith(_JPEG) and content.endswith(_JPEG_END):
            mime, (width, height) = "image/jpeg", _jpeg(content)
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            mime, (width, height) = "image/webp", _webp(content)
        else:
            raise NotPicture("It does not begin and end as a picture does.")
    except IndexError:
        raise NotPicture("It breaks off.") from None
    if not (0 < width <= _SIDE_MAX and 0 < height <= _SIDE_MAX):
        raise NotPicture("It claims to be larger than any picture is, or has no size.")
    return Picture(mime, width, height)


def _png(content: bytes) -> tuple[int, int]:
    if content[12:16] != b"IHDR":
        raise NotPicture("It has no header.")
    return _big(content, 16, 4), _big(content, 20, 4)


def _jpeg(content: bytes) -> tuple[int, int]:
    for marker, at in _jpeg_segments(content):
        if marker in _JPEG_FRAMES:
            return _big(content, at + 5, 2), _big(content, at + 3, 2)
    raise NotPicture("It has no picture.")


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and place of the length of each segment before the picture's own bytes."""
    at = 2
    for _count in range(_JPEG_SEGMENTS_MAX):
        if content[at] != _JPEG_MARK:
            raise NotPicture("It is damaged.")
        marker = content[at + 1]
        if marker == _JPEG_MARK:  # filling
            at += 1
            continue
        if marker == _JPEG_SCAN:
            return
        yield marker, at + 2
        at += 2 + _big(content, at + 2, 2)


def _webp(content: bytes) -> tuple[int, int]:
    if _little(content, 4, 4) + 8 != len(content):
        raise NotPicture("It breaks off.")
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + _little(content, 24, 3), 1 + _little(content, 27, 3)
    if kind == b"VP8L" and content[20] == _WEBP_LOSSLESS:
        bits = _little(content, 21, 4)
        return 1 + (bits & _WEBP_14_BITS), 1 + (bits >> 14 & _WEBP_14_BITS)
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        return _little(content, 26, 2) & _WEBP_14_BITS, _little(content, 28, 2) & _WEBP_14_BITS
    raise NotPicture("It has no picture.")


def _big(content: bytes, at: int, width: int) -> int:
    return int.from_bytes(_part(content, at, width), "big")


def _little(content: bytes, at: int, width: int) -> int:
    return int.from_bytes(_part(content, at, width), "little")


def _part(content: bytes, at: int, width: int) -> bytes:
    if at + width > len(content):
        raise IndexError
    return content[at : at + width]
