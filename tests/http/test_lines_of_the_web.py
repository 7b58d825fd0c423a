"""Gunicorn with our worker: probes have a line of their own, and silence takes no thread."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from config.embedded.processes import free_port
from tests.http import slow_app

ROOT = Path(__file__).resolve().parents[2]
THREADS = 2


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the slow application with two threads; return where."""
    where = free_port()
    serving = subprocess.Popen(  # noqa: S603 (our own words)
        [
            *(sys.executable, "-m", "gunicorn", f"{slow_app.__name__}:application"),
            *("--bind", f"127.0.0.1:{where}", "--worker-class", "config.web.Worker"),
            *("--workers", "1", "--threads", str(THREADS), "--no-control-socket"),
        ],
        cwd=ROOT,
    )
    try:
        ends_at = time.monotonic() + 30
        while time.monotonic() < ends_at:
            with suppress(OSError):
                asked(where, "/healthz")
                break
            time.sleep(0.05)
        yield where
    finally:
        serving.terminate()
        serving.wait()


def asked(port: int, path: str, *, pause: float = 0.0) -> float:
    """Ask, and be silent at first for a while; return how long it took from the first word."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.connect()
    time.sleep(pause)
    began = time.monotonic()
    try:
        connection.request("GET", path)
        assert connection.getresponse().read() == b"ok"
    finally:
        connection.close()
    return time.monotonic() - began


@pytest.mark.parametrize("pause", [0.0, 0.2])
@pytest.mark.parametrize("path", ["/healthz", "/readyz?without=redis"])
def test_a_probe_stands_in_no_line_of_who_waits(port: int, path: str, pause: float) -> None:
    with ThreadPoolExecutor(3 * THREADS) as crowd:
        waiting = [crowd.submit(asked, port, "/") for _client in range(3 * THREADS)]
        time.sleep(0.3)
        took = asked(port, path, pause=pause)
        slowest = max(one.result() for one in waiting)

    assert took < slow_app.SECONDS / 3
    assert slowest > 2 * slow_app.SECONDS, "there was a line"


@pytest.mark.parametrize("path", ["/healthz/../v1/quotes", "/healthzz"])
def test_whoever_only_begins_like_a_probe_takes_no_place_of_one(port: int, path: str) -> None:
    with ThreadPoolExecutor(2 * THREADS) as crowd:
        waiting = [crowd.submit(asked, port, path) for _client in range(2 * THREADS)]
        time.sleep(0.3)
        took = asked(port, "/healthz")
        for one in waiting:
            one.result()

    assert took < slow_app.SECONDS / 3


def test_who_says_nothing_keeps_nobody_waiting(port: int) -> None:
    with ExitStack() as stack:
        for _silent in range(4 * THREADS):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        took = asked(port, "/")

    assert took < 2 * slow_app.SECONDS


@pytest.mark.parametrize("half", [b"", b"Content-Length: 9\r\n\r\n"], ids=["head", "body"])
def test_half_a_probe_keeps_no_whole_one_waiting(port: int, half: bytes) -> None:
    with ExitStack() as stack:
        for _slow in range(2):  # as many as there are threads for probes, and for all else
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + half)
        time.sleep(0.3)
        took = asked(port, "/healthz")

    assert took < slow_app.SECONDS


def test_a_kept_connection_is_answered_again_and_again(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for path in ("/healthz", "/", "/readyz", "/healthz"):
        connection.request("GET", path)
        assert connection.getresponse().read() == b"ok"
    connection.close()
