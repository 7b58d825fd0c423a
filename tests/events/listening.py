"""A listener as a browser is one: reads text/event-stream by the rules of the HTML standard."""

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60


class Heard(NamedTuple):
    """One event as a page gets it."""

    name: str
    data: dict[str, Any]
    last_id: str


@dataclass
class Reader:
    """What a browser makes of a stream, byte by byte.

    Attributes:
        last_id: what it would send as Last-Event-ID.
        retry: the wait that it was told, in milliseconds.
        comments: how many lines said nothing.
    """

    last_id: str = ""
    retry: int | None = None
    comments: int = 0
    _line: bytes = b""
    _fields: dict[str, str] = field(default_factory=dict)
    _id: str | None = None

    def read(self, content: bytes) -> list[Heard]:
        """Take some bytes; return the events that they complete."""
        *lines, self._line = (self._line + content).split(b"\n")
        return [heard for line in lines if (heard := self._take(line.decode())) is not None]

    def _take(self, line: str) -> Heard | None:
        if line == "":
            return self._dispatch()
        name, _colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "":
            self.comments += 1
        elif name == "id":
            self._id = value
        elif name == "retry":
            self.retry = int(value)
        else:
            self._fields[name] = value
        return None

    def _dispatch(self) -> Heard | None:
        fields, self._fields = self._fields, {}
        if self._id is not None:
            self.last_id = self._id
        if "data" not in fields:
            return None
        return Heard(fields.get("event", "message"), json.loads(fields["data"]), self.last_id)


class Stream:
    """One open stream, or the refusal that came instead; `conftest` closes it after the test."""

    opened: ClassVar[list["Stream"]] = []

    def __init__(self, url: str, *, method: str = "GET", **headers: str) -> None:
        """Connect, as `EventSource` and `fetch` do.

        Args:
            headers: with `_` for `-`.
        """
        self.opened.append(self)
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS
        )
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, headers=named)
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.headers = {name.lower(): value for name, value in self._answer.getheaders()}
        self.reader = Reader()
        self.raw = b""

    def body(self) -> bytes:
        """Return the rest, whole."""
        return self._answer.read()

    def json(self) -> dict[str, Any]:
        """Return the rest, which is JSON."""
        found: dict[str, Any] = json.loads(self.body())
        return found

    def events(self) -> Iterator[Heard]:
        """Yield the events as they come, until the stream ends."""
        while line := self._answer.readline():
            self.raw += line
            yield from self.reader.read(line)

    def next(self) -> Heard:
        """Wait for one event."""
        return next(self.events())

    def until(self, name: str, **facts: object) -> Heard:
        """Wait for the first event of this name that says these facts."""
        return next(
            heard
            for heard in self.events()
            if heard.name == name and facts.items() <= heard.data.items()
        )

    def close(self) -> None:
        """Hang up."""
        self._answer.close()
        self._connection.close()
