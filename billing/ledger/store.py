"""The hot path's statements: lock and load a wallet, and write what its timeline did.

One statement locks and tells the time and two load what is alive, in one round trip (another where
an allowance has come due, and one where units are counted); one writes all entries, holds and sums.
The rules stay in `timeline`; nothing here decides.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from billing.http.requests import request_id
from billing.ids import new_id
from billing.ledger import facts, jumps, past, statements
from billing.ledger.bounds import Automatic
from billing.ledger.debts import Owed
from billing.ledger.journal import Kind
from billing.ledger.lots import Lot, Part, Timed
from billing.ledger.models import Allowance, Hold, Wallet, ZoneChange
from billing.ledger.schedules import Schedule
from billing.ledger.timeline import Timeline
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from plans import asking
from plans.catalog.allowances import Allowance as AllowanceTerms
from plans.catalog.matching import read_match
from plans.catalog.schema import Catalog
from plans.periods import Move, Zones


@dataclass(slots=True)
class LockedWallet:
    """A wallet whose row this transaction holds, settled to `now` in memory.

    Attributes:
        now: the lock's instant, the only clock of money.
        due_at, planned: when the wallet changes next, and when each allowance gives next, as
            it stands in the rows, which may be older than what the timeline says.
        catalog: whose rules count for what is done now, such as the one for expired grants.
        halted_at: since when nothing comes by itself, as it stands in the rows.
        timeline: what the wallet is and what happens to it; `write` makes it lasting.
        opened, resolved: holds that begin, with their parts, and that end; `write` writes them.
    """

    id: str
    account_id: str
    now: datetime
    seq: int
    last_entry_id: str
    digest: bytes
    timeline: Timeline
    due_at: datetime | None
    planned: dict[str, datetime | None]
    catalog: Catalog
    halted_at: datetime | None = None
    opened: list[tuple[Hold, Sequence[Part]]] = field(default_factory=list)
    resolved: list[Hold] = field(default_factory=list)

    @property
    def is_written(self) -> bool:
        """Whether the rows say what the timeline says."""
        timeline = self.timeline
        return (
            not timeline.movements
            and not timeline.timed_out
            and timeline.due_at() == self.due_at
            and _planned(timeline) == self.planned
        )


def lock(
    account_id: str, *, catalog: Catalog, until: datetime | None = None
) -> LockedWallet | None:
    """Lock the account's wallet and load what is alive in it; None when it has none.

    Args:
        until: the past instant to which it is settled only, unless it has been before, because
            something happens then that the ledger does not know; None: to now.
    """
    whose = {"account": account_id}
    wallets, lots, schedules = asking.ask(
        (statements.LOCK, whose),
        (statements.LOTS_OF_LOCKED, whose),
        (statements.SCHEDULES_OF_LOCKED, whose),
    )
    if not wallets:
        return None
    [(wallet_id, available, held, seq, digest, touched_at, due_at, now, *state, last_id)] = wallets
    timeline = _timeline(wallet_id, touched_at, lots, schedules, until=now)
    timeline.available_micros, timeline.held_micros = available, held
    timeline.automatic = Automatic(catalog.safety.automatic_grants_per_day, *state[2:])
    _load_state(wallet_id, timeline, *state[:2])
    planned = _planned(timeline)
    timeline.settle(now if until is None else max(touched_at, min(until, now)))
    return LockedWallet(
        id=wallet_id,
        account_id=account_id,
        now=now,
        seq=seq,
        last_entry_id=last_id,
        digest=bytes(digest),
        timeline=timeline,
        due_at=due_at,
        planned=planned,
        catalog=catalog,
        halted_at=state[-1],
    )


def _planned(timeline: Timeline) -> dict[str, datetime | None]:
    return {schedule.id: schedule.next_at for schedule in timeline.schedules}


def load(wallet: Wallet) -> Timeline:
    """Return the wallet's timeline as it was last written, unlocked: to look, not to write.

    The balances are summed from the lots of one statement: the wallet's row was read before
    them, and somebody may have moved credits in between.
    """
    whose = {"wallet": wallet.pk, "at": wallet.touched_at}
    lots, schedules = asking.ask((statements.LOTS, whose), (statements.SCHEDULES, whose))
    timeline = _timeline(wallet.pk, wallet.touched_at, lots, schedules, until=None)
    timeline.automatic.halted_at = wallet.halted_at
    _load_state(wallet.pk, timeline, wallet.debt_micros, wallet.timed_holds)
    timeline.available_micros = sum(lot.available_micros for lot in timeline.lots.values())
    timeline.held_micros = sum(lot.held_micros for lot in timeline.lots.values())
    return timeline


def ask_ahead(wallet: Wallet) -> None:
    """Ask in one round trip what `load`, `clock` and `moves` ask, for `asking.same_answers`."""
    whose = {"wallet": wallet.pk, "at": wallet.touched_at}
    # The clock first: what was committed by that instant is in what is read after it.
    asking.ask(
        (statements.CLOCK, {"wallet": wallet.pk}),
        (statements.LOTS, whose),
        (statements.SCHEDULES, whose),
        _moves_of.question(wallet=wallet.pk),
    )


def database_now() -> datetime:
    """Return the database's instant, which every wallet's clock starts from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def clock(wallet: Wallet) -> datetime:
    """Return the wallet's instant: the database's clock plus a sandbox's offset."""
    [[(now,)]] = asking.ask((statements.CLOCK, {"wallet": wallet.pk}))
    assert isinstance(now, datetime)
    return now


