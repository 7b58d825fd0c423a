"""The site that every window stands on: two proofs before any page, a new code before any act."""

from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Any, Final

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from unfold.sites import UnfoldAdminSite

from billing.operators import services
from billing.operators.addresses import address_of
from billing.operators.admin import pages, sessions
from billing.operators.admin.confirming import View, confirmed
from billing.operators.models import AccessRecord

# They show no row: nothing of them is written down.
_SHOWS_NO_ROW: Final = frozenset(
    {"index", "jsi18n", "search", "app_list", "password_change", "password_change_done"}
)

_LOOKS_FOR_ACCOUNTS: Final = "billing.view_account"


class OperatorSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    """Nobody sees a page of it by a password alone, a superuser neither."""

    index_template = "admin/billing/dashboard.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Say whether an operator is in, and has proven himself by a second factor."""
        return super().has_permission(request) and sessions.is_in(request, now=timezone.now())

    def admin_view(self, view: View, cacheable: bool = False) -> Callable[..., Any]:  # noqa: FBT001, FBT002 (as the base)
        """Return a page behind both proofs; what it changes needs a new code; a look is noted."""
        # Whoever goes need not prove who he is.
        guarded = view if view == self.logout else confirmed(self, _noted(view))
        wrapped: Callable[..., Any] = super().admin_view(guarded, cacheable)
        return wrapped

    def _build_app_dict(
        self, request: HttpRequest, label: str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return what Django sorts into lists, with names as text.

        To sort a hundred words that are translated when they are looked at takes each page longer
        than all else that it does.
        """
        apps: dict[str, dict[str, Any]] = super()._build_app_dict(request, label)
        for app in apps.values():
            for window in app["models"]:
                window["name"] = str(window["name"])
        return apps

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every page shows: a way past the sidebar, and the box of the search."""
        context: dict[str, Any] = super().each_context(request)
        context["skip_says"] = _("To the content")
        if request.user.has_perm(_LOOKS_FOR_ACCOUNTS):
            context["search_box"] = {
                "path": reverse("console-search"),
                "hint": _("id, e-mail, code …"),
                "title": _("Look for anything"),
                "button": _("Search"),
            }
        return context

    def extra_urls(self) -> list[URLPattern]:
        """Return the pages on the way in, and an operator's own."""
        return [
            path("login/code/", _on_the_way(partial(pages.code, self)), name="code"),
            path("login/enrol/", _on_the_way(partial(pages.enrol, self)), name="enrol"),
            path("login/qr.svg", _on_the_way(partial(pages.picture, self)), name="qr"),
            path(
                "second-factor/",
                self.admin_view(partial(pages.second_factor, self)),
                name="second_factor",
            ),
        ]

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for name and password."""
        page: HttpResponse = _on_the_way(partial(pages.sign_in, self))(request)
        return page

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """End the session."""
        if request.method == "POST" and isinstance(request.user, User):
            services.note(
                AccessRecord.Kind.SIGNED_OUT,
                operator=request.user,
                address=address_of(request),
                now=timezone.now(),
            )
        left: HttpResponse = super().logout(request, extra_context)
        return left


def _on_the_way(page: Callable[..., HttpResponse]) -> Callable[..., Any]:
    """Return a page for whoever is not in yet: no cache keeps it, and no report what he types."""
    hidden = sensitive_post_parameters("password", "code")(page)
    return never_cache(csrf_protect(hidden))


def _noted(view: View) -> View:
    """Return the view; whoever looks at rows by it is written down, with the path and no more."""

    @wraps(view)
    def notes(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 (any view's)
        page = view(request, *args, **kwargs)
        name = request.resolver_match.url_name if request.resolver_match else ""
        # A list is shown to who posts to it, too.
        is_look = request.method in {"GET", "POST"} and page.status_code == HTTPStatus.OK
        if is_look and name not in _SHOWS_NO_ROW and isinstance(request.user, User):
            services.note(
                AccessRecord.Kind.VIEWED,
                operator=request.user,
                address=address_of(request),
                what=request.path,
                now=timezone.now(),
            )
        return page

    return notes
