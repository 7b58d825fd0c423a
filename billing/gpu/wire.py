"""The only module that opens connections to backends.

It exists for two promises that ordinary clients do not make: a call ends within its seconds
however slowly the other side drips, and a failure says whether anything was sent.
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import httpcore

from billing.egress.connecting import usual_authorities
from billing.gpu.protocol import Ambiguous, NotSent
from billing.transactions import forbid_transaction

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
REPLY_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, whole; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes = b"",
    total_seconds: float = TOTAL_SECONDS,
) -> Reply:
    """Make one HTTP call, without retry and without following redirects.

    `total_seconds` is for everything, from connecting to the last byte of the answer.

    Raises:
        NotSent: not one byte of the request left.
        Ambiguous: some did, and no whole answer of at most 1 MiB came back in time.
    """
    forbid_transaction("A call to a GPU backend")
    network = _BoundedNetwork(total_seconds)
    timeout = {"connect": min(CONNECT_SECONDS, total_seconds), "pool": total_seconds}
    timeout |= {"read": total_seconds, "write": total_seconds}
    try:
        # No connection is kept: a kept one that the other side has closed meanwhile would make
        # an order ambiguous which, on a fresh one, would have been plainly not sent.
        with (
            httpcore.ConnectionPool(
                ssl_context=usual_authorities(),
                max_keepalive_connections=0,
                network_backend=network,
            ) as pool,
            pool.stream(
                method,
                url,
                headers=list(headers.items()),
                content=body,
                extensions={"timeout": timeout},
            ) as answer,
        ):
            return Reply(answer.status, _readable(answer.headers), _whole(answer))
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        reason = f"{method} {_bare(url)}: {type(error).__name__}: {error}"[:300]
        raise (Ambiguous(reason) if network.sent else NotSent(reason)) from error


def _whole(answer: httpcore.Response) -> bytes:
    parts = bytearray()
    for part in answer.iter_stream():
        parts += part
        if len(parts) > REPLY_BYTES_MAX:
            raise Ambiguous(f"The backend's answer ({answer.status}) is larger than 1 MiB.")
    return bytes(parts)


def _readable(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _bare(url: str) -> str:
    return url.partition("?")[0]


class _BoundedNetwork(httpcore.SyncBackend):
    """Connections that share one deadline, and remember whether a request left."""

    def __init__(self, total_seconds: float) -> None:
        self.sent = False
        self._ends_at = time.monotonic() + total_seconds

    def left(self, timeout: float | None) -> float:
        """Return the seconds that may still be waited, below `timeout`; 0 when time is up."""
        remaining = max(0.0, self._ends_at - time.monotonic())
        return remaining if timeout is None else min(timeout, remaining)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        stream = super().connect_tcp(
            host, port, self.left(timeout) or 0.001, local_address, socket_options
        )
        return _BoundedStream(stream, self)


class _BoundedStream(httpcore.NetworkStream):
    """A stream whose every wait is cut to what is left of the call."""

    def __init__(self, stream: httpcore.NetworkStream, network: _BoundedNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._network.left(timeout)
        if not left:
            raise httpcore.ReadTimeout("the answer took too long")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._network.left(timeout)
        if not left:
            raise httpcore.WriteTimeout("the backend reads too slowly")
        self._network.sent = True
        self._stream.write(buffer, left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._network.left(timeout) or 0.001
        secure = self._stream.start_tls(ssl_context, server_hostname, left)
        return _BoundedStream(secure, self._network)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
