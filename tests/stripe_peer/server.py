"""The HTTP side: the API, the pages that a browser sees, and the knobs for tests."""

import json
import socket
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.stripe_peer import api, keeping, knobs, loading
from tests.stripe_peer.courier import Courier
from tests.stripe_peer.faults import Fault, Faults
from tests.stripe_peer.refusals import Refused
from tests.stripe_peer.routing import KNOBS, PAGES, Asked, Page
from tests.stripe_peer.timetable import run_until
from tests.stripe_peer.world import API_VERSION, World

_TICK_SECONDS: Final = 0.5
_BEFORE: Final = {
    "error_before": (500, "api_error", "An unknown error occurred (ordered by a test)"),
    "rate_limit": (429, "invalid_request_error", "Too many requests (ordered by a test)"),
}
_AFTER: Final = frozenset({"error_after", "error_kept"})


class Cut(Exception):
    """The connection is to end without an answer."""


class Emulator(ThreadingHTTPServer):
    """One Stripe account in memory, on loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, port: int, key: str, pause_seconds: float, state: Path | None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        loading.load()
        self.key = key
        self.state = state
        self.world = World(f"http://127.0.0.1:{self.server_address[1]}")
        self.faults = Faults()
        self.courier = Courier(self.world, pause_seconds)
        knobs.install(self.faults, self.courier)
        if state is not None:
            keeping.recall(self.world, state)

    def start(self) -> None:
        """Begin to carry events, and to let happen what is due on the world's clock."""
        self.courier.start()
        threading.Thread(target=self._tick, daemon=True).start()

    def after(self, *, is_changed: bool) -> None:
        """Send the events of what was done, and keep the state; the lock is held."""
        is_changed = is_changed or bool(self.world.unsent)
        self.courier.collect()
        if self.state is not None and is_changed:
            keeping.keep(self.world, self.state)

    def _tick(self) -> None:
        while True:
            time.sleep(_TICK_SECONDS)
            with self.world.lock:
                run_until(self.world, None, self.world.now())
                self.after(is_changed=False)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Emulator
    protocol_version = "HTTP/1.1"
    server_version = "Linggan-Stripe-emulator/1.0"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """Answer."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer."""
        self._answer("POST")

    def do_DELETE(self) -> None:
        """Answer."""
        self._answer("DELETE")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Say nothing: a test that fails looks at `/_emulator/requests`."""

    def _answer(self, method: str) -> None:
        place = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        try:
            if place.path.startswith("/v1/"):
                self._operate(method, place.path, body if method == "POST" else place.query)
            elif place.path.startswith("/_emulator"):
                self._turn(method, place.path, body)
            else:
                self._show(method, place.path, body if method == "POST" else place.query)
        except Cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    # -- the API -------------------------------------------------------------------------------
    def _operate(self, method: str, path: str, form: str) -> None:
        request_id = self.server.world.new_id("req", 14)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = api.Request(method, path, form, headers)
        answer = self._operated(request, request_id)
        more = {
            "Request-Id": request_id,
            "Stripe-Version": headers.get("stripe-version", API_VERSION),
        }
        if "idempotency-key" in headers:
            more["Idempotency-Key"] = headers["idempotency-key"]
            more["Original-Request"] = request_id
        self._send_json(answer.status, answer.body, {**more, **answer.headers})

    def _operated(self, request: api.Request, request_id: str) -> api.Answer:
        world = self.server.world
        try:
            with world.lock:
                api.require_key(request, self.server.key)
                known = api.begin(world, request)
                fault = self.server.faults.take(request.method, request.path)
                world.requests.append(f"{request.method} {request.path}")
        except Refused as refusal:
            return api.Answer(refusal.status, refusal.body)
        if fault is not None and fault.kind in ("error_before", "rate_limit", "cut_before"):
            with world.lock:
                if known is None:
                    api.end(world, request, api.Answer(500, {}), is_kept=False)
            return _refused_by(fault)
        if fault is not None and fault.kind == "delay":
            time.sleep(fault.seconds)
        if known is None:
            with world.lock:
                known, is_begun = _performed(world, request, request_id)
                broken = _broken_by(fault)
                kept = broken if broken and fault and fault.kind == "error_kept" else known
                api.end(world, request, kept, is_kept=is_begun)
                self.server.after(is_changed=request.method != "GET")
        return _spoilt(known, fault)

    # -- knobs and pages -----------------------------------------------------------------------
    def _turn(self, method: str, path: str, body: str) -> None:
        found = KNOBS.find(method, path)
        if found is None:
            self._send_json(404, {"error": {"message": f"There is no knob {method} {path}."}})
            return
        route, ids = found
        try:
            with self.server.world.lock:
                asked = Asked(ids, json.loads(body) if body else {}, path)
                answer = route.answer(self.server.world, asked)
                self.server.after(is_changed=method != "GET")
        except Refused as refusal:
            self._send_json(refusal.status, refusal.body)
        except (ValueError, TypeError) as trouble:
            self._send_json(400, {"error": {"message": str(trouble)}})
        else:
            self._send_json(200, answer)

    def _show(self, method: str, path: str, form: str) -> None:
        found = PAGES.find(method, path)
        if found is None:
            self._send(404, b"There is no such page in this emulator of Stripe.", "text/plain", {})
            return
        route, ids = found
        try:
            with self.server.world.lock:
                fields = dict(parse_qsl(form, keep_blank_values=True))
                asked = Asked(ids, fields, path, self.headers.get("Accept-Language", ""))
                shown: Page = route.answer(self.server.world, asked)
                self.server.after(is_changed=method != "GET")
        except Refused as refusal:
            shown = Page(str(refusal), status=refusal.status)
        more = {"Location": shown.location} if shown.location else {}
        status = 303 if shown.location else shown.status
        self._send(status, shown.html.encode(), "text/html; charset=utf-8", more)

    def _send_json(
        self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        text = json.dumps(body, indent=2, ensure_ascii=False).encode()
        self._send(status, text, "application/json", headers or {})

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _performed(world: World, request: api.Request, request_id: str) -> tuple[api.Answer, bool]:
    """Perform an operation; a flaw of the emulator's own is 500, and its trace is printed."""
    try:
        return api.perform(world, request, request_id)
    except Exception as flaw:  # noqa: BLE001 (whatever it is, the client is to be told)
        traceback.print_exc()
        message = f"The emulator itself failed: {type(flaw).__name__}: {flaw}"
        return api.Answer(500, Refused(message, status=500, kind="api_error").body), False


def _refused_by(fault: Fault) -> api.Answer:
    """Return the answer of a fault that let nothing be done."""
    if fault.kind == "cut_before":
        raise Cut
    status, kind, message = _BEFORE[fault.kind]
    code = "rate_limit" if fault.kind == "rate_limit" else None
    return api.Answer(status, Refused(message, status=status, kind=kind, code=code).body)


def _broken_by(fault: Fault | None) -> api.Answer | None:
    if fault is None or fault.kind not in _AFTER:
        return None
    message = "An unknown error occurred after it was done (ordered by a test)"
    return api.Answer(500, Refused(message, status=500, kind="api_error").body)


def _spoilt(answer: api.Answer, fault: Fault | None) -> api.Answer:
    """Return what is sent when it was done, and a fault wants it to go otherwise."""
    if fault is None:
        return answer
    if fault.kind == "hang_after":
        time.sleep(fault.seconds)
    if fault.kind in ("cut_after", "hang_after"):
        raise Cut
    return _broken_by(fault) or answer
