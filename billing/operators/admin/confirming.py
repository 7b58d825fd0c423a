"""Asks for a code before an act, where the last one is too old; nothing that was filled in is lost.

It stands before every page of the site: an act cannot be written that forgets it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.errors import DomainError
from billing.operators import services
from billing.operators.addresses import address_of
from billing.operators.admin import sessions
from billing.operators.forms import CodeForm
from billing.operators.models import AccessRecord

View = Callable[..., HttpResponseBase]
_PREFIX: Final = "confirming"  # apart from whatever field the act's own form calls "code"
_CSRF: Final = "csrfmiddlewaretoken"
_LOOKS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ONLY_LOOKS: Final = "only_looks"


def only_looks(view: View) -> View:
    """Return the view, of which it is known that it changes nothing, whatever the method.

    What is looked for may be an e-mail address: it is posted, so that it stands in no address.
    """
    setattr(view, _ONLY_LOOKS, True)
    return view


def confirmed(site: AdminSite, view: View) -> View:
    """Return the view; what it changes, it changes after a code that is new enough."""

    @wraps(view)
    def asks_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 (any view's)
        changes = request.method not in _LOOKS and not hasattr(view, _ONLY_LOOKS)
        if not changes or sessions.is_fresh(request, now=timezone.now()):
            return view(request, *args, **kwargs)
        form = CodeForm(request.POST if f"{_PREFIX}-code" in request.POST else None, prefix=_PREFIX)
        if form.is_valid() and _proves(request, form):
            return view(request, *args, **kwargs)
        return _page(site, request, form)

    return asks_first


def _proves(request: HttpRequest, form: CodeForm) -> bool:
    assert isinstance(request.user, User), "nobody else comes into the admin"
    now = timezone.now()
    try:
        services.prove(
            operator=request.user,
            typed=form.cleaned_data["code"],
            kind=AccessRecord.Kind.CONFIRMED,
            address=address_of(request),
            now=now,
        )
    except DomainError as refusal:
        form.add_error("code", refusal.message)
        return False
    sessions.confirm(request, now=now)
    return True


def _page(site: AdminSite, request: HttpRequest, form: CodeForm) -> HttpResponseBase:
    context = {
        **site.each_context(request),
        "title": _("Confirm that it is you"),
        "says": _(
            "This changes something, and your last code is a while old. Type a new one: what you "
            "filled in is kept, and goes on from here."
        ),
        "go_on": _("Confirm and go on"),
        "form": form,
        "kept": _kept(request),
    }
    return render(request, "admin/billing/confirm.html", context, status=403)


def _kept(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what was filled in, but for passwords: those are typed again, and stand in no page."""
    return [
        (name, text)
        for name, texts in request.POST.lists()
        if name not in (_CSRF, f"{_PREFIX}-code") and "password" not in name
        for text in texts
    ]
