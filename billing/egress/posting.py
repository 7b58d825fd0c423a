"""Sends one message to an address that a stranger chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

import httpcore

from billing.egress import addresses
from billing.egress.connecting import Policy, Unreachable, exchange
from billing.transactions import forbid_transaction

_REPLY_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: any status, and how its body begins."""

    status: int
    body: bytes


def post(url: str, *, headers: Mapping[str, str], body: bytes, policy: Policy) -> Reply:
    """Send `body` to `url` and return the reply, whatever its status: a redirect is one, too.

    A reply longer than 64 KiB is cut there; one that has a status but never ends is a reply all
    the same.

    Raises:
        Unreachable: nobody answered, in time, at an address that may be called.
    """
    forbid_transaction("egress.post")
    try:
        target = addresses.parse(url)
    except ValueError:
        raise Unreachable("address") from None
    ends_at = monotonic() + policy.timeout_seconds
    with exchange(
        "POST", target, headers=headers, body=body, policy=policy, ends_at=ends_at
    ) as response:
        return Reply(response.status, _beginning(response))


def _beginning(response: httpcore.Response) -> bytes:
    found = bytearray()
    try:
        for part in response.iter_stream():
            found += part
            if len(found) >= _REPLY_BYTES_MAX:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass  # the status was said: that is the answer
    return bytes(found[:_REPLY_BYTES_MAX])
