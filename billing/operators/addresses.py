"""From which address a request comes, and whether that one may see the administration."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest

from billing.http.addresses import client_address

Address = IPv4Address | IPv6Address


def address_of(request: HttpRequest) -> Address | None:
    """Return who asks, past the proxies that we believe; None where no address is known."""
    told = client_address(request)
    return ip_address(told) if told else None


def may_come_in(address: Address | None) -> bool:
    """Say whether ADMIN_ALLOWED_CIDRS lets an address see the administration; empty: any."""
    if not settings.ADMIN_ALLOWED_CIDRS:
        return True
    return address is not None and any(address in net for net in settings.ADMIN_ALLOWED_CIDRS)
