"""A page of the admin: the books of some months, and the file of one."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from billing.http.spreadsheets import record
from billing.insights import revenue
from billing.insights.revenue import Line, Sums, tables
from billing.ledger import clocks
from billing.operators.admin.exporting import as_file
from plans.periods import Window, calendar_month
from plans.shapes import money

_MONTHS: Final = 6  # a page is a look; each month more reads every open purchase once more


@permission_required("billing.view_purchase", raise_exception=True)
def revenue_page(request: HttpRequest) -> HttpResponseBase:
    """Show deferred revenue by currency, half a year of months, or send a month as CSV.

    Without a month the last one shown is the last one that is over. The file is of one month, by
    purchase.
    """
    zone = request.GET.get("zone") or "UTC"
    try:
        month = revenue.month_of(request.GET.get("month") or _last_month(), zone=zone)
    except ValueError:
        return _shown(request, [], zone)
    if request.GET.get("format") == "csv":
        return _file(request, month)
    return _shown(request, revenue.months_until(month, _MONTHS, zone=zone), zone)


def _shown(request: HttpRequest, months: Sequence[Window], zone: str) -> HttpResponse:
    history = revenue.history_of(months) if months else {}
    context = {
        **admin.site.each_context(request),
        "title": _("Deferred revenue"),
        "month": months[-1].key if months else request.GET.get("month", ""),
        "zone": zone,
        "is_wrong": not months,
        "columns": tables.columns(),
        "says": _says(),
        "currencies": [_table(currency, months, sums) for currency, sums in history.items()],
    }
    return render(request, "admin/billing/revenue.html", context, status=200 if months else 400)


def _says() -> dict[str, str]:
    """Return what the page says beside its figures."""
    return {
        "last_month": _("Last month"),
        "zone": _("Zone"),
        "show": _("Show"),
        "wrong": _("Write a month as 2026-10 and a zone as Asia/Shanghai."),
        "month": _("month"),
        "purchases": _("purchases"),
        "by_purchase": _("by purchase"),
        "in_all": _("in all"),
        "empty": _(
            "Nothing was sold or earned in these months. What is paid stands here from the month "
            "in which it came, until its credits are used or gone; sandbox accounts are left out."
        ),
        "sum": _("Each month is: opening + sold − refunded − used − expired = closing."),  # noqa: RUF001 (a minus)
    }


def _table(currency: str, months: Sequence[Window], sums: Sequence[Sums]) -> dict[str, object]:
    """Return a currency's months as rows, the newest first, and what they come to."""
    rows = [
        {"month": month.key, "amounts": _written(one, currency), "purchases": one.purchases}
        for month, one in zip(months, sums, strict=True)
    ]
    whole = _written(tables.in_all(sums), currency)
    return {"currency": currency, "rows": rows[::-1], "total": whole}


def _written(sums: Sums, currency: str) -> list[str]:
    return [money(amount, currency)["amount"] for amount in tables.amounts_of(sums)]


def _file(request: HttpRequest, month: Window) -> StreamingHttpResponse:
    name = f"revenue-{month.key}.csv"
    headers = as_file(request, name, now=clocks.database_now())
    return StreamingHttpResponse(_rows(month, revenue.lines_of(month)), headers=headers)


def _rows(month: Window, lines: Iterator[Line]) -> Iterator[str]:
    """Yield the lines of the file as they are read."""
    for cells in chain([tables.HEADS], (tables.cells_of(line, month.key) for line in lines)):
        yield record(cells)


def _last_month() -> str:
    this = calendar_month("UTC", clocks.database_now())
    return calendar_month("UTC", this.starts_at - timedelta(days=1)).key
