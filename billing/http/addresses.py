"""Where a request comes from: the one answer that limits and logs share."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from django.conf import settings
from django.http import HttpRequest

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
# Some proxies write the port down too: 192.0.2.1:5000, [2001:db8::1]:5000.
_WITH_PORT: Final = re.compile(r"\[(?P<six>[^\[\]]+)\](:\d+)?|(?P<four>[\d.]+):\d+")
_HOUSEHOLD_BITS: Final = 64  # what one line of a provider gets at least, to change as it likes


@dataclass(frozen=True)
class Proxies:
    """Whom we believe when he says for whom he asks.

    Attributes:
        hops: how many proxies stand in front of us, one behind the other.
        networks: or the networks in which they stand, however many they are.
    """

    hops: int = 0
    networks: tuple[_Network, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what TRUSTED_PROXIES says: a number of hops, or networks with commas between.

        Raises:
            ValueError: it is neither.
        """
        words = [word.strip() for word in text.split(",") if word.strip()]
        if len(words) == 1 and words[0].isascii() and words[0].isdigit():
            return cls(hops=int(words[0]))
        return cls(networks=tuple(ipaddress.ip_network(word) for word in words))

    def believe(self, speaker: _Address | None, *, hop: int) -> bool:
        """Say whether `speaker`, who is `hop` proxies away from us, tells for whom he asks."""
        is_known = speaker is not None and any(speaker in network for network in self.networks)
        return is_known or hop < self.hops


def client_address(request: HttpRequest) -> str:
    """Return the address of who asks, as the farthest proxy that we believe has seen it.

    `X-Forwarded-For` counts only as far as TRUSTED_PROXIES have written it: what stands to the
    left of that is the caller's own word. "" where the server knows of none (a Unix socket).
    """
    proxies: Proxies = settings.TRUSTED_PROXIES
    found = _read(request.META.get("REMOTE_ADDR", ""))
    told = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    for hop, word in enumerate(reversed(told)):
        before = _read(word) if proxies.believe(found, hop=hop) else None
        if before is None:
            break
        found = before
    return "" if found is None else str(found)


def household_of(address: str) -> str:
    """Return who is counted as one: an IPv4 address, and of an IPv6 address its /64."""
    found = _read(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, _HOUSEHOLD_BITS), strict=False))
    return "" if found is None else str(found)


def _read(word: str) -> _Address | None:
    """Return an address in its one form; None for what is none."""
    text = word.strip()
    with_port = _WITH_PORT.fullmatch(text)
    if with_port:
        text = with_port["six"] or with_port["four"]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
