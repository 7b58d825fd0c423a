"""The page of an account, and the notes that are written on it."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing.accounts.models import Account
from billing.console.accounts import course, grants, lists, overview
from billing.console.accounts.acts import offered
from billing.console.accounts.says import says
from billing.console.accounts.seeing import sees
from billing.console.accounts.wording import instant_text
from billing.errors import DomainError
from billing.http import links
from billing.insights.since import read_since
from billing.notes import selectors as notes
from billing.notes import services
from billing.notes.forms import NoteForm
from billing.operators import services as operators

_MAY_WRITE = "billing.write_accountnote"


@permission_required("billing.view_account", raise_exception=True)
def account(request: HttpRequest, account_id: str) -> HttpResponse:
    """Show an account: what it has and why, what happened to it, and what was noted on it."""
    return _shown(request, get_object_or_404(Account, pk=account_id), NoteForm())


@require_POST
@permission_required(_MAY_WRITE, raise_exception=True)
def write_note(request: HttpRequest, account_id: str) -> HttpResponse:
    """Write a note on an account; what is no note is shown again with what is wrong."""
    noted = get_object_or_404(Account, pk=account_id)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _shown(request, noted, form)
    author, text = _reader(request), form.cleaned_data["text"]
    # A note is its own reason; the line says when, by whom and on whom it was written.
    with operators.written_down(
        act="accountnote.write",
        operator=author,
        object_type="accountnote",
        object_id="",
        account_id=noted.pk,
        reason=text,
        shown=[],
        clock=timezone.now,
    ) as line:
        line.object_id = services.write(
            account=noted, author=author, text=text, now=timezone.now()
        ).pk
    messages.success(request, _("The note is written."))
    return HttpResponseRedirect(f"{links.account_path(noted.pk)}#notes")


def _shown(request: HttpRequest, shown: Account, form: NoteForm) -> HttpResponse:
    plan, reader = overview.member(shown), _reader(request)
    sees_wallet = sees(reader, "wallet", "grant", "hold", "entry")
    state = overview.state(shown, plan.standing) if sees_wallet else None
    context = {
        **admin.site.each_context(request),
        "title": shown.external_id,
        "account": shown,
        "window": links.row_path(shown),
        "says": says(),
        "facts": overview.heading(shown, plan, reader=reader),
        "flags": list(overview.flags(shown, plan, state)),
        "acts": offered(shown, reader),
        "sees_wallet": sees_wallet,
        **({} if state is None else _of_wallet(request, shown, state)),
        "tables": lists.tables(shown, reader=reader),
        "sees_notes": sees(reader, "accountnote"),
        "notes": [
            {"text": one.text, "author": one.author, "at": instant_text(one.written_at)}
            for one in notes.latest(shown)[: lists.SHOWN]
        ]
        if sees(reader, "accountnote")
        else [],
        "note_form": form if reader.has_perm(_MAY_WRITE) else None,
        "note_path": links.notes_path(shown.pk),
    }
    return render(request, "console/account.html", context)


def _of_wallet(request: HttpRequest, shown: Account, state: overview.State) -> dict[str, Any]:
    now = state.balance.as_of
    since, wrong = _since(request, now)
    try:
        why = overview.explanation(shown, since=since)
    except DomainError as refusal:
        why, wrong = [], refusal.message
    return {
        "balance": overview.amounts(state.balance),
        "course": course.drawn(state.wallet, state.movements, now=now),
        "grants": grants.along_time(state.wallet, now=now),
        "why": why,
        "since": request.GET.get("since", ""),
        "since_wrong": wrong,
    }


def _since(request: HttpRequest, now: datetime) -> tuple[datetime | None, str]:
    """Return from when on the balance is told, and what is wrong with what was typed."""
    typed = request.GET.get("since", "").strip()
    try:
        return (read_since(typed, now=now) if typed else None), ""
    except (ValueError, OverflowError):
        return None, _("Write 30d, 12h, a date or an instant.")


def _reader(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "nobody else comes into the admin"
    return request.user
