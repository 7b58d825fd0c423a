"""What a draft changes: against the catalog in force, and from one save to the next."""

import tomllib
from typing import Final

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from billing.console.lab import edge
from plans import drafting
from plans import selectors as plans
from plans.catalog import publish
from plans.catalog.schema import Catalog
from plans.errors import CatalogInvalid, NoCatalog
from plans.models import CatalogVersion, Draft, DraftRevision

_SHOWN: Final = 50


@permission_required(edge.VIEW, raise_exception=True)
def changes(request: HttpRequest, draft_id: str) -> HttpResponseBase:
    """Show what the draft changes in words, and its revisions, the newest first.

    By the unique index of a draft's revisions.
    """
    draft = edge.draft_or_404(draft_id)
    newest = drafting.revision_of(draft)
    lines, trouble = diff_of(newest.source, against=in_force())
    return edge.shown(
        request,
        "changes",
        draft.name,
        draft=draft,
        tab="changes",
        lines=lines,
        trouble=trouble,
        revisions=DraftRevision.objects.filter(draft=draft)
        .select_related("author")
        .defer("source")
        .order_by("-number")[:_SHOWN],
    )


@permission_required(edge.VIEW, raise_exception=True)
def revision(request: HttpRequest, draft_id: str, number: int) -> HttpResponseBase:
    """Show one revision, and its lines that differ from the one before."""
    draft = edge.draft_or_404(draft_id)
    try:
        shown = drafting.revision_of(draft, number)
    except DraftRevision.DoesNotExist as error:
        raise Http404 from error
    lines: list[str] = []
    if shown.number > 1:
        before = drafting.revision_of(draft, shown.number - 1)
        lines = list(
            drafting.line_changes(
                before.source, shown.source, old_name=str(before.number), new_name=str(shown.number)
            )
        )
    title = _("%(draft)s, revision %(number)s") % {"draft": draft.name, "number": number}
    return edge.shown(
        request, "revision", title, draft=draft, tab="changes", shown=shown, lines=lines
    )


def diff_of(source: str, *, against: str | None) -> tuple[list[str], str]:
    """Return what a text changes against a version, in lines; or why nobody can tell.

    The version is read afresh: pydantic writes some values of a catalog otherwise once that has
    priced an order and keeps what it worked out for that, and they would be told as changes.

    Args:
        against: the id of the version; None: all of the text is new.
    """
    try:
        new = publish.read(source).catalog
    except CatalogInvalid as invalid:
        return [], _("The draft is no catalog yet: %(first)s") % {"first": invalid.problems[0]}
    return publish.diff(None if against is None else _read(against), new), ""


def in_force() -> str | None:
    """Return the id of the version in force; None: there is none."""
    try:
        return plans.current().version_id
    except NoCatalog:
        return None


def _read(version_id: str) -> Catalog:
    source = CatalogVersion.objects.values_list("source", flat=True).get(pk=version_id)
    return Catalog.model_validate(tomllib.loads(source))


def is_newest(draft: Draft, shown: DraftRevision) -> bool:
    """Say whether the draft says just this today."""
    return draft.revision == shown.number
