"""The page that the `type` of every problem leads to: what each code means and what mends it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_cache_control

from billing.http import problems, refusing

_FRESH_SECONDS = 3600


def problems_page(request: HttpRequest) -> HttpResponse:
    """Show every code; in English, as the document is: it is for those who write clients."""
    if request.method not in {"GET", "HEAD"}:
        return problems.no_method(request)
    rows = [
        {
            "code": code,
            "status": refusing.status_of(code),
            "meanings": refusing.meanings(code),
            "remedy": refusing.remedy(code),
        }
        for code in refusing.codes()
    ]
    with translation.override("en"):
        page = render(request, "http/problems.html", {"rows": rows})
    patch_cache_control(page, public=True, max_age=_FRESH_SECONDS)
    return page
