"""Twenty clients send the same write at once, and every other one hangs up in the middle of it."""

import http.client
import json
import socket
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from billing.ids import new_id
from tests.http.racing import at_once

CLIENTS: Final = 20
_HALF: Final = 200  # bytes: within the headers or the body of any answer
_PATIENCE_SECONDS: Final = 60
Headers: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Write:
    """One operation that takes a key.

    Attributes:
        operation: as the document calls it.
        effects: counts what there is of its effect.
        other: another body for the same path; None where the operation takes none.
    """

    operation: str
    path: str
    headers: Headers
    effects: Callable[[], int]
    body: object = None
    other: object = None
    method: str = "POST"
    key: str = field(default_factory=lambda: new_id("key"))


@dataclass(frozen=True)
class Told:
    """An answer as it came over the wire."""

    status: int
    body: bytes
    is_replay: bool
    retry_after: str | None

    @property
    def code(self) -> str:
        """The name of a refusal; "" for what is none."""
        return str(json.loads(self.body).get("code", ""))


# A world yields its writes one after the other, and is told what each has answered.
World: TypeAlias = Generator[Write, dict[str, Any], None]


class Address:
    """A running service, and how it is asked."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._place = (parts.hostname, parts.port or 80)

    def ask(self, write: Write, body: object) -> Told:
        """Return the whole answer."""
        line = http.client.HTTPConnection(*self._place, timeout=_PATIENCE_SECONDS)
        try:
            line.request(write.method, write.path, _bytes(body), _headers(write))
            answer = line.getresponse()
            said = answer.read()
        finally:
            line.close()
        return Told(
            status=answer.status,
            body=said,
            is_replay=answer.headers.get("Idempotent-Replayed") == "true",
            retry_after=answer.headers.get("Retry-After"),
        )

    def hang_up(self, write: Write) -> None:
        """Send the whole request, read a part of the answer, and leave."""
        sent = _bytes(write.body)
        head = [f"{write.method} {write.path} HTTP/1.1", f"Host: {self._place[0]}"]
        head += [f"{name}: {value}" for name, value in _headers(write).items()]
        head += [f"Content-Length: {len(sent)}", "", ""]
        with socket.create_connection(self._place, timeout=_PATIENCE_SECONDS) as line:
            line.sendall("\r\n".join(head).encode() + sent)
            assert line.recv(_HALF), "nothing was answered"


def walk(world: World, address: Address) -> list[str]:
    """Repeat each write of a world; return the operations that were."""
    walked, write = [], next(world)
    while True:
        answer = repeat(write, address)
        walked.append(write.operation)
        try:
            write = world.send(json.loads(answer.body))
        except StopIteration:
            return walked


def repeat(write: Write, address: Address) -> Told:
    """Fail unless twenty at once are one; return what it answered."""
    before = write.effects()
    told = at_once(CLIENTS, lambda place: _one(place, write, address))
    late, later = (address.ask(write, write.body) for _again in range(2))

    name = write.operation
    whole = [answer for answer in told if isinstance(answer, Told)]
    assert [answer for answer in told if isinstance(answer, Exception)] == [], name
    assert (late.is_replay, later.is_replay) == (True, True), f"{name}: {late}"
    assert 200 <= late.status < 300, f"{name}: {late}"
    assert write.effects() == before + 1, f"{name} was done {write.effects() - before} times."
    assert later.body == late.body, name
    assert sum(not one.is_replay and one.status == late.status for one in whole) <= 1, name
    for one in whole:
        if one.code == "idempotency_in_progress":
            assert (one.status, one.retry_after) == (409, "1"), f"{name}: {one}"
        else:
            assert (one.status, one.body) == (late.status, late.body), f"{name}: {one}"
    if write.other is not None:
        mismatch = address.ask(write, write.other)
        assert (mismatch.status, mismatch.code) == (422, "idempotency_mismatch"), name
        assert write.effects() == before + 1, name
    return late


def _one(place: int, write: Write, address: Address) -> Told | None:
    if place % 2:
        address.hang_up(write)
        return None
    return address.ask(write, write.body)


def _bytes(body: object) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def _headers(write: Write) -> dict[str, str]:
    own = {"Content-Type": "application/json", "Connection": "close", "Idempotency-Key": write.key}
    return {**write.headers, **own}
