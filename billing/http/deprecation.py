"""Operations that will go: the document says so, and so does each of their answers.

A view declares `deprecated = {"GET": Deprecated(since=…, until=…, instead="…")}`. What is a change
that breaks clients, and how long they are given, stands in docs/api.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date

POLICY: Final = "/v1/docs"
_TEXT: Final = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Deprecated:
    """Since when an operation should not be used, until when it works, what to use instead."""

    since: datetime
    until: datetime
    instead: str

    @property
    def headers(self) -> dict[str, str]:
        """Return what answers carry: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Sunset": http_date(self.until.timestamp()),
            "Link": f'<{settings.PUBLIC_URL}{POLICY}>; rel="deprecation"; type="text/html"',
        }


def declared_by(view: object, method: str | None) -> Deprecated | None:
    """Return what a view says of one of its methods; None: it stays."""
    found: Deprecated | None = getattr(view, "deprecated", {}).get(method)
    return found


def show(operation: dict[str, Any], deprecated: Deprecated | None) -> None:
    """Say in the document that an operation will go, when, and what to use instead."""
    if deprecated is None:
        return
    operation["deprecated"] = True
    operation["description"] = (
        f"{operation['description']}\n\nDeprecated: it answers until "
        f"{deprecated.until:%Y-%m-%d}. Use {deprecated.instead}."
    )
    for response in operation["responses"].values():
        response.setdefault("headers", {}).update(
            {
                "Deprecation": {"description": "Since when (RFC 9745).", "schema": _TEXT},
                "Sunset": {"description": "Until when it answers (RFC 8594).", "schema": _TEXT},
            }
        )


class DeprecationHeaders:
    """The middleware that puts the headers on each answer of such an operation, refusals too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and say what is to be said of the operation."""
        response = self._get_response(request)
        match = request.resolver_match
        view = getattr(match.func, "cls", None) if match else None
        deprecated = declared_by(view, request.method)
        if deprecated is not None:
            for name, value in deprecated.headers.items():
                response.headers[name] = value
        return response
