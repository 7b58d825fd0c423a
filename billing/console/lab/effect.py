"""The effect of a draft: asked for, seen beside today's catalog, taken along, and shared."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.console.lab import changes, charts, edge, tables
from billing.errors import DomainError
from billing.http.spreadsheets import BOM, record
from billing.lab import services
from billing.lab.services import sharing
from billing.operators.admin.acting import operator
from billing.operators.admin.exporting import as_file
from plans import selectors as plans
from plans.errors import NoCatalog
from plans.models import Simulation, SimulationShare

_SHOWN: Final = 50
_NAMES: Final = "billing.view_account"  # who sees no accounts elsewhere learns of none here
_LATELY: Final = timedelta(days=30)
_REFRESH_SECONDS: Final = 5  # each look is written down
_ZONE_OF_LAST_RESORT: Final = "UTC"


class _Range(forms.Form):
    since = forms.DateField()
    until = forms.DateField()
    as_of = forms.DateField(required=False)


class _Days(forms.Form):
    days = forms.IntegerField(min_value=1, max_value=sharing.LASTS_MAX.days)


@permission_required(edge.VIEW, raise_exception=True)
def effect(request: HttpRequest, draft_id: str) -> HttpResponseBase:
    """Show what was found of a draft, and have it put beside today's catalog anew.

    By the index simulation_newest_first.
    """
    draft = edge.draft_or_404(draft_id)
    now, refusal = timezone.now(), ""
    today = now.astimezone(ZoneInfo(zone())).date()
    form = _Range(request.POST or None, initial={"since": today - _LATELY, "until": today})
    if form.is_valid():
        said = form.cleaned_data
        try:
            asked = services.request_simulation(
                draft=draft,
                since=_midnight(said["since"]),
                until=_midnight(said["until"] + timedelta(days=1)),
                as_of=_midnight(said["as_of"]) if said["as_of"] else None,
                requester=operator(request),
                now=now,
            )
        except DomainError as problem:
            refusal = problem.message
        else:
            edge.note_made(request, asked, _("Simulation started."))
            return edge.to("result", asked.pk)
    return edge.shown(
        request,
        "effect",
        draft.name,
        draft=draft,
        tab="effect",
        form=form,
        refusal=refusal,
        simulations=Simulation.objects.filter(draft=draft)
        .select_related("revision", "requester")
        .defer("result", "revision__source")
        .order_by("-pk")[:_SHOWN],
    )


@permission_required(edge.VIEW, raise_exception=True)
def result(request: HttpRequest, simulation_id: str) -> HttpResponseBase:
    """Show a result beside today's catalog, or how far it is."""
    found = _found(simulation_id)
    answer = edge.shown(
        request,
        "result",
        _("Effect of %(draft)s") % {"draft": found.draft.name},
        draft=found.draft,
        tab="effect",
        found=found,
        is_old=is_old(found),
        links=_links(request, found),
        **facts(found, named=request.user.has_perm(_NAMES)),
    )
    if found.state in {Simulation.State.WAITING, Simulation.State.RUNNING}:
        answer["Refresh"] = str(_REFRESH_SECONDS)
    return answer


@permission_required(edge.VIEW, raise_exception=True)
def picture(_request: HttpRequest, simulation_id: str) -> HttpResponseBase:
    """Send the chart of a result."""
    found = _found(simulation_id)
    if found.result is None:
        raise Http404
    return HttpResponse(charts.chart(found.result), content_type="image/svg+xml")


@permission_required(edge.VIEW, raise_exception=True)
def table(request: HttpRequest, simulation_id: str) -> HttpResponseBase:
    """Send what the page of a result shows as CSV; that it was taken along is written down."""
    found = _found(simulation_id)
    if found.result is None:
        raise Http404
    name = f"{found.pk}.csv"
    headers = as_file(request, name, now=timezone.now())
    named = request.user.has_perm(_NAMES)
    lines = (record(cells) for cells in tables.records(found.result, zone(), named=named))
    return HttpResponse(BOM + "".join(lines), headers=headers)


@permission_required(edge.EDIT, raise_exception=True)
def share(request: HttpRequest, simulation_id: str) -> HttpResponseBase:
    """Make a link to a result for people without an account here, or take one back."""
    found = _found(simulation_id)
    if request.method != "POST":
        return edge.to("result", found.pk)
    person, now = operator(request), timezone.now()
    form = _Days(request.POST)
    try:
        if "revoke" in request.POST:
            own = found.shares.filter(pk=request.POST["revoke"]).first()
            if own is not None:
                services.revoke_share(share_id=own.pk, operator=person, now=now)
                edge.note_changed(request, own, _("Link taken back."))
        elif form.is_valid():
            lasts = timedelta(days=form.cleaned_data["days"])
            made = services.share(simulation=found, lasts=lasts, author=person, now=now)
            edge.note_made(request, made, _("Link made."))
    except DomainError as refusal:
        return edge.shown(
            request,
            "refused",
            found.draft.name,
            draft=found.draft,
            tab="effect",
            refusal=refusal.message,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    return edge.to("result", found.pk)


def facts(found: Simulation, *, named: bool) -> dict[str, Any]:
    """Return what a page shows of a result.

    Args:
        named: with the accounts; else only how many they are.
    """
    where = zone()
    shown: dict[str, Any] = {
        "since": edge.in_zone(found.since, where),
        "until": edge.in_zone(found.until, where),
        "as_of": edge.in_zone(found.as_of, where) if found.as_of else "",
    }
    if found.result is None:
        return shown
    return shown | {
        "blocks": tables.blocks(found.result),
        "more": found.result["more"]["count"],
        "less": found.result["less"]["count"],
        "same": found.result["same"],
        "most_more": tables.movers(found.result["more"]) if named else [],
        "most_less": tables.movers(found.result["less"]) if named else [],
        "dry": found.result["dry"],
        "dry_rows": tables.dry(found.result, where) if named else [],
        "lost": tables.lost(found.result),
        "not_sold_today": found.result["not_sold_today"],
    }


def is_old(found: Simulation) -> bool:
    """Say whether the draft, or the catalog in force, has become another since."""
    try:
        in_force = plans.current().version_id
    except NoCatalog:
        return True
    return not changes.is_newest(found.draft, found.revision) or in_force != found.against_id


def zone() -> str:
    """Return the zone in which the lab shows instants: the shop's own."""
    try:
        return plans.current().catalog.zone
    except NoCatalog:
        return _ZONE_OF_LAST_RESORT


def _found(simulation_id: str) -> Simulation:
    found = (
        Simulation.objects.select_related("draft", "revision", "against", "requester")
        .defer("revision__source", "against__source", "against__document")
        .filter(pk=simulation_id)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _links(request: HttpRequest, found: Simulation) -> list[dict[str, Any]]:
    """Return the links to a result that are open, the newest first."""
    open_ones: list[SimulationShare] = list(
        found.shares.filter(revoked_at=None, expires_at__gt=timezone.now())
        .select_related("author")
        .order_by("-pk")[:_SHOWN]
    )
    return [
        {
            "id": one.pk,
            "url": request.build_absolute_uri(reverse("lab-shared", args=[sharing.token_of(one)])),
            "author": one.author.get_username(),
            "until": edge.in_zone(one.expires_at, zone()),
        }
        for one in open_ones
    ]


def _midnight(day: Any) -> datetime:  # noqa: ANN401 (a date, as the form read it)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone()))
