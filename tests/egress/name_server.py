"""A name server that lies, asked over UDP as any is; and a resolver that asks nobody else."""

import ipaddress
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Self

import pytest

A, CNAME, AAAA = 1, 5, 28
_REFUSALS: Final = {"SERVFAIL": 2, "NXDOMAIN": 3}
_IN: Final = 1


class NameServer:
    """Gives each name one answer after another, the last one for ever.

    An answer is a list of addresses, of other names (`CNAME`s, which it follows itself), or a
    word: SERVFAIL, NXDOMAIN. A name that it does not know stands for the loopback.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str] | str]] = {}
        self.asked: dict[str, int] = defaultdict(int)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Return where it is asked."""
        host, port = self._socket.getsockname()
        return host, port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_problem: object) -> None:
        with suppress(OSError):
            self._socket.sendto(b"", self.address)
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(512)
            if not question:
                return
            self._socket.sendto(self._reply(question), sender)

    def _reply(self, question: bytes) -> bytes:
        name, end = _read_name(question, 12)
        kind = struct.unpack("!H", question[end : end + 2])[0]
        # A client asks for A and then for AAAA: together they are one look-up.
        turn = self.asked[name] // 2
        self.asked[name] += 1
        script = self.answers.get(name, [["127.0.0.1", "::1"]])
        answer = script[min(turn, len(script) - 1)]
        asked = question[12 : end + 4]
        if isinstance(answer, str):
            return _header(question, 0, _REFUSALS[answer]) + asked
        records = [record for text in answer for record in self._records(text, kind)]
        return _header(question, len(records), 0) + asked + b"".join(records)

    def _records(self, text: str, kind: int) -> list[bytes]:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            following = self.answers.get(text, [["127.0.0.1", "::1"]])[-1]
            assert not isinstance(following, str)
            alias = _record(CNAME, _written_name(text))
            return [alias, *(record for one in following for record in self._records(one, kind))]
        if kind != (A if address.version == 4 else AAAA):
            return []
        return [_record(kind, address.packed)]


def system_asking(server: NameServer) -> Callable[..., list[Any]]:
    """Return a `getaddrinfo` for which `server` is the only one that knows names."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *more: Any, **options: Any) -> list[Any]:  # noqa: ANN401 (as in the library)
        name = host.decode() if isinstance(host, bytes) else host
        if _is_address(name):
            return real(host, port, *more, **options)
        found = [*_ask(server.address, name, A), *_ask(server.address, name, AAAA)]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [entry for address in found for entry in real(address, port, *more, **options)]

    return getaddrinfo


def _is_address(name: str | None) -> bool:
    try:
        ipaddress.ip_address(name or "")
    except ValueError:
        return name is None
    return True


def _ask(server: tuple[str, int], name: str, kind: int) -> list[str]:
    """Return the addresses of one kind that the server names, as a stub resolver does."""
    question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + _written_name(name)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.settimeout(5)
        wire.sendto(question + struct.pack("!HH", kind, _IN), server)
        reply = wire.recv(4096)
    number = struct.unpack("!H", reply[6:8])[0]  # a refusal has none
    found, at = [], _read_name(reply, 12)[1] + 4
    for _record_of_it in range(number):
        at = _read_name(reply, at)[1]
        its_kind, _class, _ttl, length = struct.unpack("!HHIH", reply[at : at + 10])
        if its_kind == kind:
            found.append(str(ipaddress.ip_address(reply[at + 10 : at + 10 + length])))
        at += 10 + length
    return found


def _header(question: bytes, answers: int, refusal: int) -> bytes:
    return question[:2] + struct.pack("!HHHHH", 0x8180 | refusal, 1, answers, 0, 0)


def _record(kind: int, content: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack("!HHIH", kind, _IN, 0, len(content)) + content


def _written_name(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


def _read_name(message: bytes, at: int) -> tuple[str, int]:
    """Return the name that stands at a place, and where it ends."""
    labels: list[str] = []
    while message[at]:
        if message[at] >= 0xC0:
            return ".".join(labels), at + 2
        length = message[at]
        labels.append(message[at + 1 : at + 1 + length].decode().lower())
        at += 1 + length
    return ".".join(labels), at + 1


@pytest.fixture
def name_server() -> Any:  # noqa: ANN401 (a generator, as fixtures are)
    """Return a name server that listens."""
    with NameServer() as listening:
        yield listening
