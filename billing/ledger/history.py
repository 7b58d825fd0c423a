"""The wallet as it was: as its rows stood when they were last written, lived on from there.

A past instant is told by the same code as a future one. What a touch wrote later is not read, it
is lived through again: also the windows that it passed over because nobody felt them any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from billing.ledger import statements, store
from billing.ledger.bounds import Automatic
from billing.ledger.debts import Owed
from billing.ledger.lots import Part, Timed
from billing.ledger.models import Allowance, Grant, Standstill, Wallet
from billing.ledger.schedules import Schedule
from billing.ledger.timeline import Timeline
from plans.periods import Move

_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Owing:
    """A debt that arose at `at`; nothing else is written then."""

    at: datetime
    owed: Owed

    def happen(self, timeline: Timeline) -> None:
        """Let it be owed from now on."""
        timeline.debts.append(self.owed)


def written(wallet: Wallet, *, at: datetime) -> tuple[Timeline, list[Owing]]:
    """Return the wallet as its rows stood at the past instant `at`, and what arose since then.

    It is to be settled to `at`; the debts that arose after the last entry, each at its instant.
    Entries by `at` say what the rows were, allowances that were there since then what comes, as
    far as it was known at `at`: of their ends, of what they gave, of the account's moves.
    """
    (written_at,) = _rows(statements.WRITTEN_THEN, wallet=wallet.pk, at=at)[0]
    since: datetime = written_at or wallet.created_at - _TICK
    lots = [store.lot(row) for row in _rows(statements.LOTS_THEN, wallet=wallet.pk, at=at)]
    schedules = _schedules(wallet, since=since, at=at)
    debts = [
        Owing(arose_at, Owed(key, missing))
        for arose_at, key, missing in _rows(statements.DEBTS_THEN, wallet=wallet.pk, at=at)
    ]
    timeline = Timeline(
        available_micros=sum(lot.available_micros for lot in lots),
        held_micros=sum(lot.held_micros for lot in lots),
        instant=since,
        lots={lot.id: lot for lot in lots},
        schedules=schedules,
        given=store.given(wallet.pk, schedules, until=at, known_at=at),
        uses=store.each_use(wallet.pk, since=at),
        debts=[debt.owed for debt in debts if debt.at <= since],
        timed=[
            Timed(key, ends_at, tuple(map(Part, grants, amounts)))
            for key, ends_at, grants, amounts in _rows(
                statements.TIMED_THEN, wallet=wallet.pk, at=at
            )
        ],
        automatic=Automatic(halted_at=_halted_at(wallet, at)),
        new_id=store.new_grant_id,
    )
    return timeline, [debt for debt in debts if debt.at > since]


def _halted_at(wallet: Wallet, at: datetime) -> datetime | None:
    """Return since when nothing came by itself at `at`; None: it did."""
    if wallet.halted_at is not None and wallet.halted_at <= at:
        return wallet.halted_at
    over = Standstill.objects.filter(wallet=wallet, halted_at__lte=at, resumed_at__gt=at)
    return over.values_list("halted_at", flat=True).first()


def name_grants(wallet: Wallet, timeline: Timeline) -> None:
    """Call what was lived through again by the ids under which it was written meanwhile."""
    made = {issue.fact: issue.lot.id for issue in timeline.issues}
    known = Grant.objects.filter(wallet=wallet, fact__in=made).values_list("fact", "pk")
    for fact, key in known:
        lot = timeline.lots.pop(made[fact])
        timeline.lots[key] = replace(lot, id=key)


def _schedules(wallet: Wallet, *, since: datetime, at: datetime) -> list[Schedule]:
    """Return the allowances that were there between `since` and `at`, as they were at `since`."""
    rows = list(
        Allowance.objects.filter(
            Q(ends_at=None) | Q(ends_at__gt=since),
            wallet=wallet,
            mode=Allowance.Mode.AUTO,
            started_at__lte=at,
        ).order_by("position", "id")
    )
    moves = store.moves(wallet.pk, until=at)
    found = [(row, known_then(row, at=at, moves=moves)) for row in rows]
    rolling = [schedule.series for _row, schedule in found if schedule.is_rolling]
    used = _used(wallet, rolling, at=at) if rolling else []
    for row, schedule in found:
        uses = [instant for series, instant in used if series == schedule.series]
        schedule.next_at = None if schedule.terms.is_counted else _next(row, schedule, since, uses)
    return [schedule for _row, schedule in found]


def known_then(row: Allowance, *, at: datetime, moves: tuple[Move, ...]) -> Schedule:
    """Return an allowance of the instant `at` with the end that was known for it then."""
    schedule = store.schedule(row, moves=moves)
    is_there = row.ends_at is None or row.ends_at > at
    return replace(schedule, ends_at=row.announced_end_at if is_there else row.ends_at)


def _next(
    row: Allowance, schedule: Schedule, since: datetime, uses: Iterable[datetime]
) -> datetime | None:
    """Return when an allowance gave next as its row stood at `since`."""
    if row.created_at >= since or (row.first_at is not None and row.first_at > since):
        return row.first_at
    if schedule.is_rolling:
        return _after_use(schedule, since, [use for use in uses if use >= row.started_at])
    return schedule.within(schedule.window(since).ends_at)


def _after_use(schedule: Schedule, since: datetime, uses: Iterable[datetime]) -> datetime | None:
    """Return when the rolling window is over that was under way at `since`; None: none was."""
    ends_at: datetime | None = None
    for use in uses:
        if ends_at is None or use >= ends_at:
            ends_at = schedule.after(use)
    return schedule.within(ends_at) if ends_at is not None and ends_at > since else None


def _used(wallet: Wallet, series: list[str], *, at: datetime) -> list[tuple[str, datetime]]:
    rows = _rows(statements.USED_THEN, wallet=wallet.pk, at=at, series=series)
    return [(name, instant) for name, instant in rows]


def _rows(statement: str, **facts: str | datetime | list[str]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
