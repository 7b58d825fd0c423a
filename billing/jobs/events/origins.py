"""Which pages of other origins may listen: those that EVENTS_ORIGINS names, and no others."""

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

_ALLOWED_HEADERS: Final = "Authorization, Last-Event-ID, X-Account, X-Organization"


def header(scope: Mapping[str, Any], name: bytes) -> str:
    """Return a header of an ASGI request; "" where it has none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def is_preflight(scope: Mapping[str, Any]) -> bool:
    """Say whether a browser only asks what a page of another origin may do."""
    asks = scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method")
    return bool(asks)


def headers_for(scope: Mapping[str, Any]) -> dict[str, str]:
    """Return what lets a browser show the answer to the page that asked; it knows us by no cookie.

    To another origin than those, nothing is said, and its browser keeps the answer from it.
    """
    found: dict[str, str] = {}
    origin = header(scope, b"origin")
    if origin in settings.EVENTS_ORIGINS:
        found["Access-Control-Allow-Origin"] = origin
        if is_preflight(scope):
            found["Access-Control-Allow-Methods"] = "GET"
            found["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
            found["Access-Control-Max-Age"] = "600"
    return found
