"""In which language Stripe's pages are shown, and where a buyer may be led back to from them."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from billing.payments.errors import UnsafeAddress

LENGTH_MAX: Final = 2000


def require_safe(url: str, *, pointer: str, is_live: bool) -> None:
    """Return if a buyer may be led to `url`.

    By https; on this machine alone also without, where no real money moves. Where operators have
    named the hosts of their platform (`RETURN_HOSTS`), to those and to our own pages alone.

    Args:
        pointer: where it stands in the request.
        is_live: real money moves.

    Raises:
        UnsafeAddress: he may not.
    """
    if not _is_safe(url, is_live=is_live):
        raise UnsafeAddress(pointer=pointer)


def language_of(language: str) -> str:
    """Return a language of Django's as Stripe calls it; "auto": the browser's."""
    return "zh" if language.startswith("zh") else language or "auto"


def _is_safe(url: str, *, is_live: bool) -> bool:
    if len(url) > LENGTH_MAX or not url.isascii() or any(c.isspace() or c in "\\\x7f" for c in url):
        return False
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or not url.isprintable():
        return False
    if _is_this_machine(host):
        return parts.scheme in {"http", "https"} and not is_live
    hosts: list[str] = settings.RETURN_HOSTS
    own = urlsplit(settings.PUBLIC_URL).hostname
    return parts.scheme == "https" and (not hosts or host in {*hosts, own})


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
