"""What all pages of the pricing lab share: who looks, the frame around a draft, lines of acts."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_protect

from billing.console.lab import words
from billing.lab import services
from billing.operators import services as operators
from billing.operators.admin.acting import operator
from billing.operators.models import ActRecord
from plans.models import Draft

View = Callable[..., HttpResponseBase]
VIEW: Final = "plans.view_draft"
EDIT: Final = "plans.edit_draft"
ASK: Final = "plans.request_publicationrequest"
APPROVE: Final = "plans.approve_publicationrequest"
TAKE_BACK: Final = "plans.take_back_publicationrequest"


def looks(view: View) -> View:
    """Return a page that changes nothing though it is posted to: a text fits in no address.

    It asks for no new code, for somebody who types for longer than a code lasts would otherwise
    hear nothing of his mistakes. Who looks must be in all the same.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # noqa: ANN401 (any view's)
        if not admin.site.has_permission(request):
            return HttpResponse(status=HTTPStatus.FORBIDDEN)
        return view(request, *args, **kwargs)

    guarding: View = csrf_protect(guarded)
    return guarding


def draft_or_404(draft_id: str) -> Draft:
    """Return a draft, with who began it.

    Raises:
        Http404: there is none.
    """
    found = Draft.objects.select_related("author", "base_version").filter(pk=draft_id).first()
    if found is None:
        raise Http404
    return found


def shown(
    request: HttpRequest,
    template: str,
    title: str,
    *,
    draft: Draft | None = None,
    tab: str = "",
    status: int = HTTPStatus.OK,
    **facts: Any,  # noqa: ANN401 (whatever the page shows)
) -> HttpResponse:
    """Return a page; one of a draft with the ways to its other pages."""
    context = {
        **admin.site.each_context(request),
        "title": title,
        "says": words.says(),
        "draft": draft,
        "tabs": _tabs(draft, tab) if draft is not None else [],
        "may_edit": request.user.has_perm(EDIT),
        "may_ask": request.user.has_perm(ASK),
        **facts,
    }
    return render(request, f"console/lab/{template}.html", context, status=status)


def line(
    request: HttpRequest,
    act: str,
    row: Model | None = None,
    *,
    reason: str,
    shown: Sequence[tuple[str, str]],
) -> AbstractContextManager[ActRecord]:
    """Write down an act before it is done, and how it ended, as each window does.

    Args:
        act: on which rows, and what: "publicationrequest.approve".
        row: what it is done to; None: the act makes it.

    Raises:
        InvalidRequest: there is no reason.
    """
    services.require_reason(reason)
    return operators.written_down(
        act=act,
        operator=operator(request),
        object_type=act.partition(".")[0],
        object_id="" if row is None else row.pk,
        account_id="",
        reason=reason,
        shown=shown,
        clock=timezone.now,
    )


def note_made(request: HttpRequest, row: Model, said: str) -> None:
    """Write into the audit that this operator made a row, and tell him."""
    _note(request, row, ADDITION, said)


def note_changed(request: HttpRequest, row: Model, said: str) -> None:
    """Write into the audit that this operator changed a row, and tell him."""
    _note(request, row, CHANGE, said)


def to(name: str, *args: str) -> HttpResponseRedirect:
    """Return the way to another page of the lab."""
    return HttpResponseRedirect(reverse(f"lab-{name}", args=args))


def in_zone(at: datetime, zone: str) -> str:
    """Return an instant as a person of that zone reads it, with the zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def _note(request: HttpRequest, row: Model, flag: int, said: str) -> None:
    LogEntry.objects.log_actions(
        user_id=operator(request).pk,
        queryset=[row],
        action_flag=flag,
        change_message=said,
        single_object=True,
    )
    messages.success(request, said)


def _tabs(draft: Draft, here: str) -> list[dict[str, object]]:
    names = (
        ("prices", _("Prices")),
        ("text", _("Text")),
        ("changes", _("Changes")),
        ("effect", _("Effect")),
        ("publish", _("Publish")),
    )
    return [
        {"path": reverse(f"lab-{name}", args=[draft.pk]), "name": said, "is_on": name == here}
        for name, said in names
    ]
