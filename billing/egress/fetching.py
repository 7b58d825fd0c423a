"""Downloads a file from an address that a stranger chose."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from time import monotonic
from typing import BinaryIO, Final
from urllib.parse import urljoin

import httpcore

from billing.egress.addresses import Target, parse, parse_download
from billing.egress.connecting import Policy, Unreachable, check_target, exchange
from billing.transactions import forbid_transaction

_REDIRECTS: Final = (
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
)


class TooLarge(Exception):
    """The file has more bytes than were asked for at most; the rest was left where it is."""


@dataclass(frozen=True)
class FetchPolicy(Policy):
    """As `Policy`, for downloads.

    Attributes:
        redirects_max: how many are followed; each leads to a fresh target, checked as the first.
    """

    timeout_seconds: float = 60.0
    silence_seconds: float = 10.0
    redirects_max: int = 3


PUBLIC: Final = FetchPolicy()


def trusting(policy: FetchPolicy, url: str) -> FetchPolicy:
    """Return `policy`, with the host of `url` open at its port and by its scheme besides.

    For a server that an operator has named. Where it redirects to, another port of the same host
    as well, is judged as before.

    Args:
        url: of the server; one that is not in plain spelling opens nothing.
    """
    try:
        return replace(policy, origin=parse(url).origin)
    except ValueError:
        return policy


def fetch(
    url: str,
    into: BinaryIO,
    *,
    bytes_max: int,
    policy: FetchPolicy = PUBLIC,
    headers: Mapping[str, str] | None = None,
) -> int:
    """Write what stands at `url` into `into` as it comes, and return how many bytes it was.

    What the answer says of its own kind is not looked at, and nothing is unpacked.

    Args:
        headers: for the host of `url` alone. A redirect to another host, port or scheme drops
            them for good.

    Raises:
        Unreachable: no whole file came, in time, from addresses that may be called.
        TooLarge: it has more than `bytes_max` bytes, or says so.
    """
    forbid_transaction("egress.fetch")
    ends_at = monotonic() + policy.timeout_seconds
    hop = _Hop(_checked(url, policy), dict(headers or {}))
    for _redirect in range(policy.redirects_max + 1):
        with exchange(
            "GET", hop.target, headers=hop.headers, policy=policy, ends_at=ends_at
        ) as response:
            if response.status == HTTPStatus.OK:
                return _copy(response, into, bytes_max)
            if response.status not in _REDIRECTS:
                raise Unreachable("status")
            hop = _followed(hop, response, policy)
    raise Unreachable("redirect")


@dataclass(frozen=True, slots=True)
class _Hop:
    """Where a download stands: whom it asks next, and with what."""

    target: Target
    headers: Mapping[str, str] = field(repr=False)


def _checked(url: str, policy: Policy) -> Target:
    try:
        return check_target(parse_download(url), policy)
    except ValueError:
        raise Unreachable("address") from None


def _followed(hop: _Hop, response: httpcore.Response, policy: Policy) -> _Hop:
    """Return where a redirect leads.

    Raises:
        Unreachable: nowhere, where we do not call, or from https back to http.
    """
    here = f"{hop.target.origin}{hop.target.path}"
    try:
        there = urljoin(here, _headers_of(response)[b"location"].decode())
    except (KeyError, ValueError):
        raise Unreachable("redirect") from None
    target = _checked(there, policy)
    if hop.target.scheme == "https" and target.scheme != "https":
        raise Unreachable("redirect")
    return _Hop(target, hop.headers if target.origin == hop.target.origin else {})


def _copy(response: httpcore.Response, into: BinaryIO, bytes_max: int) -> int:
    length = _headers_of(response).get(b"content-length", b"")
    if length.isdigit() and int(length) > bytes_max:
        raise TooLarge
    size = 0
    for part in response.iter_stream():
        size += len(part)
        if size > bytes_max:
            raise TooLarge
        into.write(part)
    return size


def _headers_of(response: httpcore.Response) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in response.headers}
