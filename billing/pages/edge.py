"""What all pages share at the edge: who may enter, in which words and colours, and the headers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from billing.accounts.authentication import counted_as
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.http import errors, limits, problems
from billing.http.requests import request_id
from billing.pages import selectors, words
from billing.pages.errors import PagesOff
from billing.pages.links import Link, Page, Right
from plans import selectors as plans
from plans.catalog.schema import Catalog
from plans.errors import NoCatalog

_THEMES: Final = ("light", "dark")
# A language is named in its own words, for who does not read the other one.
_OWN_NAMES: Final = (("en", "English"), ("zh-hans", "简体中文"))
_TAGS: Final = {"en": "en", "zh-hans": "zh-Hans"}  # as HTML calls them
_METHODS: Final = ("GET", "HEAD", "POST")
_PASSING: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_STRIPE_HOST: Final = "api.stripe.com"


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at a page, and how it is shown to him.

    Attributes:
        now: when he came.
        theme: "light", "dark", or "": as his system has it.
        chosen: what he has chosen himself, which further pages keep.
        link, token: by which he came; None: the page is everybody's.
    """

    request: HttpRequest
    now: datetime
    language: str
    theme: str
    chosen: Mapping[str, str]
    link: Link | None = None
    token: str = ""
    owner: Account | None = None

    @property
    def account(self) -> Account:
        """Whose page it is."""
        assert self.owner is not None, "only pages of an account ask"
        return self.owner

    @property
    def may_act(self) -> bool:
        """Whether he may do more than look."""
        return self.link is not None and self.link.right.covers(Right.ACT)

    @property
    def may_read(self) -> bool:
        """Whether the pages of the account are open to him."""
        return self.link is not None and self.link.right.covers(Right.READ)

    def path(self, page: Page, **query: str) -> str:
        """Return where another page stands, with what he has chosen."""
        path = reverse(f"page-{page}", args=[self.token]) if self.token else reverse("pricing")
        asked = urlencode({**self.chosen, **query})
        return f"{path}?{asked}" if asked else path

    def here(self, **query: str) -> str:
        """Return this page with something else chosen."""
        kept = {name: str(value) for name, value in self.request.GET.items()}
        return f"{self.request.path}?{urlencode({**kept, **query})}"


Show = Callable[[Visit], HttpResponseBase]


def public(show: Show) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return the edge of a page that everybody may see, and any of the origins may embed."""

    def edge(request: HttpRequest) -> HttpResponseBase:
        visit = _visit(request)
        return _guarded(_answered(visit, show), visit)

    return edge


def linked(show: Show, *, needs: Right) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """Return the edge of a page that a link opens which allows what it `needs`.

    To a link that is forged, has ended, was revoked or allows too little, it is not there.
    """

    # No cookie proves anything here: another site cannot know the address, which does.
    @csrf_exempt
    def edge(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            found = selectors.visited(token, now=timezone.now())
        except DatabaseError as away:
            return _guarded(_failed(_visit(request), away), _visit(request))
        if found is None or not found[0].right.covers(needs):
            visit = _visit(request)
            return _guarded(_answered(visit, _gone), visit)
        visit = _visit(request, token, *found)
        return _guarded(_answered(visit, show), visit)

    return edge


def shown(
    visit: Visit,
    template: str,
    title: str,
    facts: Mapping[str, Any],
    *,
    page: Page | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return a page."""
    catalog = _catalog()
    context = {
        "visit": visit,
        "title": title,
        "brand": catalog.title.said() if catalog is not None else "",
        "says": words.everywhere(),
        "language": _TAGS[translation.get_language() or ""],
        "tabs": _tabs(visit, page),
        "languages": [
            {
                "tag": _TAGS[code],
                "name": name,
                "path": visit.here(lang=code),
                "is_on": translation.get_language() == code,
            }
            for code, name in _OWN_NAMES
        ],
        "themes": [
            {"name": name, "path": visit.here(theme=code), "is_on": (visit.theme or "auto") == code}
            for code, name in words.themes().items()
        ],
        "zone": timezone.get_current_timezone_name(),
        **facts,
    }
    return render(visit.request, f"pages/{template}.html", context, status=status)


def _visit(
    request: HttpRequest, token: str = "", link: Link | None = None, owner: Account | None = None
) -> Visit:
    asked = {name: str(request.GET.get(name, "")) for name in ("lang", "theme")}
    known = {"lang": {code for code, _name in settings.LANGUAGES}, "theme": {"auto", *_THEMES}}
    chosen = {name: value for name, value in asked.items() if value in known[name]}
    theme = chosen.get("theme") or (link.theme if link else "")
    return Visit(
        request=request,
        now=timezone.now(),
        language=chosen.get("lang") or (link.language if link else "") or _browser_language(),
        theme=theme if theme in _THEMES else "",
        chosen=chosen,
        link=link,
        token=token,
        owner=owner,
    )


def _browser_language() -> str:
    return translation.get_language() or settings.LANGUAGE_CODE


