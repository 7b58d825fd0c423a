"""Adds days up: those that are missing, those that are not over, and once more those just over."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Final

import structlog
from django.db import connection, transaction

from billing.rollups import valuing
from billing.rollups.models import RolledDay
from billing.rollups.subjects import (
    AGAIN_AFTER,
    EVERY,
    LOOKED_BACK,
    Subject,
    begins,
    in_a_row,
    is_over,
    step,
)
from billing.rollups.tables import TABLES, Table, can_change, first_day
from billing.sweeps import Sweep
from billing.transactions import require_transaction

# No id of ours is older; a clock that told one such would have us add up decades of nothing.
_EARLIEST: Final = date(2020, 1, 1)
_AT_ONCE: Final = 31
_PATIENCE: Final = "90s"  # for one statement over a whole month; below a task's own limit
_log = structlog.get_logger(__name__)


def roll_up_due(*, now: datetime) -> int:
    """What is due of each subject is added up; return how many of its days have new sums.

    Of each subject the newest days come first, a month of them at a time: after an upgrade the
    rest follow run by run. Of money, whose days go on from each other, the oldest come first. A
    repeat changes nothing.
    """
    sweep, changed = Sweep("rolling_up_stumbled"), 0
    for subject in Subject:
        with sweep.row(subject=subject.value):
            due = islice(_due(subject, now), _AT_ONCE)
            for days in in_a_row(subject, sorted(due)):
                changed += len(_roll(subject, days, now=now))
    return changed


def roll_up_since(
    since: date, *, subjects: Sequence[Subject] = tuple(Subject), now: datetime
) -> Iterator[tuple[Subject, date]]:
    """Add up every day since then anew, some at a time; yield those that have new sums.

    It may be stopped and begun again at any day.
    """
    for subject in subjects:
        first = first_day(subject)
        if first is None:
            continue
        start = max(first, since.replace(day=1) if subject is Subject.COHORTS else since)
        days = _days(subject, start, now)
        while chunk := list(islice(days, _AT_ONCE)):
            for day in _roll(subject, chunk, now=now):
                yield subject, day


@transaction.atomic(durable=True)
def _roll(subject: Subject, days: Sequence[date], *, now: datetime) -> list[date]:
    """Each of these days says what its source says now; return those that said something else.

    While another worker is at the subject nothing is done: what it reads is as new as this.

    Args:
        days: that follow each other.
        now: an instant before which all was committed that is read, or is read again later.
    """
    if not _is_alone(subject):
        return []
    table = TABLES[subject]
    found = (table.go_on or table.read)(subject, days)
    return [day for day in days if _keep(subject, table, day, found[day], now)]


def _keep(
    subject: Subject,
    table: Table,
    day: date,
    rows: dict[tuple[object, ...], tuple[int, ...]],
    now: datetime,
) -> bool:
    """Have a day say this; return whether it said anything else before."""
    known = RolledDay.objects.filter(subject=subject, day=day).first()
    is_new = table.stored(day) != rows
    if is_new:
        table.write(day, rows)
        if known is not None and not known.is_open:
            # Something came after its day was settled: a clock was wrong, or a row was mended.
            _log.warning("rolled_day_was_mended", subject=subject.value, day=day.isoformat())
    RolledDay.objects.update_or_create(
        subject=subject,
        day=day,
        defaults={
            "rolled_at": now,
            "changed_at": now if is_new or known is None else known.changed_at,
            "is_open": not is_over(subject, day, at=now) or can_change(subject, day, rows),
        },
    )
    return is_new


def _is_alone(subject: Subject) -> bool:
    """Say whether this transaction may write the subject: of two workers one does."""
    require_transaction("rollups.roll")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext(%s)),"
            " set_config('statement_timeout', %s, true)",
            [f"rollups:{subject}", _PATIENCE],
        )
        is_alone, _patience = cursor.fetchone()
    return bool(is_alone)


def _due(subject: Subject, now: datetime) -> Iterator[date]:
    """Yield the days that are to be added up, in the order of their turns."""
    first = first_day(subject)
    if first is None:
        return
    rolled = {row.day: row for row in RolledDay.objects.filter(subject=subject)}
    days = list(_days(subject, first, now))
    due = [
        day
        for day in days
        if day not in rolled or now - rolled[day].rolled_at >= _lasts(subject, rolled[day], now)
    ]
    if subject is not Subject.MONEY:
        yield from reversed(due)
        return
    # What a day closes with all later ones open with.
    since = min([*due, *valuing.loose_days()], default=date.max)
    yield from (day for day in days if day >= since)


def _lasts(subject: Subject, row: RolledDay, now: datetime) -> timedelta:
    """Return how long what a day says is taken for true."""
    if row.is_open:
        return EVERY[subject]
    is_late = begins(subject, now - LOOKED_BACK) <= row.day
    return AGAIN_AFTER if is_late else timedelta.max


def _days(subject: Subject, first: date, now: datetime) -> Iterator[date]:
    day = max(first, begins(subject, datetime.combine(_EARLIEST, datetime.min.time(), tzinfo=UTC)))
    while day <= begins(subject, now):
        yield day
        day = step(subject, day)
