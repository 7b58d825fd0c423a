"""Which addresses on the network are anybody's to call, and how a URL may name one. Pure."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_LENGTH_MAX: Final = 2048
_DOWNLOAD_LENGTH_MAX: Final = 8192  # a signed address of a store holds a whole session's token
_HOST_LENGTH_MAX: Final = 253
_PORTS: Final = {"https": 443, "http": 80}
_PORT_MAX: Final = 65535
# Below these stand mail, shells and name servers, which a POST could be made to talk to.
_FIRST_FREE_PORT: Final = 1024

# One strict grammar instead of a lenient parser: whatever two parsers could read in two ways
# (userinfo, backslashes, blanks, zone ids, escapes in the host, letters beyond ASCII) is refused.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]*)?",
    re.IGNORECASE | re.ASCII,  # else the long s of Unicode is an s
)
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
# Stores name a customer's bucket in the host, and let it hold an underscore.
_STORE_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# What may follow a host as it stands; a download's other letters are escaped.
_PLAIN: Final = "!$%&'()*+,-./:;=?@[]_~"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
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
# Those that the root never gives out (RFC 6761, RFC 6762 appendix G), and a cluster's own.
_CLOSED_NAMES: Final = {
    *("localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home"),
    *("lan", "svc", "arpa", "test", "invalid", "onion"),
}
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

    @property
    def origin(self) -> str:
        """Return scheme, host and port in one spelling: what is called, whatever is asked."""
        return f"{self.scheme}://{self.authority}"


def parse(url: str) -> Target:
    """Return what `url` names.

    Raises:
        ValueError: it is not an http(s) URL in plain spelling; the message is for its author.
    """
    return _parse(url, length_max=URL_LENGTH_MAX, label=_LABEL)


def parse_download(url: str) -> Target:
    """Return what the address of a download names, which its author will not spell anew.

    As `parse`, but longer; a fragment is dropped, letters after the host are escaped as any
    client would, and a host may hold underscores. Host and port are read as strictly.

    Raises:
        ValueError: as `parse`.
    """
    if len(url) > _DOWNLOAD_LENGTH_MAX or _CONTROL.search(url):
        raise ValueError(_("The address is too long, or holds what is no letter."))
    scheme, slashes, rest = url.partition("#")[0].partition("://")
    host = re.split(r"[/?]", rest, maxsplit=1)[0]
    escaped = quote(rest[len(host) :], safe=_PLAIN)
    return _parse(
        f"{scheme}{slashes}{host}{escaped}", length_max=_DOWNLOAD_LENGTH_MAX, label=_STORE_LABEL
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


def _parse(url: str, *, length_max: int, label: re.Pattern[str]) -> Target:
    found = _URL.fullmatch(url) if len(url) <= length_max else None
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
    literal = _literal(host, is_six=six is not None, label=label)
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


def _literal(host: str, *, is_six: bool, label: re.Pattern[str]) -> Address | None:
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
    if len(host) > _HOST_LENGTH_MAX or not all(label.fullmatch(one) for one in labels):
        raise ValueError(_("The host is not a name of the network."))
    return None
