"""How events are written: text/event-stream, as the HTML standard has browsers read it. Pure."""

from collections.abc import Mapping
from typing import Final

CONTENT_TYPE: Final = "text/event-stream"
# A comment: nobody hears it, and no proxy takes the connection for dead.
BEAT: Final = b":\n\n"


def retry(milliseconds: int) -> bytes:
    """Return what tells a browser how long to wait before it comes again."""
    return b"retry: %d\n\n" % milliseconds


def news(parts: Mapping[str, bytes], *, version: int) -> bytes:
    """Return the events of one version; only the last of them carries the version as its id.

    Whoever is cut off between two of them names an earlier version when he comes again, and so
    is told all of them.

    Args:
        parts: names of events, and what they say as JSON on one line.
    """
    events = [b"event: %s\ndata: %s\n" % (name.encode(), said) for name, said in parts.items()]
    return b"\n".join(events) + b"id: %d\n\n" % version if events else b""


def read_id(text: str) -> int | None:
    """Return the version that a Last-Event-ID names; None where it names none of ours."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004 (a column's width)
