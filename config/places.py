"""What settings say of hosts and networks, as the code wants it."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def host(url: str) -> str:
    """Return the host of an address as a `Host` header says it, without its port."""
    name = urlsplit(url).hostname or ""
    return f"[{name}]" if ":" in name else name


def networks(written: list[str]) -> list[IPv4Network | IPv6Network]:
    """Return the networks of ADMIN_ALLOWED_CIDRS, or refuse to start."""
    try:
        return [ip_network(one.strip()) for one in written if one.strip()]
    except ValueError as wrong:
        raise ImproperlyConfigured(f"ADMIN_ALLOWED_CIDRS: {wrong}.") from None


def listening(written: str) -> tuple[str, int] | None:
    """Return host and port of METRICS_LISTEN, None where it is empty, or refuse to start."""
    if not written:
        return None
    try:
        parts = urlsplit(f"//{written}")
        if parts.hostname and parts.port and parts.netloc == written:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise ImproperlyConfigured(
        "METRICS_LISTEN is a host and a port, such as 127.0.0.1:9464, or empty."
    )
