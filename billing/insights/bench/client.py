"""A small HTTP client that asks over and over by a few connections, in a process of its own.

It reads no more of an answer than its status, its length and its bytes: what it costs itself
shows in what it can do against an empty view.
"""

import multiprocessing
import re
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

from django.db import connections

from billing.insights.bench.figures import Effort, Turn

CONNECTIONS: Final = 16
_FORK: Final = multiprocessing.get_context("fork")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)
_END: Final = b"\r\n\r\n"
_PATIENCE_SECONDS: Final = 30.0
_PIECE: Final = 1 << 16
_SHOWN: Final = 600


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how a right answer begins.

    Attributes:
        write: returns the bytes of the next request on a connection of that number.
        status: of a right answer.
    """

    port: int
    write: Callable[[int], bytes]
    status: int = 200

    def turn(self, effort: Effort) -> Turn:
        """Ask for a round, in a process that is forked for it."""
        connections.close_all()
        ours, theirs = _FORK.Pipe()
        child = _FORK.Process(target=_ask, args=(theirs, self, effort), daemon=True)
        child.start()
        theirs.close()
        try:
            if not ours.poll(effort.seconds + 2 * _PATIENCE_SECONDS):
                raise RuntimeError("The bench's client does not come back.")
            turn: Turn = ours.recv()
        finally:
            ours.close()
            child.join(1)
            child.kill()
        return turn


@dataclass(slots=True)
class _Line:
    """One connection: when it asked, and what has come so far."""

    number: int
    port: int
    wire: socket.socket = field(init=False)
    asked_at: float = 0.0
    come: bytes = b""

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        """Open it, for the first time or anew."""
        self.wire = socket.create_connection(("127.0.0.1", self.port), _PATIENCE_SECONDS)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        """Send a request."""
        self.come = b""
        self.asked_at = time.perf_counter()
        self.wire.sendall(request)

    def is_whole(self) -> bool:
        """Take what has come; return whether the answer has."""
        piece = self.wire.recv(_PIECE)
        if not piece:
            raise ConnectionError("It was closed in the middle of an answer.")
        self.come += piece
        head, _end, body = self.come.partition(_END)
        length = _LENGTH.search(head + b"\r\n")
        return _END in self.come and length is not None and len(body) >= int(length[1])

    def closes(self) -> bool:
        """Say whether the server will not take another request."""
        return _CLOSES.search(self.come.partition(_END)[0] + b"\r\n") is not None


def _ask(pipe: Connection, question: Question, effort: Effort) -> None:
    pipe.send(_asked(question, effort))


def _asked(question: Question, effort: Effort) -> Turn:
    wanted = b"HTTP/1.1 %d " % question.status
    latencies: list[float] = []
    wrong, complaint = 0, ""
    most = None if effort.calls is None else effort.calls * CONNECTIONS
    with selectors.DefaultSelector() as selector:
        lines = [_Line(number, question.port) for number in range(CONNECTIONS)]
        began = time.perf_counter()
        for line in lines:
            line.ask(question.write(line.number))
            selector.register(line.wire, selectors.EVENT_READ, line)
        now = began
        while now - began < effort.seconds and (most is None or len(latencies) < most):
            for key, _events in selector.select(_PATIENCE_SECONDS):
                line = key.data
                if not line.is_whole():
                    continue
                now = time.perf_counter()
                latencies.append(now - line.asked_at)
                if not line.come.startswith(wanted):
                    wrong += 1
                    complaint = complaint or line.come[:_SHOWN].decode("latin-1")
                if line.closes():
                    selector.unregister(line.wire)
                    line.wire.close()
                    line.connect()
                    selector.register(line.wire, selectors.EVENT_READ, line)
                line.ask(question.write(line.number))
            now = time.perf_counter()
        for line in lines:
            line.wire.close()
    return Turn(now - began, latencies, wrong, complaint)
