"""Gives every request a name that its answer and each of its log lines carry."""

import logging
import re
import time
from collections.abc import Callable
from typing import Final

import structlog
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from billing.http.addresses import client_address
from billing.ids import new_id

HEADER: Final = "X-Request-Id"
# No quotes, no blanks, no controls: what is written into logs must not be able to break a line.
_SAFE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_log = logging.getLogger(__name__)


def request_id() -> str:
    """Return the name of the request (or task) that is being served; "" outside of any."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


class RequestId:
    """The outermost middleware: names the request, and writes one line when it is answered.

    A caller's own `X-Request-Id` is kept when it is safe to write into a log; otherwise a fresh
    one replaces it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request with its name bound to this thread's log lines."""
        proposed = request.headers.get(HEADER, "")
        name = proposed if _SAFE.fullmatch(proposed) else new_id("req")
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=name):
            response = self._get_response(request)
            response.headers[HEADER] = name
            # The route, never the path: a path may hold a token, and is the caller's to choose.
            match = request.resolver_match
            _log.info(
                "request answered",
                extra={
                    "method": request.method,
                    "route": match.route if match else "",
                    "address": client_address(request),
                    "status": response.status_code,
                    "milliseconds": round((time.monotonic() - started) * 1000, 1),
                },
            )
        return response

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """Refuse NUL in an address, once for all routes: PostgreSQL has no text that holds it.

        Raises:
            BadRequest: Django answers it by `handler400`.
        """
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in the address.")
