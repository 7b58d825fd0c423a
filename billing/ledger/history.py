"""The wallet as it was: as its rows stood when they were last written, lived on from there.

A past instant is told by the same code as a future one. What a touch wrote later is not read, it
is lived through again: also the windows that it passed over because nobody felt them any more.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from billing.ledger import past, statements, store
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


def written(wallet: Wallet, *, instants: Sequence[datetime]) -> list[tuple[Timeline, list[Owing]]]:
    """Return the wallet as its rows stood at each of these past instants, and what arose since.

    Each is to be settled to its instant; the debts that arose after the last entry, each at its
    own. Entries by then say what the rows were, allowances that were there since then what comes,
    as far as it was known: of their ends, of what they gave, of the account's moves. The rows are
    read once, however many instants there are.

    Args:
        instants: one or more, the earliest first.
    """
    facts: dict[str, Any] = {"wallet": wallet.pk, "ats": [*instants], "last": instants[-1]}
    since = dict(_rows(statements.WRITTEN_THEN, facts))
    lots = _by_place(statements.LOTS_THEN, facts)
    debts = _by_place(statements.DEBTS_THEN, facts)
    timed = _by_place(statements.TIMED_THEN, facts)
    stood = [
        (place, at, since[place] or wallet.created_at - _TICK)
        for place, at in enumerate(instants, start=1)
    ]
    schedules = _schedules(wallet, [(at, began) for _place, at, began in stood])
    given = past.given_of_late(wallet.pk, chain.from_iterable(schedules))
    uses = past.each_use(wallet.pk, since=instants[0])
    halts = _halts(wallet)
    found = []
    for (place, at, began), own in zip(stood, schedules, strict=True):
        own_lots = [store.lot(row) for row in lots[place]]
        owing = [Owing(arose_at, Owed(key, missing)) for arose_at, key, missing in debts[place]]
        timeline = Timeline(
            available_micros=sum(lot.available_micros for lot in own_lots),
            held_micros=sum(lot.held_micros for lot in own_lots),
            instant=began,
            lots={lot.id: lot for lot in own_lots},
            schedules=own,
            given={fact for fact, made_at in given if made_at <= at},
            uses=[use for use in uses if use.window_ends_at > at],
            debts=[debt.owed for debt in owing if debt.at <= began],
            timed=[
                Timed(key, ends_at, tuple(map(Part, grants, amounts)))
                for key, ends_at, grants, amounts in timed[place]
            ],
            automatic=Automatic(halted_at=_halted_at(halts, at)),
            new_id=store.new_grant_id,
        )
        found.append((timeline, [debt for debt in owing if debt.at > began]))
    return found


def _halts(wallet: Wallet) -> list[tuple[datetime, datetime | None]]:
    """Return from when to when nothing came by itself; what is not over first."""
    over = Standstill.objects.filter(wallet=wallet).values_list("halted_at", "resumed_at")
    now = [] if wallet.halted_at is None else [(wallet.halted_at, None)]
    return [*now, *over]


def _halted_at(halts: Iterable[tuple[datetime, datetime | None]], at: datetime) -> datetime | None:
    """Return since when nothing came by itself at `at`; None: it did."""
    since = (begun for begun, over in halts if begun <= at and (over is None or over > at))
    return next(since, None)


def name_grants(wallet: Wallet, timeline: Timeline) -> None:
    """Call what was lived through again by the ids under which it was written meanwhile."""
    made = {issue.fact: issue.lot.id for issue in timeline.issues}
    known = Grant.objects.filter(wallet=wallet, fact__in=made).values_list("fact", "pk")
    for fact, key in known:
        lot = timeline.lots.pop(made[fact])
        timeline.lots[key] = replace(lot, id=key)


def _schedules(wallet: Wallet, stood: Sequence[tuple[datetime, datetime]]) -> list[list[Schedule]]:
    """Return for each instant and when was written before it the allowances there were between.

    They are as they were when was written.
    """
    rows = list(
        Allowance.objects.filter(
            Q(ends_at=None) | Q(ends_at__gt=min(since for _at, since in stood)),
            wallet=wallet,
            mode=Allowance.Mode.AUTO,
            started_at__lte=stood[-1][0],
        ).order_by("position", "id")
    )
    moves = store.moves(wallet.pk)
    found = [
        [
            (row, known_then(row, at=at, moves=tuple(one for one in moves if one.at <= at)))
            for row in rows
            if row.started_at <= at and (row.ends_at is None or row.ends_at > since)
        ]
        for at, since in stood
    ]
    rolling = {one.series for own in found for _row, one in own if one.is_rolling}
    used = _used(wallet, sorted(rolling), last=stood[-1][0]) if rolling else []
    for (at, since), own in zip(stood, found, strict=True):
        for row, schedule in own:
            uses = [use for series, use, made in used if series == schedule.series and made <= at]
            schedule.next_at = (
                None if schedule.terms.is_counted else _next(row, schedule, since, uses)
            )
    return [[schedule for _row, schedule in own] for own in found]


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


def _used(wallet: Wallet, series: list[str], *, last: datetime) -> list[tuple[Any, ...]]:
    """Return which of the series was used when, and when that was written."""
    return _rows(statements.USED_THEN, {"wallet": wallet.pk, "last": last, "series": series})


def _by_place(statement: str, facts: dict[str, Any]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for place, *row in _rows(statement, facts):
        found[place].append(tuple(row))
    return found


def _rows(statement: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
