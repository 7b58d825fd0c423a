"""The first page of the operators' site, and its tables as files."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, Final, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _

from billing import replica
from billing.console.dashboard import asking, crediting, earning, joining, working
from billing.console.dashboard.asking import Question
from billing.console.dashboard.parts import Section, Sheet
from billing.http.spreadsheets import BOM, record
from billing.ledger import clocks
from billing.operators.admin.exporting import as_file


class _Shown(NamedTuple):
    """A section, and who sees it: whoever may open the window on the rows that it sums."""

    permission: str
    build: Callable[[Question], Section]
    sheets: frozenset[str]


def _sections(now: datetime) -> list[_Shown]:
    """Return the sections in the order of the page, with the files that each has."""
    jobs = ("jobs-by-model", "jobs-by-failure", "jobs-by-backend", "jobs-by-plan")
    margins = ("margin-by-model", "margin-by-mode", "margin-by-plan")
    table: list[tuple[str, Callable[[Question], Section], tuple[str, ...]]] = [
        ("billing.view_job", partial(working.standing, now=now), ("lanes", "backends")),
        ("billing.view_creditday", crediting.credits_, ("credits-by-day", "credits-by-source")),
        ("billing.view_moneyday", earning.money, ("money",)),
        ("billing.view_jobday", working.ordered, jobs),
        ("billing.view_marginday", earning.margins, margins),
        ("billing.view_creditday", crediting.free, ("free-by-day", "free-by-source")),
        ("billing.view_accountday", joining.accounts, ("accounts",)),
        ("billing.view_cohortmonth", joining.cohorts, ("cohorts",)),
    ]
    return [_Shown(needs, build, frozenset(sheets)) for needs, build, sheets in table]


_NO_DAYS: Final = {"from": "", "to": ""}
_DAY: Final = timedelta(days=1)
_MONEY: Final = ("billing.view_moneyday", "billing.view_marginday", "billing.view_cohortmonth")


def context(request: HttpRequest, page: dict[str, Any]) -> dict[str, Any]:
    """Return what the first page shows: numbers to those who may see any, windows to others."""
    now = clocks.database_now()
    shown = [one for one in _sections(now) if request.user.has_perm(one.permission)]
    if not shown:
        return page
    question = asking.read(request.GET.dict(), today=now.astimezone(UTC).date())
    has_money = any(request.user.has_perm(one) for one in _MONEY)
    with replica.reading() as where:
        told = {
            "sections": [one.build(question) for one in shown],
            "currencies": earning.currencies(question) if has_money else [],
            "currency": earning.currency_of(question) if has_money else "",
        }
    return {
        **page,
        **told,
        "title": _("Dashboard"),
        "question": question,
        "read_from": str(where),
        "ranges": [
            (said, question.range == name, question.address(range=name, **_NO_DAYS))
            for name, said in _range_names().items()
        ],
        "first": question.span.since.isoformat(),
        "last": (question.span.until - _DAY).isoformat(),
        "compared": _compared(question),
        "says": _says(),
    }


def table(request: HttpRequest, code: str) -> StreamingHttpResponse:
    """Send one table of the page as CSV, as it is seen there; it is written down who took it.

    Raises:
        Http404: there is no such table, or nothing stands in it.
        PermissionDenied: it is not theirs to see.
    """
    now = clocks.database_now()
    found = next((one for one in _sections(now) if code in one.sheets), None)
    if found is None:
        raise Http404
    if not request.user.has_perm(found.permission):
        raise PermissionDenied
    question = asking.read(request.GET.dict(), today=now.astimezone(UTC).date())
    with replica.reading():
        sheets = found.build(question).sheets
    sheet = next((one for one in sheets if one.code == code), None)
    if sheet is None:
        raise Http404
    name = f"{code}-{question.span.since}-{question.span.until - _DAY}.csv"
    return StreamingHttpResponse(_lines(sheet), headers=as_file(request, name, now=now))


def _lines(sheet: Sheet) -> Iterator[str]:
    yield BOM
    for row in chain([sheet.heads], sheet.rows):
        yield record(row)


def _compared(question: Question) -> str:
    before = question.span.before
    return _("Compared with %(first)s to %(last)s.") % {
        "first": before.since.isoformat(),
        "last": (before.until - _DAY).isoformat(),
    }


def _range_names() -> Mapping[str, str]:
    return {
        "today": _("Today"),
        "7d": _("7 days"),
        "30d": _("30 days"),
        "90d": _("90 days"),
        asking.MONTH: _("This month"),
    }


def _says() -> dict[str, str]:
    """Return what the page says beside its numbers."""
    return {
        "as_of": _("added up"),
        "currency": _("Currency"),
        "first": _("First day"),
        "last": _("Last day"),
        "means": _("What is counted?"),
        "live": _("Live accounts"),
        "now": _("as it stands, sandbox and live together"),
        "none": _("Nothing waits, or is configured."),
        "ranges": _("Days"),
        "sandbox": _("Sandbox"),
        "show": _("Show"),
        "wrong": _(
            "These days cannot be told: write first and last as 2026-11-01, at most three years "
            "apart."
        ),
        "zone": _("Days are those of UTC; a row counts on the day on which it was written down."),
    }
