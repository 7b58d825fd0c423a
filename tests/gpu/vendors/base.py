"""What all vendors' simulators share: a real HTTP server on loopback, with tasks and faults.

A vendor derives `Simulator` and says its own words; its tests set what goes wrong:
`simulator.faults["submit"] = Fault.DROP_REPLY` spoils the next answer of that verb. Nothing is
called back by itself, but by Fault.CALLBACK_FIRST: a callback that never comes is the default,
and one that comes twice is two calls of `call_back`.
"""

import http.client
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.gpu.vendors.film import mp4

MEGABYTE: Final = 1024 * 1024
_FILMS: Final = "/films"


class Fault(StrEnum):
    """What may go wrong with one answer."""

    DROP_REPLY = "drop_reply"  # done as asked, and hung up on before any answer
    CUT_REPLY = "cut_reply"  # done, and hung up on in the middle of the answer
    ERROR_AFTER = "error_after"  # done, and answered 500
    GARBAGE = "garbage"  # done, and answered 200 with what is no JSON
    NOTHING_SAID = "nothing_said"  # done, and answered 200 with an empty object
    LOST_WAY = "lost_way"  # done, and a proxy answers 404 with a page of its own
    FLOOD = "flood"  # done, and answered with 100 MB
    DRIP = "drip"  # done, and answered a byte now and then
    CALLBACK_FIRST = "callback_first"  # done, and called back before the answer
    FULL = "full"  # nothing done: too many tasks already
    INVALID = "invalid"  # nothing done: the order's values are wrong
    MODERATED = "moderated"  # nothing done: the judge refuses the order
    BROKE = "broke"  # nothing done: our balance is empty


NOTHING_DONE: Final = (Fault.FULL, Fault.INVALID, Fault.MODERATED, Fault.BROKE)


class Ending(StrEnum):
    """How far a task is, and how it has ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    EMPTY = "empty"  # by the vendor's word a success, and no output stands there
    COMPLETED_WITH_ERROR = "completed_with_error"  # by its word complete, and an error stands there
    FAILED = "failed"
    MODERATED = "moderated"  # the judge has refused the result
    CANCELED = "canceled"
    EXPIRED = "expired"  # by the vendor's own deadline


LIVE: Final = (Ending.QUEUED, Ending.RUNNING)


@dataclass(frozen=True)
class Request:
    """One request as it came; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """What it says; ValueError when it is no JSON object."""
        said = json.loads(self.body)
        if not isinstance(said, dict):
            raise ValueError("no object")  # noqa: TRY004 (one kind of flaw for the callers)
        return said

    @property
    def form(self) -> dict[str, str]:
        """The plain fields of a multipart form; ValueError when it is none."""
        kind = self.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            raise ValueError("no multipart form")
        message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + self.body)
        fields: dict[str, str] = {}
        for part in message.get_payload():
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
            fields[str(name)] = part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        return fields