def _answered(visit: Visit, show: Show) -> HttpResponseBase:
    with translation.override(visit.language), timezone.override(ZoneInfo(_zone_of(visit))):
        try:
            _require_open(visit.request)
            _count(visit)
            answer = show(visit)
        except Exception as wrong:  # noqa: BLE001 (what is no refusal is raised again)
            answer = _failed(visit, wrong)
        answer["Content-Language"] = translation.get_language() or visit.language
        return answer


def refused(visit: Visit, refusal: DomainError) -> HttpResponse:
    """Return a refusal as a page."""
    status = problems.status_of(refusal)
    title = words.refusals().get(status) or words.refusals()[HTTPStatus.BAD_REQUEST]
    facts = {"detail": refusal.message, "request_id": request_id(), "back": _way_on(visit, status)}
    answer = shown(visit, "refused", title, facts, status=status)
    for name, value in problems.headers_of(refusal).items():
        answer[name] = value
    return answer


def _way_on(visit: Visit, status: int) -> dict[str, str] | None:
    """Return where a visitor goes from a refusal; None: there are no pages, so there is no way."""
    if status in _PASSING:
        return {"path": visit.here(), "name": words.everywhere()["try_again"]}
    if not settings.PAGES_ENABLED:
        return None
    if visit.may_read:
        return {"path": visit.path(Page.BALANCE), "name": words.tabs()[Page.BALANCE]}
    return {"path": visit.path(Page.PRICING), "name": words.tabs()[Page.PRICING]}


def _failed(visit: Visit, wrong: Exception) -> HttpResponse:
    """Return as a page what went wrong, where its visitor can do something about it.

    Raises:
        Exception: it is a defect of ours.
    """
    refusal = problems.as_refusal(wrong)
    if refusal is None:
        raise wrong
    return refused(visit, refusal)


def _gone(visit: Visit) -> HttpResponse:
    """Tell of a link that opens nothing: whatever the reason, the page is the same."""
    return refused(visit, errors.NotFound(words.gone()))


def _require_open(request: HttpRequest) -> None:
    if not settings.PAGES_ENABLED:
        raise PagesOff
    if request.method not in _METHODS:
        raise errors.MethodNotAllowed(
            _("There is no %(method)s here.") % {"method": request.method}
        )


def _count(visit: Visit) -> None:
    """Count a look as a read, and a form as what REST counts its act as; no DRF throttle sees them.

    Raises:
        RateLimited, Unavailable: as `limits.spend`.
    """
    name = "money" if visit.request.method == "POST" else "reads"
    owner = visit.owner
    if owner is None:
        limits.spend(visit.request, name, limits.address_of(visit.request))
    else:
        who = counted_as(owner.external_id, is_sandbox=owner.is_sandbox)
        limits.spend(visit.request, name, {"account": who})


def _zone_of(visit: Visit) -> str:
    if visit.owner is not None:
        return visit.owner.zone
    catalog = _catalog()
    return catalog.zone if catalog is not None else settings.TIME_ZONE


def _catalog() -> Catalog | None:
    """Return the catalog in force; None: there is none, or none can be read, and yet a page is."""
    try:
        return plans.current().catalog
    except (NoCatalog, DatabaseError):
        return None


def _tabs(visit: Visit, page: Page | None) -> list[dict[str, object]]:
    """Return the way to the other pages, where they are open."""
    if not visit.may_read:
        return []
    return [
        {"page": one.value, "name": name, "path": visit.path(one), "is_on": one == page}
        for one, name in words.tabs().items()
    ]


def _guarded(answer: HttpResponseBase, visit: Visit) -> HttpResponseBase:
    """Return a page with what a browser must not do with it.

    It holds no script and no style of its own, and loads nothing from elsewhere; its address is
    told to nobody, and nobody keeps a copy.
    """
    is_embedded = visit.link is None or visit.link.is_embedded
    origins = settings.PAGES_FRAME_ANCESTORS if is_embedded else []
    rules = {
        "default-src": ["'none'"],
        "style-src": ["'self'"],
        # A bucket's pictures come from its own address.
        "img-src": ["'self'", *(["https:"] if settings.STORAGE_REDIRECTS else [])],
        "form-action": ["'self'", *_payment_origins()],
        "frame-ancestors": origins or ["'none'"],
        "base-uri": ["'none'"],
    }
    answer["Content-Security-Policy"] = "; ".join(
        " ".join([name, *values]) for name, values in rules.items()
    )
    if origins:
        answer.xframe_options_exempt = True  # type: ignore[attr-defined]  # the middleware looks for it; it knows no list
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex"
    answer["Cache-Control"] = "no-store"
    return answer


def _payment_origins() -> list[str]:
    """Return where a form may lead to: Stripe's pages, and those of what stands in for it."""
    parts = urlsplit(settings.STRIPE_API_BASE)
    is_stripe = parts.hostname == _STRIPE_HOST
    own = [] if is_stripe else [f"{parts.scheme}://{parts.netloc}"]
    return [*settings.PAGES_PAYMENT_ORIGINS, *own]
