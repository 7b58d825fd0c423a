"""How a draft comes to be published: asked for by one person, decided on by another."""

from datetime import datetime, time, timedelta
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.console.lab import changes, edge, tables
from billing.console.lab.effect import is_old, zone
from billing.errors import DomainError
from billing.lab import services
from billing.lab.services import Telling
from billing.notices import letters
from billing.notices.kinds import Fact, Kind, written
from billing.notices.letters import Letter
from billing.notices.models import Notice
from billing.operators.admin.acting import operator
from plans import drafting
from plans.catalog import publish as publishing
from plans.models import TEXT_LENGTH_MAX, CatalogVersion, Draft, PublicationRequest, Simulation

_SHOWN: Final = 100
_WEEK: Final = 7
_WRITTEN: Final = "%Y-%m-%dT%H:%M"  # as an input of the kind datetime-local has it


class _Asking(forms.Form):
    begins = forms.DateTimeField(input_formats=[_WRITTEN, "%Y-%m-%dT%H:%M:%S"])
    zone = forms.CharField(max_length=64)
    reason = forms.CharField(max_length=TEXT_LENGTH_MAX)
    audience = forms.ChoiceField(choices=PublicationRequest.Audience.choices)
    text_en = forms.CharField(required=False)
    text_zh = forms.CharField(required=False)

    def instant(self) -> datetime:
        """Return the instant that is meant: that wall's clock, in that zone.

        Raises:
            ValueError: there is no such zone.
        """
        try:
            there = ZoneInfo(self.cleaned_data["zone"])
        except ZoneInfoNotFoundError as error:
            raise ValueError(_("There is no such time zone.")) from error
        wall: datetime = self.cleaned_data["begins"]
        return wall.replace(tzinfo=there)


@permission_required(edge.VIEW, raise_exception=True)
def publish(request: HttpRequest, draft_id: str) -> HttpResponseBase:
    """Look at what would be published, for whom and when; then ask for exactly that."""
    draft = edge.draft_or_404(draft_id)
    form = _Asking(request.POST or None, initial=_proposed())
    facts: dict[str, Any] = {}
    refusal, status = "", HTTPStatus.OK
    # The walls' clock of the form is no instant until its zone is known.
    with timezone.override(None):
        is_filled = form.is_valid()
    if request.method == "POST" and not request.user.has_perm(edge.ASK):
        refusal, status = _("You may not ask for this."), HTTPStatus.FORBIDDEN
    elif is_filled:
        try:
            if request.POST.get("act") == "ask":
                return _asked(request, draft, form)
            facts = _preview(draft, form)
        except (DomainError, ValueError) as problem:
            refusal = problem.message if isinstance(problem, DomainError) else str(problem)
            status = HTTPStatus.UNPROCESSABLE_ENTITY
    return edge.shown(
        request,
        "publish",
        draft.name,
        draft=draft,
        tab="publish",
        status=status,
        form=form,
        refusal=refusal,
        revision=_looked_at(request, draft),
        audiences=PublicationRequest.Audience.choices,
        preview=facts,
        requests=_requests().filter(draft=draft).order_by("-pk")[:_SHOWN],
    )


@permission_required(edge.VIEW, raise_exception=True)
def asked_for(request: HttpRequest, request_id: str) -> HttpResponseBase:
    """Show what is asked for, its changes and effect, with the buttons that are this person's."""
    asked = _requests().filter(pk=request_id).first()
    if asked is None:
        raise Http404
    refusal, status = "", HTTPStatus.OK
    act = request.POST.get("act", "")
    if act in _ACTS:
        try:
            said = _decide(request, asked, act)
        except DomainError as problem:
            refusal, status = problem.message, HTTPStatus.CONFLICT
        else:
            edge.note_changed(request, asked, said)
            return edge.to("request", asked.pk)
    lines, trouble = changes.diff_of(asked.revision.source, against=asked.against_id)
    return edge.shown(
        request,
        "request",
        _("Publish %(draft)s") % {"draft": asked.draft.name},
        draft=asked.draft,
        tab="publish",
        status=status,
        refusal=refusal,
        asked=asked,
        begins=_instants(asked.effective_at, asked.zone),
        lines=lines,
        trouble=trouble,
        effect=_digest(asked.simulation),
        letters=_letters(asked.text_en, asked.text_zh, asked.effective_at, asked.zone)
        if asked.audience != PublicationRequest.Audience.NOBODY
        else [],
        buttons=_buttons(request, asked),
    )


def _decide(request: HttpRequest, asked: PublicationRequest, act: str) -> str:
    """Do what the button says, for the reason that is given; return what is said of it then."""
    person, now, reason = operator(request), timezone.now(), request.POST.get("reason", "")
    shown = [
        (_("draft"), f"{asked.draft.name} {asked.revision.number}"),
        (_("in force from"), _instants(asked.effective_at, asked.zone)),
        (_("in force until then"), str(asked.against or "-")),
    ]
    with edge.line(request, f"publicationrequest.{act}", asked, reason=reason, shown=shown):
        match act:
            case "approve":
                services.approve_publication(request_id=asked.pk, approver=person, now=now)
                return _("Published: it begins at its instant.")
            case "refuse":
                services.refuse_publication(request_id=asked.pk, approver=person, now=now)
                return _("Refused.")
            case "withdraw":
                services.withdraw_publication(request_id=asked.pk, requester=person, now=now)
                return _("Withdrawn.")
        services.take_back_publication(request_id=asked.pk, reason=reason, operator=person, now=now)
    return _("Taken back: it will not begin.")


