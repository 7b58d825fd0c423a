"""The hot path's statements: lock and load a wallet, and write what its timeline did.

One statement locks and tells the time, two load what is alive (a third where an allowance is
under way), and one writes all entries and sums. The rules stay in `timeline`; nothing here
decides.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from billing.http.requests import request_id
from billing.ids import new_id
from billing.ledger.journal import PATHS, Bucket, chain
from billing.ledger.models import Allowance, Grant, Wallet
from billing.ledger.timeline import Lot, Schedule, Timeline

# The clock is read after the lock is held: a wait for the lock makes the instant later, never
# the other way round. `touched_at` keeps it from running back when the server's clock does.
_LOCK: Final = """
    WITH locked AS MATERIALIZED (SELECT * FROM billing_wallet WHERE account_id = %s FOR UPDATE)
    SELECT id, available_micros, held_micros, seq, digest, touched_at, due_at,
           GREATEST(clock_timestamp() + clock_offset, touched_at)
    FROM locked
"""
_LOTS: Final = """
    SELECT id, source, priority, effective_at, expires_at,
           pending_micros, available_micros, held_micros
    FROM billing_grant
    WHERE wallet_id = %s AND (pending_micros > 0 OR available_micros > 0 OR held_micros > 0)
"""
_WRITE: Final = """
    WITH issued AS (
        INSERT INTO billing_grant (
            id, wallet_id, source, fact, reason, priority, effective_at, expires_at, created_at,
            amount_micros, pending_micros, available_micros, held_micros, captured_micros,
            expired_micros, revoked_micros)
        SELECT i.id, %(wallet)s, i.source, i.fact, i.reason, i.priority, i.effective_at,
               i.expires_at, %(now)s, i.amount, i.pending, i.available, i.held, i.captured,
               i.expired, i.revoked
        FROM unnest(%(i_id)s::text[], %(i_source)s::text[], %(i_fact)s::text[],
                    %(i_reason)s::text[], %(i_priority)s::int[], %(i_effective)s::timestamptz[],
                    %(i_expires)s::timestamptz[], %(i_amount)s::bigint[], %(i_pending)s::bigint[],
                    %(i_available)s::bigint[], %(i_held)s::bigint[], %(i_captured)s::bigint[],
                    %(i_expired)s::bigint[], %(i_revoked)s::bigint[])
             AS i(id, source, fact, reason, priority, effective_at, expires_at, amount, pending,
                  available, held, captured, expired, revoked)
    ), moved AS (
        UPDATE billing_grant AS g
        SET pending_micros = g.pending_micros + d.pending,
            available_micros = g.available_micros + d.available,
            held_micros = g.held_micros + d.held,
            captured_micros = g.captured_micros + d.captured,
            expired_micros = g.expired_micros + d.expired,
            revoked_micros = g.revoked_micros + d.revoked
        FROM unnest(%(d_id)s::text[], %(d_pending)s::bigint[], %(d_available)s::bigint[],
                    %(d_held)s::bigint[], %(d_captured)s::bigint[], %(d_expired)s::bigint[],
                    %(d_revoked)s::bigint[])
             AS d(id, pending, available, held, captured, expired, revoked)
        WHERE g.id = d.id
    ), written AS (
        INSERT INTO billing_entry (
            id, wallet_id, seq, kind, source, target, amount_micros, grant_id, hold_id,
            available_after_micros, held_after_micros, cause_type, cause_id, actor_type,
            actor_id, request_id, effective_at, created_at, digest)
        SELECT e.id, %(wallet)s, e.seq, e.kind, e.source, e.target, e.amount, e.grant_id,
               e.hold_id, e.available, e.held, e.cause_type, e.cause_id, e.actor_type,
               e.actor_id, %(request)s, e.effective_at, %(now)s, e.digest
        FROM unnest(%(e_id)s::text[], %(e_seq)s::bigint[], %(e_kind)s::text[],
                    %(e_source)s::text[], %(e_target)s::text[], %(e_amount)s::bigint[],
                    %(e_grant)s::text[], %(e_hold)s::text[], %(e_available)s::bigint[],
                    %(e_held)s::bigint[], %(e_cause_type)s::text[], %(e_cause_id)s::text[],
                    %(e_actor_type)s::text[], %(e_actor_id)s::text[],
                    %(e_effective)s::timestamptz[], %(e_digest)s::bytea[])
             AS e(id, seq, kind, source, target, amount, grant_id, hold_id, available, held,
                  cause_type, cause_id, actor_type, actor_id, effective_at, digest)
    ), planned AS (
        UPDATE billing_allowance AS a SET next_at = p.next_at
        FROM unnest(%(p_id)s::text[], %(p_next)s::timestamptz[]) AS p(id, next_at)
        WHERE a.id = p.id AND a.next_at IS DISTINCT FROM p.next_at
    )
    UPDATE billing_wallet
    SET available_micros = %(available)s, held_micros = %(held)s, seq = %(seq)s,
        digest = %(digest)s, due_at = %(due)s, touched_at = %(touched)s
    WHERE id = %(wallet)s
