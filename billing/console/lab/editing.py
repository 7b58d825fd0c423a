"""A draft as text and as prices: read, checked while it is typed, saved without loss."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.console.lab import edge
from billing.operators.admin.acting import operator
from plans import drafting, price_edits
from plans.catalog import loader
from plans.errors import CatalogInvalid, DraftChanged, InvalidDraft
from plans.lint import reading
from plans.lint.reading import Finding
from plans.models import Draft

_NAME: Final = "draft"
_CELL: Final = "cell|"
_TURNED: Final = "X-Requested-With"


@permission_required(edge.VIEW, raise_exception=True)
def text(request: HttpRequest, draft_id: str) -> HttpResponseBase:
    """Show a draft as text, and save what was typed."""
    draft = edge.draft_or_404(draft_id)
    if request.method == "POST":
        return _save(request, draft, request.POST.get("source", ""), back="text")
    newest = drafting.revision_of(draft)
    return _editor(request, draft, newest.source, newest.number, checked=False)


@edge.looks
@permission_required(edge.VIEW, raise_exception=True)
def check(request: HttpRequest, draft_id: str) -> HttpResponseBase:
    """Say what is wrong or odd in the text that is posted; nothing is kept.

    To the script that watches the typing as JSON, and only what is found at once; to the button
    as the page, with what becomes of sample orders.
    """
    draft = edge.draft_or_404(draft_id)
    source = request.POST.get("source", "").replace("\r\n", "\n")
    if request.headers.get(_TURNED) == "fetch":
        return JsonResponse({"findings": [_told(one) for one in findings(source, quick=True)]})
    return _editor(request, draft, source, _expected(request, draft), checked=True)


@permission_required(edge.VIEW, raise_exception=True)
def prices(request: HttpRequest, draft_id: str) -> HttpResponseBase:
    """Show the amounts of a draft as a form; what is changed is put into the text and saved."""
    draft = edge.draft_or_404(draft_id)
    newest = drafting.revision_of(draft)
    values = {
        name.removeprefix(_CELL): str(value)
        for name, value in request.POST.items()
        if name.startswith(_CELL)
    }
    try:
        if request.method == "POST":
            begun = drafting.revision_of(draft, _expected(request, draft))
            changed = price_edits.changed(begun.source, values)
            return _save(request, draft, changed, back="prices")
        found = price_edits.items(newest.source)
    except InvalidDraft as refusal:
        return edge.shown(
            request, "prices", draft.name, draft=draft, tab="prices", refusal=refusal.message
        )
    return edge.shown(
        request,
        "prices",
        draft.name,
        draft=draft,
        tab="prices",
        groups=_groups(found),
        expected=newest.number,
        findings=findings(newest.source, quick=True),
    )


def findings(source: str, *, quick: bool) -> Sequence[Finding]:
    """Return what is wrong with a text; of a valid catalog, what is odd in it.

    Args:
        quick: without trying sample orders, which takes seconds for a large catalog.
    """
    try:
        loaded = loader.read_text(source, name=_NAME)
        return reading.lint(loaded, name=_NAME, at=timezone.now(), tries_orders=not quick)
    except CatalogInvalid as invalid:
        return reading.problems(invalid)


def _save(request: HttpRequest, draft: Draft, source: str, *, back: str) -> HttpResponseBase:
    """Save a text; one that somebody has overtaken is shown beside his."""
    if not request.user.has_perm(edge.EDIT):
        return edge.shown(
            request,
            "refused",
            draft.name,
            draft=draft,
            tab=back,
            status=HTTPStatus.FORBIDDEN,
            refusal=_("You may look at drafts, and not change them."),
        )
    before = draft.revision
    try:
        saved = drafting.revise(
            draft_id=draft.pk,
            source=source,
            expected=_expected(request, draft),
            author=operator(request),
            note=request.POST.get("note", ""),
            now=timezone.now(),
        )
    except DraftChanged as refusal:
        return _conflict(request, draft, source, refusal)
    except InvalidDraft as refusal:
        return edge.shown(
            request,
            "refused",
            draft.name,
            draft=draft,
            tab=back,
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            refusal=refusal.message,
        )
    if saved.number != before:
        said = _("Revision %(number)s saved.") % {"number": saved.number}
        edge.note_changed(request, draft, said)
    return edge.to("changes" if back == "prices" else back, draft.pk)


def _conflict(
    request: HttpRequest, draft: Draft, source: str, refusal: DraftChanged
) -> HttpResponseBase:
    """Show both texts and how they differ; saving again says that the other was seen."""
    theirs = drafting.revision_of(edge.draft_or_404(draft.pk))
    lines = drafting.line_changes(
        theirs.source,
        source.replace("\r\n", "\n"),
        old_name=_("revision %(number)s, by %(author)s")
        % {"number": theirs.number, "author": theirs.author.get_username()},
        new_name=_("your text"),
    )
    return edge.shown(
        request,
        "conflict",
        draft.name,
        draft=draft,
        tab="text",
        status=HTTPStatus.CONFLICT,
        refusal=refusal.message,
        theirs=theirs,
        source=source,
        lines=list(lines),
    )


def _editor(
    request: HttpRequest, draft: Draft, source: str, expected: int, *, checked: bool
) -> HttpResponseBase:
    return edge.shown(
        request,
        "text",
        draft.name,
        draft=draft,
        tab="text",
        source=source,
        expected=expected,
        numbers="\n".join(str(number) for number in range(1, source.count("\n") + 2)),
        rows=source.count("\n") + 2,
        findings=findings(source, quick=not checked),
        checked=checked,
    )


def _expected(request: HttpRequest, draft: Draft) -> int:
    """Return the revision that the form began from; one that says none began from the first."""
    said = request.POST.get("expected", "")
    known = said.isascii() and said.isdigit() and len(said) < 10  # noqa: PLR2004 (of a column's number)
    return min(max(int(said), 1), draft.revision) if known else 1


def _groups(found: Sequence[price_edits.Item]) -> list[dict[str, Any]]:
    """Return the items under their headings, each with the cells that the form shows."""
    titles = {"rate": _("Rates"), "plan": _("Plans"), "pack": _("Packs")}
    return [
        {"title": title, "section": section, "items": items}
        for section, title in titles.items()
        if (items := [one for one in found if one.section == section])
    ]


def _told(finding: Finding) -> dict[str, object]:
    return {
        "line": finding.line,
        "key": finding.key,
        "severity": finding.severity,
        "sentence": f"{finding.sentence} {finding.remedy}".rstrip(),
    }
