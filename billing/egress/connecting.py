"""Connects to nothing but what it has checked, and lets nothing last beyond its time.

What was checked is what is connected to, so a name that answers differently the next time
(rebinding) gains nothing; redirects are answers like any other; no proxy of the environment is
asked.
"""

import functools
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, Final

import httpcore
from django.utils.translation import gettext as _

from billing.egress import addresses
from billing.egress.addresses import Address, Network, Target
from billing.transactions import forbid_transaction

_TIMEOUT_SECONDS: Final = 10.0
_ADDRESSES_TRIED_MAX: Final = 3

Resolve = Callable[[str, int], Sequence[str]]


class Unreachable(Exception):
    """No usable answer came.

    Attributes:
        trouble: why, in one word: `address` (not one that may be called), `timeout`,
            `connection`, `tls`, `protocol`; a download also knows `status` and `redirect`.
    """

    def __init__(self, trouble: str) -> None:
        super().__init__(trouble)
        self.trouble = trouble


def ask_system(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver knows for `host`.

    Raises:
        OSError: it knows none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True)
class Policy:
    """Where requests may go, and how long they may take.

    Attributes:
        allowed: networks that are open though not public, and the only ones for plain http.
        origin: the one scheme, host and port that is open too, at whatever address; "": none is.
        resolve: turns a name into addresses; asked once for each request.
        timeout_seconds: for everything together: name, connection, request and reply.
        silence_seconds: for each wait of a connection that stands.
        tls: what to trust; None means the usual authorities.
    """

    allowed: tuple[Network, ...] = ()
    origin: str = ""
    resolve: Resolve = ask_system
    timeout_seconds: float = _TIMEOUT_SECONDS
    silence_seconds: float = inf
    tls: ssl.SSLContext | None = None


@functools.lru_cache(maxsize=8)
def networks(cidrs: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks that a setting opens.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ipaddress.ip_network(text) for text in cidrs)


def check_url(url: str, policy: Policy) -> Target:
    """Return what `url` names, if by its spelling alone it could be called; no name is resolved.

    Raises:
        ValueError: it could not; the message is for its author.
    """
    return check_target(addresses.parse(url), policy)


def check_target(target: Target, policy: Policy) -> Target:
    """Return `target` if by its spelling alone it could be called; no name is resolved.

    Raises:
        ValueError: it could not; the message is for its author.
    """
    if target.literal is not None and not _is_open(target.literal, target, policy):
        raise ValueError(_("This address is not a public one, or needs https."))
    if target.scheme == "http" and not policy.allowed and target.origin != policy.origin:
        raise ValueError(_("The address must begin with https://."))
    return target


def look_up(url: str, policy: Policy) -> None:
    """Return if every address that the host of `url` has now may be called; calls none.

    For what somebody else will fetch, by whatever scheme: he resolves the name anew.

    Raises:
        Unreachable: one may not (`address`), or none was found in time.
    """
    forbid_transaction("egress.look_up")
    try:
        target = addresses.parse(url)
        found = _resolved(target, policy, monotonic() + policy.timeout_seconds)
    except ValueError:
        raise Unreachable("address") from None
    except httpcore.TimeoutException:
        raise Unreachable("timeout") from None
    except httpcore.NetworkError:
        raise Unreachable("connection") from None
    if not all(addresses.may_call(address, allowed=policy.allowed) for address in found):
        raise Unreachable("address")


@contextmanager
def exchange(
    method: str,
    target: Target,
    *,
    headers: Mapping[str, str],
    body: bytes = b"",
    policy: Policy,
    ends_at: float,
) -> Iterator[httpcore.Response]:
    """Give the answer of `target` to one request, its body still to be read, until `ends_at`.

    Raises:
        Unreachable: nobody answered, in time, at an address that may be called; also while the
            body is read inside of the block.
    """
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=policy.tls or usual_authorities(),
                network_backend=_Checked(target, policy, ends_at),
                retries=0,
            ) as pool,
            pool.stream(
                method,
                httpcore.URL(
                    scheme=target.scheme, host=target.host, port=target.port, target=target.path
                ),
                headers=[
                    ("Host", target.authority),
                    ("Accept-Encoding", "identity"),
                    *headers.items(),
                ],
                content=body,
            ) as response,
        ):
            yield response
    except httpcore.TimeoutException:
        raise Unreachable("timeout") from None
    except httpcore.NetworkError:
        raise Unreachable("connection") from None
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol):
        raise Unreachable("protocol") from None


