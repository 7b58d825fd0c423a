"""A stream of events that is cut off after the first, away for a moment, and then goes on."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

_FIRST: Final = 'id: 1\nevent: status\ndata: {"status": "running"}\n\n'
_LAST: Final = 'id: 2\nevent: settlement\ndata: {"credits": {"captured": "5"}}\n\n'


class CutStream:
    """One server on loopback.

    Attributes:
        heard: what each listener said that he had heard last, in the order in which they came.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        handler = type("Handler", (_Handler,), {"stream": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/events"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    stream: ClassVar[CutStream]

    def do_GET(self) -> None:
        """Tell the first event, then be away, then tell the last."""
        self.stream.heard.append(self.headers.get("Last-Event-ID", ""))
        status, said = ((200, _FIRST), (503, ""), (200, _LAST))[len(self.stream.heard) - 1]
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""