"""
_GIVEN_OF_LATE: Final = timedelta(days=70)


@dataclass(slots=True)
class LockedWallet:
    """A wallet whose row this transaction holds, settled to `now` in memory.

    Attributes:
        now: the lock's instant, the only clock of money.
        due_at: as it stands in the row, which may be older than what the timeline says.
        timeline: what the wallet is and what happens to it; `write` makes it lasting.
    """

    id: str
    account_id: str
    now: datetime
    seq: int
    digest: bytes
    timeline: Timeline
    due_at: datetime | None


def lock(account_id: str) -> LockedWallet | None:
    """Lock the account's wallet and load what is alive in it; None when it has none."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [account_id])
        row = cursor.fetchone()
        if row is None:
            return None
        wallet_id, available, held, seq, digest, touched_at, due_at, now = row
        timeline = _load(cursor, wallet_id, available, held, touched_at)
    timeline.settle(now)
    return LockedWallet(
        id=wallet_id,
        account_id=account_id,
        now=now,
        seq=seq,
        digest=bytes(digest),
        timeline=timeline,
        due_at=due_at,
    )


def load(wallet: Wallet) -> Timeline:
    """Return the wallet's timeline as it was last written, unlocked: to look, not to write.

    The balances are summed from the lots of one statement: the wallet's row was read before
    them, and somebody may have moved credits in between.
    """
    with connection.cursor() as cursor:
        timeline = _load(cursor, wallet.pk, 0, 0, wallet.touched_at)
    timeline.available_micros = sum(lot.available_micros for lot in timeline.lots.values())
    timeline.held_micros = sum(lot.held_micros for lot in timeline.lots.values())
    return timeline


def database_now() -> datetime:
    """Return the database's instant, which every wallet's clock starts from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def clock(wallet: Wallet) -> datetime:
    """Return the wallet's instant: the database's clock plus a sandbox's offset."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT GREATEST(clock_timestamp() + clock_offset, touched_at) "
            "FROM billing_wallet WHERE id = %s",
            [wallet.pk],
        )
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now


def write(locked: LockedWallet) -> None:
    """Make lasting what the timeline did since it was locked; a second call adds only the new.

    The entries, the grants and the wallet's sums change in one statement.
    """
    timeline = locked.timeline
    facts: dict[str, Any] = {
        "wallet": locked.id,
        "now": locked.now,
        "request": request_id(),
        "available": timeline.available_micros,
        "held": timeline.held_micros,
        "touched": timeline.instant,
        "due": timeline.due_at(),
        "p_id": [schedule.id for schedule in timeline.schedules],
        "p_next": [schedule.next_at for schedule in timeline.schedules],
    }
    facts |= _entries(locked)
    facts |= _grants(timeline)
    facts |= {"seq": locked.seq, "digest": locked.digest}
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, facts)
    locked.due_at = facts["due"]
    timeline.movements.clear()
    timeline.issues.clear()