def write(locked: LockedWallet) -> None:
    """Make lasting what the timeline did since it was locked; a second call adds only the new.

    The entries, the grants, the holds and the wallet's sums change in one statement.

    Raises:
        ClockMoved: the database's clock has been set since the wallet was locked.
    """
    timeline, planned = locked.timeline, _planned(locked.timeline)
    replanned = dict(planned.items() - locked.planned.items())
    written: dict[str, Any] = {
        "wallet": locked.id,
        "now": locked.now,
        "request": request_id(),
        "available": timeline.available_micros,
        "held": timeline.held_micros,
        "touched": timeline.instant,
        "due": timeline.due_at(),
        "debt": timeline.debt_micros,
        "timed": len(timeline.timed),
        "timed_out": timeline.timed_out,
        "automatic_on": timeline.automatic.on,
        "automatic_count": timeline.automatic.count,
        "halted": timeline.automatic.halted_at,
        "p_id": [*replanned],
        "p_next": [*replanned.values()],
    }
    written |= facts.entries(locked)
    written |= facts.grants(timeline) | facts.repaid(timeline)
    written |= facts.holds(locked.opened, locked.resolved)
    written |= {"seq": locked.seq, "last": locked.last_entry_id, "digest": locked.digest}
    changes = [(statements.write(written), written)]
    if written["a_hold"]:
        changes.append((statements.ALLOCATE, written))
    with jumps.told(locked.id, now=locked.now):
        asking.tell(*changes)
    _have_told(locked)
    locked.due_at, locked.planned = written["due"], planned
    locked.halted_at = written["halted"]
    timeline.movements.clear()
    timeline.issues.clear()
    timeline.ended.clear()
    timeline.timed_out.clear()
    locked.opened.clear()
    locked.resolved.clear()


def hold(locked: LockedWallet, hold_id: str) -> tuple[Hold, list[Part]]:
    """Return a hold of the wallet, and its parts in the order in which they were taken.

    Raises:
        Hold.DoesNotExist: the wallet has none of this id.
    """
    [rows] = asking.ask((statements.HOLD, {"wallet": locked.id, "hold": hold_id}))
    if not rows:
        raise Hold.DoesNotExist(hold_id)
    [(grants, amounts, *columns)] = rows
    held = Hold(**dict(zip(statements.HOLD_COLUMNS, columns, strict=True)))
    held._state.adding = False  # noqa: SLF001 (Django documents it)
    return held, [*map(Part, grants, amounts)]


def _have_told(locked: LockedWallet) -> None:
    """Post what somebody must hear of: debts that are paid, and that grants were halted.

    Messages only: to publish here would lock the account's event counter in mid-course.
    """
    timeline = locked.timeline
    owed = {debt.id for debt in timeline.debts}
    touched = {one.cause.id for one in timeline.movements if one.kind == Kind.REPAY}
    for debt_id in sorted(touched - owed):
        outbox.post(TaskName.TELL_DEBT, now=database_now(), debt_id=debt_id)
    halted_at = timeline.automatic.halted_at
    if halted_at is not None and halted_at != locked.halted_at:
        outbox.post(
            TaskName.TELL_HALT,
            now=database_now(),
            account_id=locked.account_id,
            halted_at=halted_at.isoformat(),
        )


