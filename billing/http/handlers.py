"""What is answered where no view does: a problem to a program, and a page to a person.

The page is drawn from settings and words alone: it is also shown while the database is away, the
session cannot be read, or the files beside it are missing.
"""

import sys
from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from billing.errors import DomainError
from billing.http import errors, problems
from billing.http.requests import request_id

# Addresses that programs ask; all others are opened by people.
_FOR_PROGRAMS: Final = ("/v1", "/webhooks", "/healthz", "/readyz", "/metrics")
_TAGS: Final[Mapping[str, str]] = {"zh-hans": "zh-Hans"}  # as HTML calls a language
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses to read; `handler400` of the URLs."""
    with _spoken(request):
        unread = errors.Malformed(_("The request cannot be read."))
        return answer(request, problems.as_refusal(exception) or unread)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django's)
    """Answer what Django forbids; `handler403` of the URLs."""
    with _spoken(request):
        return answer(request, errors.Forbidden(_("You may not do this.")))


def strange_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 (Django's)
    """Answer a form that nothing proves to come from our page; `CSRF_FAILURE_VIEW`."""
    with _spoken(request):
        sentence = _("The form is too old, or the browser keeps no cookies. Open its page again.")
        return answer(request, errors.Forbidden(sentence))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 (Django's)
    """Answer an address that no route has; `handler404` of the URLs."""
    with _spoken(request):
        return answer(request, problems.absent())


def broken(request: HttpRequest) -> HttpResponse:
    """Answer after a defect of ours, without a word about it; `handler500` of the URLs.

    A database that is away is none, and its last commit may stand.
    """
    with _spoken(request):
        if problems.is_away(sys.exception()):
            sentence = _("The service cannot answer now. See what was done before you repeat it.")
            return answer(request, errors.Unavailable(sentence))
        sentence = _("Something failed on our side. Ask us, and name the request id.")
        return answer(request, errors.Internal(sentence))


def answer(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """Return a refusal as whoever asks at this address can read it."""
    if request.path.startswith(_FOR_PROGRAMS):
        return problems.respond(refusal)
    language = translation.get_language() or settings.LANGUAGE_CODE
    status, title = problems.status_of(refusal), problems.title_of(refusal)
    facts = {
        "language": _TAGS.get(language, language),
        "status": status,
        "title": title,
        "detail": refusal.message,
        "request_id": request_id(),
        "request_id_is": _("Request id"),
        "back": _way_back(request),
        "style": _file("pages/pages.css"),
        "icon": _file("pages/icon.svg"),
    }
    headers = {**_HEADERS, "Content-Language": language, **problems.headers_of(refusal)}
    return HttpResponse(
        render_to_string("http/refused.html", facts), status=status, headers=headers
    )


def _spoken(request: HttpRequest) -> translation.override:
    """Speak as the browser asks: some are refused before the language of a request is chosen."""
    return translation.override(translation.get_language_from_request(request))


def _way_back(request: HttpRequest) -> dict[str, str]:
    """Return where to go from here: the beginning of that part which the address belongs to.

    To whom the administration is hidden, it is not named: no route was looked for then.
    """
    match = request.resolver_match
    if match is not None and "admin" in match.app_names:
        return {"path": reverse("admin:index"), "name": _("To the administration")}
    if settings.PAGES_ENABLED and request.path.startswith("/pages/"):
        if match is not None and match.kwargs:  # a link's page: its visitor has no other address
            return {"path": request.path, "name": _("Try again")}
        return {"path": reverse("pricing"), "name": _("To the prices")}
    return {"path": "/", "name": _("To the first page")}


def _file(name: str) -> str:
    """Return the address of a static file; "" where it was not collected: a plain page is one."""
    try:
        return static(name)
    except ValueError:
        return ""
