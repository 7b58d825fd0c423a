"""The smallest file that is a whole mp4: what a simulator gives as its film."""

import struct


def mp4(*, milliseconds: int = 5000, width: int = 1280, height: int = 720) -> bytes:
    """Return an mp4 that says so of itself, and shows nothing."""
    says = _box(b"mvhd", struct.pack(">5I", 0, 0, 0, 1000, milliseconds))
    shows = _box(b"tkhd", bytes(76) + struct.pack(">2I", width << 16, height << 16))
    head = _box(b"ftyp", b"isom\x00\x00\x02\x00") + _box(b"moov", says + _box(b"trak", shows))
    return head + _box(b"mdat", bytes(9))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content
