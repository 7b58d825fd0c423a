"""What the web processes make of requests that two readers could read in two ways: nothing."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from config.embedded.environment import nowhere
from config.embedded.serve import web_command
from tests.architecture.tree import ROOT

HOST: Final = "billing.example.com"
_SEEN: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_PATIENCE_SECONDS: Final = 60


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve as a production behind TLS is served; return where."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    environment = {
        "PATH": os.environ["PATH"],
        **nowhere(),
        "PUBLIC_URL": f"https://{HOST}",
        "ALLOWED_HOSTS": HOST,
    }
    process = subprocess.Popen(  # noqa: S603 (our own program)
        web_command(port),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None, "it was asked for"
        for line in process.stdout:
            if b"Listening at" in line:
                break
        yield port
    finally:
        process.terminate()
        process.communicate()


def told(port: int, raw: bytes) -> list[int]:
    """Send bytes; return the statuses of all answers until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as wire:
        wire.sendall(raw)
        wire.shutdown(socket.SHUT_WR)
        heard = b""
        try:
            while part := wire.recv(65536):
                heard += part
        except ConnectionResetError:
            pass
    return [int(status) for status in _SEEN.findall(heard)]


def request(*lines: str, host: str = HOST, target: str = "/healthz", body: str = "") -> bytes:
    """Return a request with these further lines."""
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {host}", *lines, "", body]).encode()


SECOND: Final = f"GET /v1/jobs HTTP/1.1\r\nHost: {HOST}\r\n\r\n"


def test_control_a_plain_request_is_answered(port: int) -> None:
    assert told(port, request("Connection: close")) == [200]


@pytest.mark.parametrize(
    "raw",
    [
        request("Content-Length: 0", f"Content-Length: {len(SECOND)}", body=SECOND),
        request("Content-Length: 5", "Content-Length: 5", body="hello"),
        request("Content-Length: 0, 5", body="hello"),
        request("Content-Length: +5", body="hello"),
        request("Content-Length: 0x5", body="hello"),
        request("Content-Length: -1"),
        request("Content-Length: 5", "Transfer-Encoding: chunked", body=f"0\r\n\r\n{SECOND}"),
        request("Transfer-Encoding: chunked", "Content-Length: 5", body=f"0\r\n\r\n{SECOND}"),
        request("Transfer-Encoding: chunked, identity", body=f"0\r\n\r\n{SECOND}"),
        request("Transfer-Encoding: xchunked", body=f"0\r\n\r\n{SECOND}"),
        request("Transfer-Encoding : chunked", body=f"0\r\n\r\n{SECOND}"),
        request("X-Folded: one", " two"),
        request("X-Folded: one", "\ttwo"),
        request("No colon here"),
        request(": no name"),
        request("Bad Name: x"),
        request("X-Control: a\x00b"),
        request("X-Bare: a\rb"),
        f"GET /healthz HTTP/1.1\r\nHost : {HOST}\r\n\r\n".encode(),
        f"GET  /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
        f"GET /healthz HTTP/9.9\r\nHost: {HOST}\r\n\r\n".encode(),
        f"GET /healthz\r\nHost: {HOST}\r\n\r\n".encode(),
        f"G\x7fT /healthz HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
        request(host="evil.example"),
        request(host=f"{HOST}@evil.example"),
        request(host=f"{HOST}, evil.example"),
        request(host=""),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_once(port: int, raw: bytes) -> None:
    """One refusal, and no second answer: what stands behind it was never a request."""
    found = told(port, raw)

    assert len(found) <= 1, found
    assert all(400 <= status < 600 for status in found), found


@pytest.mark.parametrize("size", ["0x0", "-1", "+0", "g", "", "0;\x00", "0_0"])
def test_what_stands_behind_a_broken_chunk_is_no_request(port: int, size: str) -> None:
    """It would be led to https, and was not: at most the first one was answered."""
    raw = request("Transfer-Encoding: chunked", body=f"{size}\r\n{SECOND}")

    assert 301 not in told(port, raw)


def test_control_what_stands_behind_a_whole_body_is_a_request(port: int) -> None:
    raw = request("Transfer-Encoding: chunked", body=f"0\r\n\r\n{SECOND}")

    assert told(port, raw) == [200, 301]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["X-Forwarded-Proto: https"], 401),  # the proxy's own word: it came by TLS
        ([], 301),
        (["X_Forwarded_Proto: https"], 301),
        (["X-Forwarded_Proto: https"], 301),
        (["X-Forwarded-Proto: http", "X_Forwarded_Proto: https"], 301),
        (["X-Forwarded-Ssl: on"], 301),
        (["X-Forwarded-Proto: http, https"], 301),
    ],
)
def test_underscores_and_lists_forge_no_word_of_the_proxy(
    port: int, lines: list[str], status: int
) -> None:
    assert told(port, request(*lines, "Connection: close", target="/v1/jobs")) == [status]


@pytest.mark.parametrize("header", ["X-Forwarded-Host: evil.example", "X_Forwarded_Host: evil"])
def test_no_header_but_host_says_which_host_was_asked(port: int, header: str) -> None:
    raw = request(header, "Connection: close", target="/v1/jobs")
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as wire:
        wire.sendall(raw)
        heard = b""
        while part := wire.recv(65536):
            heard += part

    assert f"Location: https://{HOST}/v1/jobs\r\n".encode() in heard
    assert b"evil" not in heard


def test_an_absolute_address_is_no_other_host(port: int) -> None:
    """The route is the path's, and the host the header's, whatever the request line says."""
    raw = request("Connection: close", target="http://evil.example/healthz")

    found = told(port, raw)

    assert found in ([200], [400], [404])
    assert told(port, request("Connection: close", target=f"http://{HOST}/healthz")) == found
