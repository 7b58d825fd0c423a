"""What the sums say of a span of days. Only rows of sums are read, by their side and day."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Sum

from billing.rollups.models import RolledDay
from billing.rollups.subjects import Span, Subject
from billing.rollups.tables import TABLES

Sums = dict[tuple[Any, ...], dict[str, int]]


def sums(
    subject: Subject, span: Span, *, is_sandbox: bool, by: Sequence[str], **only: object
) -> Sums:
    """Return a subject's sums over a span, by what their rows have in common.

    Args:
        by: some of the table's keys, or its day; by none there is one sum, or nothing.
        only: what the rows must have, as a filter.
    """
    table = TABLES[subject]
    wanted = {
        "is_sandbox": is_sandbox,
        f"{table.day}__gte": span.since,
        f"{table.day}__lt": span.until,
        **only,
    }
    rows = (
        table.model.objects.filter(**wanted)
        .values_list(*by)
        .annotate(**{f"sum_{name}": Sum(name) for name in table.sums})
        .order_by(*by)
    )
    found: Sums = {}
    for row in rows:
        key, numbers = row[: len(by)], row[len(by) :]
        found[tuple(key)] = {
            name: int(number or 0) for name, number in zip(table.sums, numbers, strict=True)
        }
    return found


def told_until(subject: Subject, span: Span) -> tuple[date, datetime] | None:
    """Return the last day of a span that was added up, and when; None: none was."""
    last = (
        RolledDay.objects.filter(subject=subject, day__gte=span.since, day__lt=span.until)
        .order_by("-day")
        .values_list("day", "rolled_at")
        .first()
    )
    return (last[0], last[1]) if last is not None else None