_ACTS: Final = frozenset({"approve", "refuse", "withdraw", "take_back"})


def _buttons(request: HttpRequest, asked: PublicationRequest) -> list[tuple[str, str]]:
    """Return what this person can do with a request now."""
    is_own = asked.requester_id == request.user.pk
    if asked.state == PublicationRequest.State.REQUESTED and is_own:
        return [("withdraw", _("Withdraw"))]
    if asked.state == PublicationRequest.State.REQUESTED and request.user.has_perm(edge.APPROVE):
        return [("approve", _("Publish")), ("refuse", _("Refuse"))]
    is_ahead = asked.effective_at > timezone.now()
    if (
        asked.state == PublicationRequest.State.APPROVED
        and is_ahead
        and request.user.has_perm(edge.TAKE_BACK)
    ):
        return [("take_back", _("Take back"))]
    return []


def _asked(request: HttpRequest, draft: Draft, form: _Asking) -> HttpResponseBase:
    said, number, at = form.cleaned_data, _looked_at(request, draft), form.instant()
    shown = [
        (_("draft"), f"{draft.name} {number}"),
        (_("in force from"), _instants(at, said["zone"])),
    ]
    with edge.line(request, "publicationrequest.ask", reason=said["reason"], shown=shown) as line:
        asked = services.request_publication(
            draft=draft,
            revision=number,
            effective_at=at,
            zone=said["zone"],
            reason=said["reason"],
            telling=Telling(said["audience"], said["text_en"], said["text_zh"]),
            requester=operator(request),
            now=timezone.now(),
        )
        line.object_id = asked.pk
    edge.note_made(request, asked, _("Requested: another person decides on it."))
    return edge.to("request", asked.pk)


def _preview(draft: Draft, form: _Asking) -> dict[str, Any]:
    """Return what would be published, and what whoever is told would read."""
    said, at = form.cleaned_data, form.instant()
    newest = drafting.revision_of(draft)
    before = publishing.in_force(at)
    against = before.version_id if before is not None else None
    lines, trouble = changes.diff_of(newest.source, against=against)
    simulation = (
        Simulation.objects.filter(revision=newest, state=Simulation.State.DONE)
        .order_by("-pk")
        .first()
    )
    is_told = said["audience"] != PublicationRequest.Audience.NOBODY
    return {
        "begins": _instants(at, said["zone"]),
        "after": CatalogVersion.objects.defer("source", "document").get(pk=against)
        if against is not None
        else None,
        "lines": lines,
        "trouble": trouble,
        "effect": _digest(simulation),
        "letters": _letters(said["text_en"], said["text_zh"], at, said["zone"]) if is_told else [],
    }


def _digest(simulation: Simulation | None) -> dict[str, Any] | None:
    """Return a simulation in a few lines; None: there is none."""
    if simulation is None or simulation.result is None:
        return None
    found = simulation.result
    return {
        "id": simulation.pk,
        "is_old": is_old(simulation),
        "total": tables.blocks(found)[0]["rows"][0],
        "more": found["more"]["count"],
        "less": found["less"]["count"],
        "dry": found["dry"]["sooner"],
        "lost": sum(one["jobs"] for key in ("unpriced", "refused") for one in found[key].values()),
    }


def _letters(text_en: str, text_zh: str, at: datetime, where: str) -> list[Letter]:
    """Return the letter as people would read it, in both languages."""
    facts: dict[str, Fact | None] = {"text": {"en": text_en, "zh": text_zh}, "begins_at": at}
    kind = Kind.CATALOG_ANNOUNCED
    return [
        letters.write(
            Notice(
                account=Account(zone=where),
                kind=kind.value,
                language=language,
                facts=written(kind, facts),
            )
        )
        for language in ("en", "zh-hans")
    ]


def _instants(at: datetime, where: str) -> str:
    """Return an instant by the zone that was meant, and by UTC, so that nobody errs by hours."""
    return f"{edge.in_zone(at, where)} = {edge.in_zone(at, 'UTC')}"


def _looked_at(request: HttpRequest, draft: Draft) -> int:
    """Return the revision that the page shows, or showed when it was sent back."""
    said = request.POST.get("revision", "")
    if request.POST.get("act") == "ask" and said.isascii() and said.isdigit():
        return min(max(int(said[:9]), 1), draft.revision)
    return draft.revision


def _requests() -> Any:  # noqa: ANN401 (a query)
    return PublicationRequest.objects.select_related(
        *("draft", "revision", "against", "requester", "approver", "simulation", "publication"),
        *("taken_back_by", "simulation__draft", "simulation__revision"),
    )


def _proposed() -> dict[str, str]:
    """Return what the form begins with: next Monday's midnight, where the shop is."""
    where = zone()
    today = timezone.now().astimezone(ZoneInfo(where)).date()
    monday = today + timedelta(days=_WEEK - today.weekday())
    return {
        "begins": datetime.combine(monday, time()).strftime(_WRITTEN),
        "zone": where,
        "audience": PublicationRequest.Audience.TOUCHED,
    }
