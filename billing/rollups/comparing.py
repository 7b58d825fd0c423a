"""Holds what was added up against its sources, and names what differs. Nothing is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction

from billing.rollups.models import RolledDay
from billing.rollups.subjects import Subject
from billing.rollups.tables import TABLES


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that says something else than its source; None: one of both has no such row."""

    subject: Subject
    day: date
    key: dict[str, Any]
    stored: dict[str, int] | None
    source: dict[str, int] | None

    def __str__(self) -> str:
        names = " ".join(f"{name}={value}" for name, value in self.key.items())
        return f"{self.subject} {self.day} {names}: {self.stored} is stored, {self.source} is true"


def differences(
    *, since: date | None = None, subjects: Sequence[Subject] = tuple(Subject)
) -> Iterator[Difference]:
    """Yield every row of the days that are settled which is not as its source says.

    Days that are not over are passed over: they are behind for minutes by design. It may take as
    long as it needs.
    """
    for subject in subjects:
        days = RolledDay.objects.filter(subject=subject, is_open=False).order_by("day")
        if since is not None:
            days = days.filter(day__gte=since)
        for day in days.values_list("day", flat=True):
            yield from _of_day(subject, day)


def _of_day(subject: Subject, day: date) -> list[Difference]:
    table = TABLES[subject]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        source, stored = table.read(subject, [day])[day], table.stored(day)
    return [
        Difference(
            subject,
            day,
            dict(zip(table.keys, key, strict=True)),
            dict(zip(table.sums, stored[key], strict=True)) if key in stored else None,
            dict(zip(table.sums, source[key], strict=True)) if key in source else None,
        )
        for key in sorted(source.keys() | stored.keys())
        if source.get(key) != stored.get(key)
    ]
