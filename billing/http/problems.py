"""The one place where refusals become HTTP: RFC 9457 problem documents, and nothing else."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.core import exceptions as django_exceptions
from django.db import (
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer

from billing.errors import DomainError, ErrorKind
from billing.http import errors
from billing.http.requests import request_id
from billing.telemetry import meters

CONTENT_TYPE: Final = "application/problem+json"
# The page that says of each code what it means and what mends it; `explaining` shows it.
PAGE: Final = "/v1/problems"
STATUS: Final[Mapping[ErrorKind, int]] = {
    ErrorKind.MALFORMED: 400,
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.PAYMENT_REQUIRED: 402,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.TOO_LARGE: 413,
    ErrorKind.INVALID: 422,
    ErrorKind.LIMITED: 429,
    ErrorKind.UNAVAILABLE: 503,
}
assert set(STATUS) == set(ErrorKind), "every kind needs a status"
# Statuses that only the protocol itself has; no refusal of a service belongs here.
_STATUS_OF_CODE: Final[Mapping[str, int]] = {
    errors.MethodNotAllowed.code: 405,
    errors.NotAcceptable.code: 406,
    errors.UnsupportedMediaType.code: 415,
    errors.RangeNotSatisfiable.code: 416,
    errors.Internal.code: 500,
}
_TITLES: Final[Mapping[int, str | Promise]] = {
    400: gettext_lazy("The request cannot be read."),
    401: gettext_lazy("Say who you are."),
    402: gettext_lazy("More credits are needed."),
    403: gettext_lazy("This is not allowed."),
    404: gettext_lazy("There is nothing here."),
    405: gettext_lazy("There is no such method here."),
    406: gettext_lazy("This media type is not spoken here."),
    409: gettext_lazy("The state of things is against it."),
    413: gettext_lazy("The request is too large."),
    415: gettext_lazy("The body must be JSON."),
    416: gettext_lazy("The file has no such part."),
    422: gettext_lazy("The request asks for something that is not on offer."),
    429: gettext_lazy("Too much at once."),
    500: gettext_lazy("We made a mistake."),
    503: gettext_lazy("Not available for the moment."),
}
# Where a status is shared by refusals that ask for different things.
_TITLE_OF_CODE: Final[Mapping[str, str | Promise]] = {
    "quota_exceeded": gettext_lazy("What may be used in this time is used up.")
}
_RETRY_AFTER: Final = "retry_after_seconds"
_RETRY_AFTER_DEFAULTS: Final[Mapping[int, int]] = {429: 5, 503: 5}
# A server that takes no writes, such as a standby before its promotion, and a transaction that
# outlived a limit: psycopg counts these states among the errors that nobody foresees.
_AWAY_STATES: Final = frozenset({"25006", "25P03", "25P04"})
# A session that no longer has a statement of `plans.asking`, or has it for a table as it was before
# a migration: the next time it is made anew.
_FORGOTTEN_STATES: Final = frozenset({"26000", "0A000"})
_log = logging.getLogger(__name__)


def status_of(refusal: DomainError | type[DomainError]) -> int:
    """Return the HTTP status that tells a caller what he can do about `refusal`."""
    return _STATUS_OF_CODE.get(refusal.code, STATUS[refusal.kind])


def title_of(refusal: DomainError) -> str:
    """Return the headline that refusals of this status share."""
    return str(_TITLE_OF_CODE.get(refusal.code, _TITLES[status_of(refusal)]))


def problem(refusal: DomainError) -> tuple[int, dict[str, object]]:
    """Return the status and the problem document; no fact replaces a member of the document."""
    meters.REFUSALS.labels(refusal.code).inc()
    status = status_of(refusal)
    document: dict[str, object] = {
        "type": f"{settings.PUBLIC_URL}{PAGE}#{refusal.code}",
        "title": title_of(refusal),
        "status": status,
        "code": refusal.code,
        "detail": refusal.message,
        "request_id": request_id(),
    }
    return status, document | {k: v for k, v in refusal.facts.items() if k not in document}


def headers_of(refusal: DomainError) -> dict[str, str]:
    """Return the headers that a refusal's status demands."""
    status = status_of(refusal)
    seconds = refusal.facts.get(_RETRY_AFTER, _RETRY_AFTER_DEFAULTS.get(status))
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        headers["Content-Range"] = f"bytes */{refusal.facts['bytes']}"
    return headers


def answer_refusal(exc: Exception, _context: Mapping[str, Any]) -> HttpResponse | None:
    """Return the answer to an exception of a view; None leaves it to Django as a defect (500).

    JSON also where the view itself speaks HTML: a page that shows the document, say.
    """
    refusal = as_refusal(exc)
    return None if refusal is None else respond(refusal)


def as_refusal(exc: Exception) -> DomainError | None:
    """Return `exc` as a refusal of ours, whoever raised it; None for a defect of the program."""
    if isinstance(exc, DomainError):
        return exc
    if is_away(exc):
        return _away(exc)
    return next((seen_as(exc) for kinds, seen_as in _SEEN_AS if isinstance(exc, kinds)), None)


