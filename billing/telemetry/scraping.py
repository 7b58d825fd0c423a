"""Answers Prometheus at an address of its own, which no proxy leads to.

Several processes of one machine may be told the same address: one has it, and tells the counts of
all (`meters.FOLDER`); when that one ends, another takes it within seconds.
"""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from billing.telemetry import meters

Registries = Callable[[], CollectorRegistry]
# How long an address that a brother has is left alone.
_PATIENCE_SECONDS: Final = 5.0
_log = structlog.get_logger(__name__)


class _Answer(BaseHTTPRequestHandler):
    """One scrape."""

    timeout = 10.0  # of each wait for whoever asks
    server: "_Server"

    def do_GET(self) -> None:
        registries = self.server.told.get(self.path.partition("?")[0])
        if registries is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        encode, content_type = choose_encoder(self.headers.get("Accept", ""))
        body = encode(registries())
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing: it is asked every few seconds."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], told: dict[str, Registries]) -> None:
        self.address_family = AF_INET6 if ":" in address[0] else AF_INET
        self.told = told
        super().__init__(address, _Answer)


def serve(address: tuple[str, int], facts: Registries) -> threading.Thread:
    """Answer at `address` from now on, or as soon as nobody else does; returns at once.

    Args:
        facts: what is told at /facts; /metrics tells what the processes have counted.
    """
    told = {"/metrics": meters.scraped, "/facts": facts}
    thread = threading.Thread(target=_keep, args=(address, told), name="metrics", daemon=True)
    thread.start()
    return thread


def _keep(address: tuple[str, int], told: dict[str, Registries]) -> None:
    pause, was_said = threading.Event(), False
    while True:
        try:
            server = _Server(address, told)
        except OSError as taken:
            if not was_said:
                _log.info("metrics_told_by_another", problem=str(taken))
            was_said = True
            pause.wait(_PATIENCE_SECONDS)
        else:
            with server:
                server.serve_forever()
