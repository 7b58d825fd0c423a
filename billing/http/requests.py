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
from billing.telemetry import meters, tracing

HEADER: Final = "X-Request-Id"
# They belong to the trace of the attempt that they speak of, which their view knows.
_JOIN_A_TRACE: Final = "/webhooks/backends/"
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
        with (
            structlog.contextvars.bound_contextvars(request_id=name),
            meters.IN_FLIGHT.track_inprogress(),
        ):
            if not tracing.is_on() or request.path_info.startswith(_JOIN_A_TRACE):
                return self._answer(request, name)
            asked = request.headers.get("traceparent", "")
            with tracing.at_the_door(asked, str(request.method), {"request_id": name}):
                return self._answer(request, name)

    def _answer(self, request: HttpRequest, name: str) -> HttpResponse:
        started = time.monotonic()
        response = self._get_response(request)
        seconds = time.monotonic() - started
        response.headers[HEADER] = name
        # The route, never the path: a path may hold a token, and is the caller's to choose.
        match = request.resolver_match
        route, method = match.route if match else "", str(request.method)
        status = response.status_code
        meters.answered(route=route, method=method, status=status, seconds=seconds)
        tracing.note(f"{method} {route}".strip(), status=status)
        _log.info(
            "request answered",
            extra={
                "method": request.method,
                "route": route,
                "address": client_address(request),
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
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
