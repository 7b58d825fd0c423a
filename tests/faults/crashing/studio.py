"""A GPU backend that speaks Cog's words, and renders nothing: it remembers what it was told."""

import json
import threading
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

SECRET: Final = "a-secret-of-the-crash-points"
_HEALTH: Final = {"status": "READY", "version": {"coglet": "0.23.1"}}
_SCHEMA: Final = {"components": {"schemas": {"Input": {"required": ["prompt"]}}}}


class Studio:
    """Takes orders on this machine; what is in flight ends when a test has it end.

    Attributes:
        taken: how often each prediction was begun.
        deaf: so many orders it will not have heard of: the connection breaks off.
        mute: so many orders it takes, and never says so.
    """

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.deaf = self.mute = 0
        self._in_flight: dict[str, dict[str, Any]] = {}
        self._canceled: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.server_address[1]
        return port

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()

    def words(self, film: str) -> list[tuple[str, dict[str, Any]]]:
        """Return what it reports of all that is in flight: the address's path, and the body.

        What was canceled ends so; what was ordered with "[fail]" fails; the rest has its film.
        """
        found = []
        for name, order in list(self._in_flight.items()):
            body: dict[str, Any] = {"id": name, "status": "succeeded", "output": film}
            if name in self._canceled:
                body = {"id": name, "status": "canceled"}
            elif "[fail]" in order["input"]["prompt"]:
                body = {"id": name, "status": "failed", "error": "Prediction failed: no"}
            found.append((urlsplit(order["webhook"]).path, body))
        return found

    def end(self, name: str) -> None:
        """Have no more to do with a prediction: its end was heard."""
        self._in_flight.pop(name, None)

    # -- what it answers -----------------------------------------------------------------------
    def put(self, name: str, order: dict[str, Any]) -> tuple[int, object] | None:
        """Take an order, or say that it is in flight already; None: hang up."""
        if name in self._in_flight:
            told = {"id": name, "status": "processing", "input": self._in_flight[name]["input"]}
            return HTTPStatus.ACCEPTED, told
        if not order.get("input"):
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"detail": "prompt is required"}
        if self.deaf:
            self.deaf -= 1
            return None
        self.taken[name] += 1
        self._in_flight[name] = order
        if self.mute:
            self.mute -= 1
            return None
        return HTTPStatus.ACCEPTED, {"id": name, "status": "starting"}

    def cancel(self, name: str) -> tuple[int, object]:
        """Stop a prediction; its last word comes as a callback."""
        if name not in self._in_flight:
            return HTTPStatus.NOT_FOUND, {}
        self._canceled.add(name)
        return HTTPStatus.OK, {}


def _handler(studio: Studio) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(HTTPStatus.OK, _HEALTH if self.path == "/health-check" else _SCHEMA)

        def do_PUT(self) -> None:
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said = studio.put(self.path.rpartition("/")[2], order)
            if said is None:
                self.close_connection = True
            else:
                self._say(*said)

        def do_POST(self) -> None:
            self._say(*studio.cancel(self.path.split("/")[2]))

        def _say(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    return Handler
