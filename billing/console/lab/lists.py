"""The list of drafts, and the page on which one begins."""

from contextlib import suppress
from typing import Final

from django import forms
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.console.lab import edge
from billing.operators.admin.acting import operator
from plans import drafting
from plans import selectors as plans
from plans.errors import InvalidDraft, NoCatalog
from plans.models import CatalogVersion, Draft, PublicationRequest

_SHOWN: Final = 100
_VERSIONS: Final = 20


@permission_required(edge.VIEW, raise_exception=True)
def drafts(request: HttpRequest) -> HttpResponseBase:
    """Show the drafts that were worked on last, and the requests that wait.

    By the indexes draft_newest_first and publicationrequest_open_once_a_draft.
    """
    return edge.shown(
        request,
        "list",
        _("Pricing lab"),
        drafts=Draft.objects.select_related("author", "base_version").order_by("-updated_at")[
            :_SHOWN
        ],
        waiting=PublicationRequest.objects.filter(state=PublicationRequest.State.REQUESTED)
        .select_related("draft", "requester")
        .order_by("-pk")[:_SHOWN],
    )


@permission_required(edge.EDIT, raise_exception=True)
def new(request: HttpRequest) -> HttpResponseBase:
    """Begin a draft from what is in force, from an earlier version, or from a shipped catalog."""
    form = _Beginning(request.POST or None)
    form.fields["start"].choices = _starts()  # type: ignore[attr-defined]  # it is a choice field
    if form.is_valid():
        start = form.cleaned_data["start"]
        try:
            source, version_id = _begun_from(start)
            draft = drafting.begin(
                name=form.cleaned_data["name"],
                source=source,
                base_version_id=version_id,
                author=operator(request),
                now=timezone.now(),
            )
        except InvalidDraft as refusal:
            form.add_error(None, refusal.message)
        else:
            edge.note_made(request, draft, _("Draft begun."))
            return edge.to("prices", draft.pk)
    return edge.shown(request, "new", _("New draft"), form=form)


class _Beginning(forms.Form):
    name = forms.CharField(max_length=100)
    start = forms.ChoiceField()


def _starts() -> list[tuple[str, str]]:
    """Return what a draft can begin from: what is in force first."""
    found = []
    with suppress(NoCatalog):
        found.append((f"version:{plans.current().version_id}", _("the catalog in force")))
    versions = CatalogVersion.objects.defer("source", "document").order_by("-published_at")
    found += [
        (f"version:{one.pk}", _("%(version)s, published") % {"version": one})
        for one in versions[:_VERSIONS]
        if (f"version:{one.pk}") not in dict(found)
    ]
    return found + [
        (f"shipped:{name}", _("%(name)s, as shipped") % {"name": name})
        for name in drafting.shipped()
    ]


def _begun_from(start: str) -> tuple[str, str | None]:
    kind, _colon, name = start.partition(":")
    if kind == "shipped":
        return drafting.shipped_source(name), None
    version = CatalogVersion.objects.get(pk=name)
    return version.source, version.pk