def moves(wallet_id: str, *, until: datetime | None = None) -> tuple[Move, ...]:
    """Return the account's changes of zone, in their order; those up to `until`, or all."""
    found = [Move(at, zone) for at, zone in _moves_of(wallet=wallet_id)]
    return tuple(move for move in found if until is None or move.at <= until)


_moves_of = asking.Prepared(
    lambda: (
        ZoneChange.objects.filter(wallet=asking.Given("wallet"))
        .order_by("id")
        .values_list("at", "zone")
    )
)


def zones(changes: QuerySet[ZoneChange], *, else_: str) -> Zones:
    """Return the zones of an account: its first one, which is `else_` if it never moved."""
    rows = list(changes.order_by("id").values_list("former", "at", "zone"))
    first = rows[0][0] if rows else else_
    return Zones(first, tuple(Move(at, zone) for _former, at, zone in rows))


def schedule(allowance: Allowance, *, moves: tuple[Move, ...]) -> Schedule:
    """Return the row as the pure core knows it, with the account's changes of zone."""
    return Schedule(
        id=allowance.pk,
        code=allowance.code,
        terms=_terms(json.dumps(allowance.terms)),
        zone=allowance.zone,
        anchor_at=allowance.anchor_at,
        subscription=allowance.subscription,
        next_at=allowance.next_at,
        ends_at=allowance.ends_at,
        windows_of=allowance.windows_of,
        moves=moves,
    )


def _timeline(
    wallet_id: str,
    touched_at: datetime,
    lots: Iterable[tuple[Any, ...]],
    schedules: Iterable[tuple[Any, ...]],
    *,
    until: datetime | None,
) -> Timeline:
    """Return a timeline of these rows that will be settled to `until`; None: to whatever instant.

    Its balances are for the caller to say.
    """
    planned = [
        Schedule(key, code, _terms(terms), *(*others, _moves(moves or "[]")))
        for key, code, terms, *others, moves in schedules
    ]
    counted = any(schedule.terms.is_counted for schedule in planned)
    return Timeline(
        available_micros=0,
        held_micros=0,
        instant=touched_at,
        lots={row[0]: lot(row) for row in lots},
        schedules=planned,
        given=past.given(wallet_id, planned, until=until),
        uses=past.uses(wallet_id, since=touched_at) if counted else [],
        new_id=new_grant_id,
    )


def _load_state(wallet_id: str, timeline: Timeline, debt_micros: int, timed_holds: int) -> None:
    """Load what few wallets have: debts, and holds with an end."""
    whose = {"wallet": wallet_id}
    if debt_micros:
        [debts] = asking.ask((statements.DEBTS, whose))
        timeline.debts = [Owed(*row) for row in debts]
    if timed_holds:
        [timed] = asking.ask((statements.TIMED, whose))
        timeline.timed = [
            Timed(key, ends_at, tuple(map(Part, grants, amounts)))
            for key, ends_at, grants, amounts in timed
        ]


def lot(row: tuple[Any, ...]) -> Lot:
    """Return a row of `statements.LOT` as the pure core knows it."""
    (
        *plain,
        series,
        scope,
        locked_while,
        is_bought,
        with_subscription,
        lasts,
        pack,
        again,
        back,
    ) = row
    found = Lot(*plain)
    found.series = series
    found.scope = read_match(scope)
    found.locked_while = tuple(json.loads(locked_while)) if locked_while != "[]" else ()
    found.is_bought = is_bought
    found.with_subscription = with_subscription
    found.lasts = lasts
    found.pack = pack
    found.is_returned = again
    found.goes_back = back
    return found


@lru_cache(maxsize=4096)
def _moves(text: str) -> tuple[Move, ...]:
    return tuple(Move(datetime.fromisoformat(at), zone) for at, zone in json.loads(text))


@lru_cache(maxsize=4096)
def _terms(text: str) -> AllowanceTerms:
    return AllowanceTerms.model_validate_json(text)


def new_grant_id() -> str:
    """Return the id of a grant that is yet to be."""
    return new_id("gr")
