"""Holds what was added up against its sources, and names what differs. Nothing is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection, transaction

from billing.rollups.counting import Rows
from billing.rollups.models import RolledDay
from billing.rollups.subjects import Subject, in_a_row
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
        settled = RolledDay.objects.filter(subject=subject, is_open=False).order_by("day")
        if since is not None:
            settled = settled.filter(day__gte=since)
        for days in in_a_row(subject, list(settled.values_list("day", flat=True))):
            # What days go on from is worked out once for all of them.
            for some in [days] if TABLES[subject].go_on else [[day] for day in days]:
                yield from _of_days(subject, some)


def _of_days(subject: Subject, days: Sequence[date]) -> Iterator[Difference]:
    table = TABLES[subject]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        source = table.read(subject, days)
        stored = {day: table.stored(day) for day in days}
    for day in days:
        yield from _of_day(subject, day, source[day], stored[day])


def _of_day(subject: Subject, day: date, source: Rows, stored: Rows) -> list[Difference]:
    table = TABLES[subject]
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