@dataclass(frozen=True)
class Answer:
    """One answer; a body that is no bytes is said as JSON."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def encoded(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Task:
    """One order that the vendor has taken.

    Attributes:
        order: what was ordered, in the vendor's words.
        facts: what else the vendor's simulator remembers of it.
        word: a status word to say instead of the vendor's own.
        complaint: why it failed, in the vendor's words; "" for the simulator's own.
    """

    id: str
    order: Mapping[str, Any]
    callback_url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    ending: Ending = Ending.QUEUED
    word: str | None = None
    complaint: str = ""
    polls: int = 0


class Simulator(ABC):
    """One vendor's server. A vendor says what its verbs are and how it answers them.

    Attributes:
        key: what `is_authorized` wants to see; the adapter's secret.
        endings: the ends that this vendor's protocol can tell.
        faults: by verb, what goes wrong with the next answer of it.
        finish_after_polls: a task succeeds when it was asked about so often; None: by `end` only.
        serves_films: it names its films at an address of its own, not at a host of nowhere.
        films_lead_to: where a film is asked for, this address is named instead of it.
        seen: every request so far with its verb, in order.
    """

    endings: frozenset[Ending] = frozenset({Ending.SUCCEEDED, Ending.FAILED})

    def __init__(self, *, key: str = "a-key-of-the-vendor") -> None:
        self.key = key
        self.tasks: dict[str, Task] = {}
        self.faults: dict[str, Fault] = {}
        self.finish_after_polls: int | None = None
        self.serves_films = False
        self.films_lead_to = ""
        self.seen: list[tuple[str, Request]] = []
        self._lock = threading.RLock()
        self._server = _listen(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True
        )
        self._thread.start()

    # -- what a vendor says ---------------------------------------------------------------------
    @abstractmethod
    def verb_of(self, request: Request) -> str:
        """Return "submit", "poll", "cancel", "list" or another word of the vendor's; "" for 404."""

    @abstractmethod
    def is_authorized(self, verb: str, request: Request) -> bool:
        """Say whether the request carries the key."""

    @abstractmethod
    def answer(self, verb: str, request: Request) -> Answer:
        """Do what is asked and answer; an order becomes a task by `take`."""

    @abstractmethod
    def refusal(self, fault: Fault) -> Answer | None:
        """Return how the vendor says FULL, INVALID, MODERATED and BROKE; None: it never does."""

    def unauthorized(self) -> Answer:
        """Return how the vendor refuses a wrong key."""
        return Answer(401, {"error": "unauthorized"})

    def callback_body(self, task: Task) -> bytes:
        """Return what the vendor would report of the task now."""
        raise AssertionError(f"{type(self).__name__} reports nothing: it is asked.")

    def sign(self, body: bytes, *, at: float) -> dict[str, str]:
        """Return the headers by which the vendor vouches for `body` at that instant (seconds)."""
        return {}

    # -- what tests do --------------------------------------------------------------------------
    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, task: Task) -> Task:
        """Remember an order that was taken."""
        self.tasks[task.id] = task
        return task

    @property
    def newest(self) -> Task:
        """The order that was taken last."""
        return list(self.tasks.values())[-1]

    def end(self, task_id: str, ending: Ending, *, complaint: str = "") -> Task:
        """Bring the task so far, as the vendor's machines would."""
        task = self.tasks[task_id]
        task.ending, task.complaint = ending, complaint
        return task

    def finish(self, task_id: str) -> Task:
        """Let the task succeed."""
        return self.end(task_id, Ending.SUCCEEDED)

    def looked_at(self, task: Task) -> Task:
        """Count one question about the task; it may finish by it."""
        task.polls += 1
        if task.polls == self.finish_after_polls and task.ending in LIVE:
            task.ending = Ending.SUCCEEDED
        return task

    def place_of(self, film: str) -> str:
        """Return where a film stands, by its address at the vendor: there, or here."""
        parts = urlsplit(film)
        return f"{self.url}{_FILMS}{parts.path}?{parts.query}" if self.serves_films else film

    def film(self) -> Answer:
        """Return the film itself, or where it is said to be."""
        if self.films_lead_to:
            return Answer(302, b"", {"Location": self.films_lead_to})
        return Answer(200, mp4(), {"Content-Type": "video/mp4"})

    def asked(self, verb: str) -> list[Request]:
        """Return the requests of that verb so far, in order."""
        return [request for said, request in self.seen if said == verb]

    def call_back(self, task_id: str, *, to: str | None = None) -> int:
        """Report the task to its address, or to another one's; return the status answered."""
        task = self.tasks[task_id]
        body = self.callback_body(task)
        target = urlsplit(to or task.callback_url)
        connection = http.client.HTTPConnection(target.netloc, timeout=10)
        try:
            headers = {"Content-Type": "application/json", **self.sign(body, at=time.time())}
            connection.request("POST", target.path or "/", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def close(self) -> None:
        """Stop listening; a repeat changes nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # -- how it serves --------------------------------------------------------------------------
    def serve(self, request: Request) -> tuple[Answer, Fault | None]:
        """Answer one request, and say how the answer is spoiled."""
        with self._lock:
            if request.path.startswith(_FILMS):  # whoever knows the address may have it
                self.seen.append(("film", request))
                return self.film(), None
            verb = self.verb_of(request)
            self.seen.append((verb, request))
            if not verb:
                return Answer(404, {"error": "no such path"}), None
            if not self.is_authorized(verb, request):
                return self.unauthorized(), None
            fault = self.faults.pop(verb, None)
            if fault in NOTHING_DONE:
                refusal = self.refusal(fault)
                assert refusal is not None, f"this vendor never says {fault}"
                return refusal, None
            answer = self.answer(verb, request)
        if fault == Fault.CALLBACK_FIRST:
            self.call_back(self.newest.id)
        return answer, fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    simulator: Simulator

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the other side had enough

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        address = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=address.path,
            query=dict(parse_qsl(address.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length", "0"))),
        )
        answer, fault = self.simulator.serve(request)
        if fault in _INSTEAD:
            answer, fault = _INSTEAD[fault], None
        if fault in (Fault.DROP_REPLY, Fault.CUT_REPLY, Fault.FLOOD, Fault.DRIP):
            self._break(answer.status, fault)
        else:
            self._head(answer, length=len(answer.encoded))
            self.wfile.write(answer.encoded)

    def _break(self, status: int, fault: Fault) -> None:
        """Answer in a way that no client can read to its end."""
        self.close_connection = True
        if fault == Fault.CUT_REPLY:
            self._head(Answer(status), length=1000)
            self.wfile.write(b'{"id":')
        elif fault == Fault.FLOOD:
            self._head(Answer(status), length=100 * MEGABYTE)
            for _part in range(100):
                self.wfile.write(b" " * MEGABYTE)
        elif fault == Fault.DRIP:
            self._head(Answer(status), length=600)
            for _byte in range(600):
                self.wfile.write(b" ")
                time.sleep(0.1)

    def _head(self, answer: Answer, *, length: int) -> None:
        headers = {"Content-Type": "application/json", **answer.headers}
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


_INSTEAD: Final[Mapping[Fault | None, Answer]] = {
    Fault.ERROR_AFTER: Answer(500, b"oops"),
    Fault.GARBAGE: Answer(200, b"<html>good morning"),
    Fault.NOTHING_SAID: Answer(200, {}),
    Fault.LOST_WAY: Answer(404, b"<html>not found", {"Content-Type": "text/html"}),
}


def _listen(simulator: Simulator) -> _Server:
    return _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"simulator": simulator}))
