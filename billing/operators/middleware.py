"""Hides the administration from addresses that have no business there."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from billing.operators.addresses import address_of, may_come_in

_NOWHERE: Final = "/-/"  # no address of ours


class AllowedAddresses:
    """From an address that ADMIN_ALLOWED_CIDRS leaves out, the administration is not there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; for the administration and from elsewhere, as an absent address.

        It is led to one, so that not even a header or a redirect tells the two apart.
        """
        if not may_come_in(address_of(request)) and _is_inside(request):
            request.path_info = _NOWHERE
        return self._get_response(request)


def _is_inside(request: HttpRequest) -> bool:
    inside = reverse("admin:index")
    return request.path_info.startswith(inside) or request.path_info == inside.rstrip("/")
