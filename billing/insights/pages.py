"""A page of the admin: the books of a month, and the file of it."""

import csv
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from billing.insights import revenue
from billing.insights.revenue import Line, tables
from billing.ledger import clocks
from plans.credits import format_micros
from plans.periods import Window, calendar_month


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        """Return the line."""
        return line


@permission_required("billing.view_purchase", raise_exception=True)
def revenue_page(request: HttpRequest) -> HttpResponseBase:
    """Show a month's deferred revenue by currency, or send it by purchase as CSV.

    Without a month it is the last one that is over, in UTC.
    """
    zone = request.GET.get("zone") or "UTC"
    try:
        month = revenue.month_of(request.GET.get("month") or _last_month(), zone=zone)
    except ValueError:
        return _shown(request, None, zone)
    if request.GET.get("format") == "csv":
        return _file(month)
    return _shown(request, month, zone)


def _shown(request: HttpRequest, month: Window | None, zone: str) -> HttpResponse:
    sums = revenue.sums_of(revenue.lines_of(month)) if month is not None else {}
    rows = [
        [currency, *map(format_micros, tables.amounts_of(one)), one.purchases]
        for currency, one in sums.items()
    ]
    context = {
        **admin.site.each_context(request),
        "title": _("Deferred revenue"),
        "month": month.key if month is not None else request.GET.get("month", ""),
        "zone": zone,
        "is_wrong": month is None,
        "heads": [_("currency"), *tables.heads()],
        "rows": rows,
    }
    return render(
        request, "admin/billing/revenue.html", context, status=400 if month is None else 200
    )


def _file(month: Window) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(
        _rows(month, revenue.lines_of(month)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="revenue-{month.key}.csv"'
    return answer


def _rows(month: Window, lines: Iterator[Line]) -> Iterator[str]:
    """Yield the lines of the file as they are read."""
    table = csv.writer(_Echo(), lineterminator="\n")
    for cells in chain([tables.HEADS], (tables.cells_of(line, month.key) for line in lines)):
        yield table.writerow(cells)


def _last_month() -> str:
    this = calendar_month("UTC", clocks.database_now())
    return calendar_month("UTC", this.starts_at - timedelta(days=1)).key
