"""What may stand behind the question mark: what the document names, each once, and nothing else.

A misspelt filter would otherwise answer another question than was asked, without a word.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from billing.http import errors, problems
from billing.http.pagination import PARAMETERS

_SHOWN_MAX: Final = 64


class KnownParameters:
    """Refuses, once for all views of the contract, a parameter that an operation does not name.

    A view that says `any_parameters` ignores what it does not know: an address that people pass on
    (of a film, say) comes back with what apps and caches have put behind it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        return self._get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Any,  # noqa: ANN401 (a function, as frameworks make them)
        *_arguments: object,
    ) -> HttpResponse | None:
        """Return the refusal; None: what is asked is known."""
        kind: Any = getattr(view, "cls", None)
        if not hasattr(kind, "authz") or getattr(kind, "any_parameters", False):
            return None
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method.lower() not in kind.http_method_names or not hasattr(kind, method.lower()):
            return None  # refused by the view; and no word of a stranger's is kept in a cache
        known = known_to(kind, method)
        for name, said in request.GET.lists():
            if name not in known:
                return _refuse(_("There is no parameter `%(name)s` here."), name)
            if len(said) > 1:
                return _refuse(_("The parameter `%(name)s` is said more than once."), name)
        return None


@cache
def known_to(view: Any, method: str) -> frozenset[str]:  # noqa: ANN401 (a class of DRF's)
    """Return the names that the document gives the query parameters of an operation."""
    paged = method == "GET" and getattr(view, "paged", False)
    known = set(PARAMETERS) if paged else set()
    told = getattr(getattr(view, method.lower(), None), "kwargs", {})  # by `extend_schema`
    if "schema" in told:
        schema, asked = told["schema"](), view()
        asked.request, asked.kwargs = None, {}
        schema.view, schema.method = asked, method
        known |= {
            one.name
            for one in schema.get_override_parameters()
            if one.location == OpenApiParameter.QUERY
        }
    return frozenset(known)


def _refuse(sentence: str, name: str) -> HttpResponse:
    shown = name[:_SHOWN_MAX]
    return problems.respond(errors.Malformed(sentence % {"name": shown}, parameter=shown))
