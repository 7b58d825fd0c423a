"""A vendor that is asked: a small real server, and an adapter of a kind that only tests know."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from billing.egress import PUBLIC, FetchPolicy
from billing.gpu import wire
from billing.gpu.kinds import Connection, Kind
from billing.gpu.outputs import read_outputs
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    Backend,
    CancelResult,
    Caps,
    Fail,
    Health,
    Output,
    Readiness,
    State,
    Status,
)
from billing.gpu.reading import Unreadable, read_object, state_of
from billing.gpu.replies import require_accepted

WORDS: Final = {
    "queued": State.QUEUED,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "absent": State.ABSENT,
}
CAPS: Final = Caps(
    poll=True,
    list=True,
    cancel_queued=True,
    cancel_running=True,
    callback="unsigned",
    poll_seconds=10,
)


class Vendor:
    """Takes orders on loopback and says of each what a test has put into `tasks`."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}  # by the vendor's id
        self.calls: list[tuple[str, str]] = []
        self.takes = True
        self.hangs_up = False  # takes the order, and never says so
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                vendor.calls.append(("POST", self.path))
                task = {"id": f"task-{len(vendor.tasks) + 1}", "ours": order["id"]}
                if vendor.takes:
                    vendor.tasks[task["id"]] = task | {"status": "queued"}
                if vendor.hangs_up:
                    self.close_connection = True
                    return
                self._answer(200 if vendor.takes else 503, task | {"status": "queued"})

            def do_GET(self) -> None:
                vendor.calls.append(("GET", self.path))
                name = self.path.rpartition("/")[2]
                if name == "tasks":
                    self._answer(200, {"tasks": list(vendor.tasks.values())})
                else:
                    task = vendor.tasks.get(name, {"id": name, "status": "absent"})
                    self._answer(task.get("http", 200), task)

            def do_DELETE(self) -> None:
                vendor.calls.append(("DELETE", self.path))
                self._answer(200, {})

            def _answer(self, status: int, body: object) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.002}, daemon=True
        )
        self._thread.start()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self, method: str) -> list[str]:
        """Return the paths that were called so."""
        return [path for called, path in self.calls if called == method]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(frozen=True)
class PolledBackend:
    """Speaks the vendor's protocol."""

    base_url: str
    caps: Caps = field(default=CAPS)
    fetch: FetchPolicy = PUBLIC

    def remembered(self, attempt: AttemptView) -> Mapping[str, str]:
        """Return where it is handed over."""
        return {"base_url": self.base_url}

    def submit(self, attempt: AttemptView) -> Status:
        """Hand it over, once."""
        body = json.dumps({"id": attempt.id, "input": dict(attempt.input)}).encode()
        return self._read(self._call("POST", f"{self.base_url}/tasks", body))

    def poll(self, attempt: AttemptView) -> Status:
        """Ask by the vendor's id."""
        return self._read(self._call("GET", f"{_place_of(attempt)}/tasks/{attempt.provider_id}"))

    def find(self, attempt: AttemptView) -> Status | None:
        """Look for our id among the vendor's tasks."""
        listed = read_object(self._call("GET", f"{_place_of(attempt)}/tasks").body)["tasks"]
        ours = [task for task in listed if task["ours"] == attempt.id]
        return _status(ours[0]) if ours else Status(state=State.ABSENT)

    def cancel(self, attempt: AttemptView) -> CancelResult:
        """Ask the vendor to stop it."""
        self._call("DELETE", f"{_place_of(attempt)}/tasks/{attempt.provider_id}")
        return CancelResult.REQUESTED

    def fetch_outputs(self, status: Status) -> Iterator[Output]:
        """Yield the inline files."""
        return read_outputs(status.outputs, policy=self.fetch)

    def parse_callback(
        self, headers: Mapping[str, str], raw_body: bytes, attempt: AttemptView, *, now: datetime
    ) -> Status:
        """Believe nothing, and read."""
        return self.read_callback(raw_body, attempt)

    def read_callback(self, raw_body: bytes, attempt: AttemptView) -> Status:
        """Return what it says."""
        return _status(read_object(raw_body))

    def answer_challenge(self, raw_body: bytes) -> bytes | None:
        """Return None: it tries no address out."""
        return None

    def health(self) -> Health:
        """Say that it is well."""
        return Health(readiness=Readiness.READY)

    def _call(self, method: str, url: str, body: bytes = b"") -> wire.Reply:
        return wire.call(method, url, headers={}, body=body)

    def _read(self, reply: wire.Reply) -> Status:
        require_accepted(reply, reason="no")
        try:
            return _status(read_object(reply.body))
        except Unreadable as flaw:
            raise Ambiguous(str(flaw)) from None


def _place_of(attempt: AttemptView) -> str:
    return attempt.context["base_url"]


def _status(task: Mapping[str, Any]) -> Status:
    state = state_of(task.get("status"), WORDS)
    return Status(
        state=state,
        provider_id=str(task.get("id", "")),
        outputs=tuple(task.get("outputs", ())),
        fail=Fail(task.get("fail", "provider")) if state == State.FAILED else None,
        message=str(task.get("message", "")),
    )


def kind(caps: Caps = CAPS) -> Kind:
    """Return the kind under which the setting names such a vendor."""

    def build(connection: Connection) -> Backend:
        return PolledBackend(connection.url, caps, connection.fetch)

    return Kind(build=build)