def is_away(exc: BaseException | None) -> bool:
    """Say whether the database could not do its work; what it was at may be done all the same."""
    if isinstance(exc, NotSupportedError | ProgrammingError):
        return getattr(exc.__cause__, "sqlstate", "") in _FORGOTTEN_STATES
    if isinstance(exc, InternalError):
        return getattr(exc.__cause__, "sqlstate", "") in _AWAY_STATES
    return isinstance(exc, OperationalError | InterfaceError)


def absent(*, pointer: str = "", header: str = "") -> errors.NotFound:
    """Return the one refusal for what does not exist and for what is another's.

    Args:
        pointer: the JSON Pointer of the name in the body; "" where the path has it.
        header: the header that has the name.
    """
    if header:
        return errors.NotFound(
            _("The header %(header)s names nothing that is there for you.") % {"header": header},
            header=header,
        )
    sentence = _("There is nothing of that name.")
    if not pointer:
        return errors.NotFound(sentence)
    complaint = {"pointer": pointer, "code": errors.NotFound.code, "detail": sentence}
    return errors.NotFound(sentence, errors=[complaint])


def input_errors(detail: object, pointer: str = "") -> list[dict[str, str]]:
    """Return a serializer's complaints as `{pointer, code, detail}`, one for each sentence.

    Args:
        detail: `ValidationError.detail`, nested as the input is.
        pointer: the JSON Pointer (RFC 6901) of the input that `detail` speaks of.
    """
    return list(_complaints(detail, pointer))


def no_method(request: HttpRequest) -> HttpResponse:
    """Answer a method that an address does not have, for edges outside Django REST Framework."""
    return respond(
        errors.MethodNotAllowed(_("There is no %(method)s here.") % {"method": request.method})
    )


def respond(refusal: DomainError) -> HttpResponse:
    """Return a refusal as HTTP, for edges outside Django REST Framework."""
    status, body = problem(refusal)
    return HttpResponse(
        JSONRenderer().render(body),
        status=status,
        headers=headers_of(refusal),
        content_type=CONTENT_TYPE,
    )


def _away(exc: Exception) -> DomainError:
    _log.error("the database refused", exc_info=exc)
    return errors.Unavailable(
        _("The service cannot answer now. Repeat the request, with the same key.")
    )


def _wrong_input(exc: exceptions.ValidationError) -> DomainError:
    return errors.Malformed(
        _("The request has something wrong in it; `errors` says where."),
        errors=input_errors(exc.detail),
    )


def _wait_of(exc: exceptions.Throttled) -> float:
    found: float | None = getattr(exc, "wait", None)  # DRF leaves it unset when it does not know
    return found or 0


def _throttled(exc: exceptions.Throttled) -> DomainError:
    return errors.RateLimited(
        _("Too many requests; wait a little."), retry_after_seconds=max(1, math.ceil(_wait_of(exc)))
    )


# What others raise, as refusals of ours; the first line that fits. An absent object's own words
# are never passed on: a foreign one must answer exactly as an absent one.
_SEEN_AS: Final[tuple[tuple[tuple[type[Exception], ...], Callable[[Any], DomainError]], ...]] = (
    ((Http404, exceptions.NotFound), lambda _exc: absent()),
    (
        (django_exceptions.PermissionDenied, exceptions.PermissionDenied),
        lambda _exc: errors.Forbidden(_("You may not do this.")),
    ),
    ((exceptions.ValidationError,), _wrong_input),
    ((exceptions.ParseError,), lambda exc: errors.Malformed(str(exc.detail))),
    (
        (exceptions.NotAuthenticated, exceptions.AuthenticationFailed),
        lambda _exc: errors.Unauthenticated(
            _("Send a valid token or service key as `Authorization: Bearer …`.")
        ),
    ),
    ((exceptions.MethodNotAllowed,), lambda exc: errors.MethodNotAllowed(str(exc.detail))),
    (
        (exceptions.NotAcceptable,),
        lambda _exc: errors.NotAcceptable(_("Answers are application/json.")),
    ),
    (
        (exceptions.UnsupportedMediaType,),
        lambda _exc: errors.UnsupportedMediaType(_("Send the body as application/json.")),
    ),
    ((exceptions.Throttled,), _throttled),
    (
        (django_exceptions.RequestDataTooBig,),
        lambda _exc: errors.TooLarge(_("The body is too large.")),
    ),
    (
        (UnreadablePostError, django_exceptions.BadRequest, django_exceptions.SuspiciousOperation),
        lambda _exc: errors.Malformed(_("The request cannot be read.")),
    ),
)


def _complaints(detail: object, pointer: str) -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = pointer if name == "non_field_errors" else f"{pointer}/{_escaped(name)}"
            yield from _complaints(inner, here)
    elif isinstance(detail, list | tuple):
        for place, inner in enumerate(detail):
            # A list of sentences is about this place; a list of mappings is about its members.
            here = f"{pointer}/{place}" if isinstance(inner, Mapping | list | tuple) else pointer
            yield from _complaints(inner, here)
    else:
        code = str(getattr(detail, "code", "invalid"))
        yield {"pointer": pointer, "code": code, "detail": str(detail)}


def _escaped(name: object) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")
