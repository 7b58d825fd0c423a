"""Each subject's table: how its rows are named, what they sum, and where that is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from billing.ids import made_at
from billing.jobs.lifecycle import LIVE
from billing.payments.models import Purchase
from billing.rollups import counting, valuing
from billing.rollups.counting import Rows
from billing.rollups.models import AccountDay, CohortMonth, CreditDay, JobDay, MarginDay, MoneyDay
from billing.rollups.subjects import Subject, begins

Reads = Callable[[Subject, Sequence[date]], dict[date, Rows]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of sums.

    Attributes:
        day: its column that says which day, or month.
        keys, sums: its other columns, as `read` orders them.
        read: what the source says of days that follow each other; the one place that knows.
        go_on: the same where the day before says what its source says.
    """

    model: Any
    keys: tuple[str, ...]
    sums: tuple[str, ...]
    read: Reads
    day: str = "day"
    go_on: Reads | None = None

    def stored(self, day: date) -> Rows:
        """Return what is written down of a day."""
        columns = (*self.keys, *self.sums)
        rows = self.model.objects.filter(**{self.day: day}).values_list(*columns)
        return {row[: len(self.keys)]: tuple(row[len(self.keys) :]) for row in rows}

    def write(self, day: date, rows: Rows) -> None:
        """Have these rows stand for a day, and no others."""
        self.model.objects.filter(**{self.day: day}).delete()
        self.model.objects.bulk_create(
            self.model(
                **{self.day: day},
                **dict(zip(self.keys, key, strict=True)),
                **dict(zip(self.sums, sums, strict=True)),
            )
            for key, sums in sorted(rows.items())
        )


def _counted(sql: str) -> Reads:
    return partial(counting.of_days, sql)


TABLES: Final[Mapping[Subject, Table]] = {
    Subject.CREDITS: Table(
        CreditDay,
        ("is_sandbox", "source", "kind", "cause_type", "is_bought"),
        ("amount_micros", "entries"),
        _counted(counting.CREDITS),
    ),
    Subject.JOBS: Table(
        JobDay,
        ("is_sandbox", "model", "mode", "plan", "backend", "status", "failure_class"),
        ("jobs", "refunded_jobs", "charged_micros", "started_jobs", "wait_ms", "run_ms"),
        _counted(counting.JOBS),
    ),
    Subject.ACCOUNTS: Table(
        AccountDay,
        ("is_sandbox",),
        ("new", "ordering", "paying", "first_paying"),
        _counted(counting.ACCOUNTS),
    ),
    Subject.MONEY: Table(
        MoneyDay,
        ("is_sandbox", "currency"),
        ("sold_micros", "returned_micros", "used_micros", "lapsed_micros", "deferred_micros"),
        valuing.money,
        go_on=valuing.money_gone_on,
    ),
    Subject.MARGINS: Table(
        MarginDay,
        ("is_sandbox", "model", "mode", "plan", "backend", "currency"),
        ("revenue_micros", "cost_micros", "left_micros", "jobs", "known_jobs"),
        valuing.margins,
    ),
    Subject.COHORTS: Table(
        CohortMonth,
        ("is_sandbox", "cohort", "currency"),
        ("ordering", "paying", "spent_micros", "paid_micros"),
        _counted(counting.COHORTS),
        day="month",
    ),
}
assert set(TABLES) == set(Subject), "every subject has a table"

# The ids of what each subject reads; purchases have the time at which they were paid.
_READS: Final[Mapping[Subject, tuple[str, ...]]] = {
    Subject.CREDITS: ("en",),
    Subject.JOBS: ("job",),
    Subject.ACCOUNTS: ("acc", "job", "paid"),
    Subject.MONEY: ("paid",),
    Subject.MARGINS: ("job",),
    Subject.COHORTS: ("en", "job", "paid"),
}


def can_change(subject: Subject, day: date, rows: Rows) -> bool:
    """Say whether what a day's rows count can still change after the day is over."""
    if subject is Subject.JOBS:
        return any(key[5] in LIVE for key in rows)
    return subject is Subject.MARGINS and counting.has_live_jobs(day)


def first_day(subject: Subject) -> date | None:
    """Return the first day of which there is something to add up; None: there is nothing."""
    found = [at for kind in _READS[subject] if (at := _first_instant(kind)) is not None]
    return begins(subject, min(found)) if found else None


def _first_instant(kind: str) -> datetime | None:
    if kind == "paid":
        return Purchase.objects.order_by("paid_at").values_list("paid_at", flat=True).first()
    lowest = counting.first_of(kind)
    return made_at(lowest) if lowest is not None else None
