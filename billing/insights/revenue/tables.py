"""A month of deferred revenue as a table: for a terminal, and as CSV for accountants."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final, TextIO

from django.utils.translation import gettext as _

from billing.http.spreadsheets import cell
from billing.insights.revenue.months import Line, Sums
from plans.credits import MICROS, format_micros

HEADS: Final = (
    *("month", "purchase", "account", "kind", "payment", "invoice", "paid_at", "currency"),
    *("paid", "credits", "cost_per_credit"),
    *("opening_deferred", "sold", "refunded", "recognised_used", "recognised_expired"),
    "closing_deferred",
)
_COLUMN: Final = 16


def write(lines: Iterable[Line], *, month: str, out: TextIO) -> Iterator[Line]:
    """Write a line of CSV for each purchase to `out`, and yield the purchase on."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(HEADS)
    for line in lines:
        table.writerow(cells_of(line, month))
        yield line


def told(sums: Mapping[str, Sums]) -> Iterator[str]:
    """Yield the sums of a month as lines for a terminal."""
    yield f"{'':<4}" + "".join(f"{head:>{_COLUMN}}" for head in heads())
    for currency, one in sums.items():
        shown = [*map(format_micros, amounts_of(one)), str(one.purchases)]
        yield f"{currency:<4}" + "".join(f"{amount:>{_COLUMN}}" for amount in shown)


def heads() -> list[str]:
    """Return what a month's sums are called, in the language of the one who asks."""
    return [
        *(_("opening"), _("sold"), _("refunded")),
        *(_("used"), _("expired"), _("closing"), _("purchases")),
    ]


def columns() -> list[tuple[str, str]]:
    """Return each amount of a month's sums with what it means, as `amounts_of` orders them."""
    return list(
        zip(
            heads(),
            (
                _("What was paid for, and was still owed as credits when the month began."),
                _("What was paid in the month."),
                _("What was refunded, or contested and not won; below zero it came back."),
                _("Earned: credits that it paid for were used."),
                _("Earned: credits that it paid for can never be used any more."),
                _("What is still owed as credits when the month ends."),
            ),
            strict=False,
        )
    )


def in_all(months: Sequence[Sums]) -> Sums:
    """Return months that follow each other as one: it opens with the first, closes with the last.

    Its purchases are not counted: many are in several months.
    """
    return Sums(
        opening_micros=months[0].opening_micros,
        sold_micros=sum(one.sold_micros for one in months),
        returned_micros=sum(one.returned_micros for one in months),
        used_micros=sum(one.used_micros for one in months),
        expired_micros=sum(one.expired_micros for one in months),
        closing_micros=months[-1].closing_micros,
    )


def amounts_of(sums: Sums) -> list[int]:
    """Return a month's sums as `heads` calls them, but for the last."""
    return [
        *(sums.opening_micros, sums.sold_micros, sums.returned_micros),
        *(sums.used_micros, sums.expired_micros, sums.closing_micros),
    ]


def cells_of(line: Line, month: str) -> list[str | int]:
    """Return a purchase as a line of the file: no text of it is run by a spreadsheet."""
    return [*map(cell, _named(line, month)), *map(format_micros, _amounts(line))]


def document(sums: Mapping[str, Sums]) -> dict[str, dict[str, str | int]]:
    """Return the sums of a month by currency, for a program."""
    return {
        currency: {
            "opening_deferred": format_micros(one.opening_micros),
            "sold": format_micros(one.sold_micros),
            "refunded": format_micros(one.returned_micros),
            "recognised_used": format_micros(one.used_micros),
            "recognised_expired": format_micros(one.expired_micros),
            "closing_deferred": format_micros(one.closing_micros),
            "purchases": one.purchases,
        }
        for currency, one in sums.items()
    }


def _named(line: Line, month: str) -> Iterator[str]:
    purchase = line.purchase
    yield from (month, purchase.pk, purchase.account_id, purchase.kind, purchase.stripe_id)
    yield from (purchase.invoice_id or "", purchase.paid_at.isoformat(), purchase.currency)
    yield from (format_micros(purchase.amount_micros), format_micros(line.brings_micros))
    yield _basis(purchase.amount_micros, line.brings_micros)


def _amounts(line: Line) -> Iterator[int]:
    """Yield what happened; below zero what a month took back of what another had earned."""
    moved = line.moved
    yield from (line.before.deferred_micros, moved.sold_micros, moved.returned_micros)
    yield from (moved.used_micros, moved.expired_micros, line.after.deferred_micros)


def _basis(paid_micros: int, brings_micros: int) -> str:
    """Return what one credit has cost, to the micro; empty where none is counted."""
    if not brings_micros:
        return ""
    return format_micros(round(Fraction(paid_micros * MICROS, brings_micros)))
