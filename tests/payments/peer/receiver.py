"""A webhook endpoint as an application has one: it believes what stripe-python believes."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import stripe


class Receiver:
    """Keeps the events that were signed, and counts the rest; `says` is what it answers."""

    def __init__(self, secret: str) -> None:
        self.events: list[stripe.Event] = []
        self.refused: list[str] = []
        self.says: list[int] = []  # the next answers; afterwards 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """The shop's page, where a payer comes back to."""
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"shop")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.hear(body, self.headers.get("Stripe-Signature", "")))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Tests look at `events`."""

        self._secret = secret
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/stripe"

    def hear(self, body: bytes, signature: str) -> int:
        """Return the status to answer."""
        if self.says:
            return self.says.pop(0)
        try:
            event = stripe.Webhook.construct_event(body, signature, self._secret)
        except (ValueError, stripe.SignatureVerificationError) as trouble:
            self.refused.append(type(trouble).__name__)
            return 400
        self.events.append(event)
        return 200

    @property
    def types(self) -> list[str]:
        """What was told, in the order of its coming."""
        return [event.type for event in self.events]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        trouble: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
