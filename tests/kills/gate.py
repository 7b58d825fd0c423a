"""A pass-through in front of the Cog server: the witness who counts each hand-over.

It can be away, lose an answer, and hold a hand-over back: whoever made it is then named by the
port from which it came, and can be frozen in the middle of its call.
"""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

from config.embedded.processes import free_port

_UPSTREAM_SECONDS: Final = 20
_HELD_SECONDS_MAX: Final = 600
_DROPPED: Final = ("connection", "content-length", "transfer-encoding", "host", "date", "server")


@dataclass(frozen=True, slots=True)
class HandOver:
    """One order for a prediction that came by: the PUT of an attempt, with an input.

    Attributes:
        answer: the status that Cog gave; 0: none came, or it was lost on the way.
    """

    attempt: str
    prompt: str
    at: float
    answer: int


class Fate(StrEnum):
    """What becomes of a hand-over whose maker was frozen."""

    DELIVERED = "delivered at once"
    DROPPED = "dropped"
    LATE = "delivered only when its maker wakes"


@dataclass
class Trap:
    """Holds the next hand-over back until its maker is frozen.

    Attributes:
        sprung: a hand-over is held.
        goes: it may go on now.
    """

    fate: Fate
    sprung: threading.Event = field(default_factory=threading.Event)
    goes: threading.Event = field(default_factory=threading.Event)
    attempt: str = ""
    port: int = 0


class Gate:
    """One address on loopback; it keeps it when it is opened again."""

    def __init__(self, *, upstream_port: int, unanswered: frozenset[str]) -> None:
        """Be closed at first.

        Args:
            upstream_port: where the Cog server listens.
            unanswered: prompts of orders whose first answer gets lost.
        """
        self.port = free_port()
        self.hand_overs: list[HandOver] = []
        self.answers_lost = 0
        self._upstream_port = upstream_port
        self._unanswered = set(unanswered)
        self._lock = threading.Lock()
        self._trap: Trap | None = None
        self._server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        """Listen; a repeat changes nothing."""
        if self._server is None:
            handler = type("Handler", (_Handler,), {"gate": self})
            self._server = _Server(("127.0.0.1", self.port), handler)
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Be away: calls are refused as if no machine were there; a repeat changes nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def set_trap(self, trap: Trap) -> None:
        """Hold back the next hand-over."""
        with self._lock:
            assert self._trap is None, "one at a time"
            self._trap = trap

    def pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes, *, port: int
    ) -> tuple[int, dict[str, str], bytes] | None:
        """Return what Cog answers; None: nothing will ever be heard."""
        prompt = _prompt(body) if method == "PUT" else ""
        if not prompt:
            return self._ask(method, path, headers, body)
        attempt = path.rsplit("/", 1)[1]
        if not self._let_through(attempt, port):
            self._write_down(attempt, prompt, 0)
            return None
        answer = self._ask(method, path, headers, body)
        if answer is not None and self._loses(prompt):
            answer = None
        self._write_down(attempt, prompt, 0 if answer is None else answer[0])
        return answer

    def _let_through(self, attempt: str, port: int) -> bool:
        """Wait in a trap, if one is set; return whether the hand-over goes on to Cog."""
        with self._lock:
            trap, self._trap = self._trap, None
        if trap is None:
            return True
        trap.attempt, trap.port = attempt, port
        trap.sprung.set()
        trap.goes.wait(_HELD_SECONDS_MAX)
        return trap.fate != Fate.DROPPED

    def _loses(self, prompt: str) -> bool:
        with self._lock:
            lost = prompt in self._unanswered
            self._unanswered.discard(prompt)
            self.answers_lost += lost
        return lost

    def _write_down(self, attempt: str, prompt: str, answer: int) -> None:
        with self._lock:
            self.hand_overs.append(HandOver(attempt, prompt, time.time(), answer))

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes] | None:
        cog = http.client.HTTPConnection("127.0.0.1", self._upstream_port, _UPSTREAM_SECONDS)
        try:
            cog.request(method, path, body, headers)
            answer = cog.getresponse()
            return answer.status, _kept(dict(answer.getheaders())), answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            cog.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False  # a held hand-over would keep the gate from closing


class _Handler(BaseHTTPRequestHandler):
    gate: ClassVar[Gate]

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = _kept(dict(self.headers.items()))
        port: int = self.client_address[1]
        answer = self.gate.pass_on(str(self.command), self.path, headers, body, port=port)
        self.close_connection = True
        if answer is None:
            return
        status, said, content = answer
        try:
            self.send_response_only(status)
            for name, value in said.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            return  # whoever asked was killed

    def do_GET(self) -> None:
        """Pass a question on."""
        self._pass_on()

    def do_PUT(self) -> None:
        """Pass an order on, or a probe."""
        self._pass_on()

    def do_POST(self) -> None:
        """Pass a wish to cancel on."""
        self._pass_on()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _DROPPED}


def _prompt(body: bytes) -> str:
    """Return what is ordered; a probe orders nothing."""
    try:
        return str(json.loads(body)["input"].get("prompt", ""))
    except (ValueError, KeyError, AttributeError, TypeError):
        return ""
