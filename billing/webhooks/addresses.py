"""Which addresses on the network are anybody's to call, and how a URL may name one. Pure."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_LENGTH_MAX: Final = 2048
_HOST_LENGTH_MAX: Final = 253
_PORTS: Final = {"https": 443, "http": 80}
_PORT_MAX: Final = 65535
# Below these stand mail, shells and name servers, which a POST could be made to talk to.
_FIRST_FREE_PORT: Final = 1024

# One strict grammar instead of a lenient parser: whatever two parsers could read in two ways
# (userinfo, backslashes, blanks, zone ids, escapes in the host, letters beyond ASCII) is refused.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9.-]{1,253}))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*)?",
    re.IGNORECASE | re.ASCII,  # else the long s of Unicode is an s
)
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")

# Written out (IANA's special-purpose registries) because `is_global` differs between versions
# of Python; both must agree. 168.63.129.16 is a cloud's metadata service on a public address.
_CLOSED: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("168.63.129.16/32", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
# Last labels of names that only a local network knows; a name of one label is such a one too.
_CLOSED_NAMES: Final = {"localhost", "local", "internal", "lan", "arpa", "test", "invalid", "onion"}
# The whole of IPv6 that is given out; mapped, NAT64 and local addresses all stand outside it.
_GIVEN_OUT: Final = ipaddress.IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart without a doubt.

    Attributes:
        host: as it is resolved and as TLS checks it; an IPv6 address without brackets.
        authority: host and port as the `Host` header says them.
        path: path and query, at least "/".
        literal: the address, if the host is one.
    """

    scheme: str
    host: str
    port: int
    authority: str
    path: str
    literal: Address | None


def parse(url: str) -> Target:
    """Return what `url` names.

    Raises:
        ValueError: it is not an http(s) URL in plain spelling; the message is for its author.
    """
    found = _URL.fullmatch(url) if len(url) <= URL_LENGTH_MAX else None
    if found is None:
        raise ValueError(
            _(
                "Give a plain http(s) address: no user name, no fragment, no blanks, "
                "and names beyond ASCII in punycode."
            )
        )
    scheme = found["scheme"].lower()
    port = int(found["port"] or _PORTS[scheme])
    if port not in _PORTS.values() and not _FIRST_FREE_PORT <= port <= _PORT_MAX:
        raise ValueError(_("Use port 443, 80, or one from 1024 up."))
    six = found["six"]
    host = (six or found["name"]).lower()
    literal = _literal(host, is_six=six is not None)
    shown = f"[{host}]" if six else host
    path = found["target"] or "/"
    return Target(
        scheme=scheme,
        host=host,
        port=port,
        authority=shown if port == _PORTS[scheme] else f"{shown}:{port}",
        path=path if path.startswith("/") else f"/{path}",
        literal=literal,
    )


def require_public(url: str) -> None:
    """Return if by its spelling `url` is somebody's on the public network; nothing is resolved.

    For addresses that others will fetch: what a name stands for then, only they can see.

    Raises:
        ValueError: it is not; the message is for its author.
    """
    target = parse(url)
    labels = target.host.rstrip(".").split(".")
    is_ours_alone = (
        not is_public(target.literal)
        if target.literal is not None
        else len(labels) == 1 or labels[-1] in _CLOSED_NAMES
    )
    if is_ours_alone:
        raise ValueError(_("This address is not on the public network."))


def may_call(address: Address, *, allowed: Iterable[Network]) -> bool:
    """Return whether a request of ours may go to `address`: it is public, or in `allowed`."""
    return is_public(address) or is_in(address, allowed)


def is_public(address: Address) -> bool:
    """Return whether `address` is an ordinary one of the public network, in its only spelling.

    IPv4 addresses inside IPv6 ones (mapped, 6to4, NAT64, Teredo) are not: nobody needs them to
    be reached, and each hides an address that would have to be judged in its stead.
    """
    if isinstance(address, ipaddress.IPv6Address) and (
        address.scope_id is not None or address not in _GIVEN_OUT
    ):
        return False
    return address.is_global and not is_in(address, _CLOSED)


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Return whether one of `networks` holds `address`."""
    return any(address.version == network.version and address in network for network in networks)


def _literal(host: str, *, is_six: bool) -> Address | None:
    """Return the address that `host` is; None for a name.

    Raises:
        ValueError: it is an address in an unusual spelling (127.1, 0x7f.1, 017700000001), which
            some resolvers understand; or no name at all.
    """
    labels = host.split(".")
    try:
        if is_six:
            return ipaddress.IPv6Address(host)
        if _NUMBER.fullmatch(labels[-1]):
            return ipaddress.IPv4Address(host)
    except ipaddress.AddressValueError:
        raise ValueError(_("Write an address of numbers in its usual form.")) from None
    if len(host) > _HOST_LENGTH_MAX or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(_("The host is not a name of the network."))
    return None
