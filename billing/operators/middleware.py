"""Hides the administration from addresses that have no business there."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from billing.operators.addresses import address_of, may_come_in


class AllowedAddresses:
    """From an address that ADMIN_ALLOWED_CIDRS leaves out, the administration is not there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request.

        Raises:
            Http404: it is for the administration, and comes from elsewhere.
        """
        if not may_come_in(address_of(request)) and _is_inside(request):
            raise Http404
        return self._get_response(request)


def _is_inside(request: HttpRequest) -> bool:
    return request.path_info.startswith(reverse("admin:index"))