class _Checked(httpcore.NetworkBackend):
    """Connects to what it has checked, and lets nothing last beyond the end."""

    def __init__(self, target: Target, policy: Policy, ends_at: float) -> None:
        self._target = target
        self._policy = policy
        self._ends_at = ends_at
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to an address of the target; `host` only names it for TLS."""
        problem: Exception = httpcore.ConnectError()
        for address in self._addresses()[:_ADDRESSES_TRIED_MAX]:
            try:
                stream = self._sockets.connect_tcp(
                    str(address), self._target.port, timeout=_left(self._ends_at)
                )
            except httpcore.ConnectError as failed:
                problem = failed
            else:
                return _Ending(stream, self._ends_at, self._policy.silence_seconds)
        raise problem

    def _addresses(self) -> list[Address]:
        """Return the target's addresses; one that may not be called spoils them all.

        A name that stands for both a public and a private address is an attack or a mistake, and
        trying the public one first would only make it work by luck.
        """
        found = _resolved(self._target, self._policy, self._ends_at)
        if not all(_is_open(address, self._target, self._policy) for address in found):
            raise Unreachable("address")
        return found


class _Ending(httpcore.NetworkStream):
    """A stream whose every wait is cut by one common end: a byte a second gets nobody further."""

    def __init__(
        self, stream: httpcore.NetworkStream, ends_at: float, silence_seconds: float
    ) -> None:
        self._stream = stream
        self._ends_at = ends_at
        self._silence_seconds = silence_seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _left(self._ends_at, httpcore.ReadTimeout)
        return self._stream.read(max_bytes, min(left, self._silence_seconds))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = _left(self._ends_at, httpcore.WriteTimeout)
        self._stream.write(buffer, min(left, self._silence_seconds))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._ends_at)
        try:
            secure = self._stream.start_tls(ssl_context, server_hostname, left)
        except httpcore.ConnectError:
            raise Unreachable("tls") from None
        return _Ending(secure, self._ends_at, self._silence_seconds)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 (as in httpcore)
        return self._stream.get_extra_info(info)


def _left(
    ends_at: float, too_late: type[httpcore.TimeoutException] = httpcore.ConnectTimeout
) -> float:
    left = ends_at - monotonic()
    if left <= 0:
        raise too_late
    return left


def _resolved(target: Target, policy: Policy, ends_at: float) -> list[Address]:
    """Return every address that `target` has now.

    Raises:
        httpcore.ConnectTimeout, httpcore.ConnectError: as `_in_time`.
    """
    if target.literal is not None:
        return [target.literal]
    texts = _in_time(policy.resolve, target, _left(ends_at))
    return [ipaddress.ip_address(text) for text in dict.fromkeys(texts)]


def _in_time(resolve: Resolve, target: Target, seconds: float) -> Sequence[str]:
    """Return what `resolve` finds; the system's own has no time-out, so it is waited for aside.

    Raises:
        httpcore.ConnectTimeout: it is still looking.
        httpcore.ConnectError: there is no such name.
    """
    found: list[Sequence[str]] = []

    def look() -> None:
        try:
            found.append(resolve(target.host, target.port))
        except (OSError, UnicodeError):
            found.append(())

    thread = threading.Thread(target=look, name="egress-resolver", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise httpcore.ConnectTimeout
    if not found[0]:
        raise httpcore.ConnectError
    return found[0]


def _is_open(address: Address, target: Target, policy: Policy) -> bool:
    """Return whether `target` may be called at `address`: plain http only where it is allowed."""
    if target.origin == policy.origin:
        return True
    if target.scheme == "http":
        return addresses.is_in(address, policy.allowed)
    return addresses.may_call(address, allowed=policy.allowed)


@functools.cache
def usual_authorities() -> ssl.SSLContext:
    """Return whom a certificate is believed from; read once a process, which takes 30 ms."""
    return httpcore.default_ssl_context()