def _load(
    cursor: Any,  # noqa: ANN401 (Django's cursor wrapper has no public type)
    wallet_id: str,
    available_micros: int,
    held_micros: int,
    touched_at: datetime,
) -> Timeline:
    cursor.execute(_LOTS, [wallet_id])
    lots = {row[0]: Lot(*row) for row in cursor.fetchall()}
    allowances = Allowance.objects.filter(wallet_id=wallet_id, next_at__isnull=False)
    schedules = [_schedule(allowance) for allowance in allowances.order_by("id")]
    return Timeline(
        available_micros=available_micros,
        held_micros=held_micros,
        instant=touched_at,
        lots=lots,
        schedules=schedules,
        given=_given(wallet_id, schedules),
        new_id=_new_grant_id,
    )


def _given(wallet_id: str, schedules: list[Schedule]) -> set[str]:
    """Return the facts of what the schedules' allowances gave of late.

    Of late means not long before the next window: a later zone or plan may name a day again
    that was given already, but never one of months ago.
    """
    starts = [one.next_at for one in schedules if one.next_at is not None]
    if not starts:
        return set()
    recent = Grant.objects.filter(
        wallet_id=wallet_id,
        fact__startswith="allowance:",
        effective_at__gte=min(starts) - _GIVEN_OF_LATE,
    )
    return set(recent.values_list("fact", flat=True))


def _new_grant_id() -> str:
    return new_id("gr")


def _schedule(allowance: Allowance) -> Schedule:
    assert allowance.next_at is not None
    return Schedule(
        id=allowance.pk,
        code=allowance.code,
        cadence=allowance.cadence,
        zone=allowance.zone,
        anchor_at=allowance.anchor_at,
        amount_micros=allowance.amount_micros,
        source=allowance.source,
        priority=allowance.priority,
        expiry=allowance.expiry,
        next_at=allowance.next_at,
        ends_at=allowance.ends_at,
    )


def _entries(locked: LockedWallet) -> dict[str, list[Any]]:
    """Number and chain the movements; the wallet's `seq` and `digest` follow them."""
    rows: list[tuple[Any, ...]] = []
    for movement in locked.timeline.movements:
        locked.seq += 1
        locked.digest = chain(locked.digest, wallet_id=locked.id, seq=locked.seq, movement=movement)
        source, target = PATHS[movement.kind]
        rows.append(
            (
                new_id("en"),
                locked.seq,
                movement.kind.value,
                source.value,
                target.value,
                movement.amount_micros,
                movement.grant_id,
                movement.hold_id,
                movement.available_after_micros,
                movement.held_after_micros,
                movement.cause.type,
                movement.cause.id,
                movement.actor.type,
                movement.actor.id,
                movement.effective_at,
                locked.digest,
            )
        )
    return _columns(
        "e",
        "id seq kind source target amount grant hold available held cause_type cause_id "
        "actor_type actor_id effective digest",
        rows,
    )


def _grants(timeline: Timeline) -> dict[str, list[Any]]:
    """Sum the movements by grant: whole rows for the new ones, differences for the others."""
    totals: dict[str, Counter[Bucket]] = {}
    for movement in timeline.movements:
        total = totals.setdefault(movement.grant_id, Counter())
        source, target = PATHS[movement.kind]
        total[source] -= movement.amount_micros
        total[target] += movement.amount_micros
    issues = []
    for issue in timeline.issues:
        total = totals.pop(issue.lot.id, Counter())
        total[Bucket.ISSUED] += issue.amount_micros
        lot = issue.lot
        issues.append(
            (
                lot.id,
                lot.source,
                issue.fact,
                issue.reason,
                lot.priority,
                lot.effective_at,
                lot.expires_at,
                issue.amount_micros,
                *(total[bucket] for bucket in Bucket),
            )
        )
    changes = [(key, *(total[bucket] for bucket in Bucket)) for key, total in totals.items()]
    buckets = "pending available held captured expired revoked"
    return _columns(
        "i", f"id source fact reason priority effective expires amount {buckets}", issues
    ) | _columns("d", f"id {buckets}", changes)


def _columns(prefix: str, names: str, rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Turn rows into one list a column, which `unnest` turns back into rows."""
    columns = names.split()
    return {f"{prefix}_{name}": [row[place] for row in rows] for place, name in enumerate(columns)}
