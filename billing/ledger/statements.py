"""The SQL of the hot path, and the columns that it is given; `store` runs it."""

import json
from collections import Counter
from typing import Any, Final, Protocol

from billing.ids import new_id
from billing.ledger.journal import PATHS, Bucket, chain
from billing.ledger.lots import Issue
from billing.ledger.timeline import Timeline
from plans.catalog.matching import match_text

# The clock is read after the lock is held: a wait for the lock makes the instant later, never
# the other way round. `touched_at` keeps it from running back when the server's clock does.
LOCK: Final = """
    WITH locked AS MATERIALIZED (SELECT * FROM billing_wallet WHERE account_id = %s FOR UPDATE)
    SELECT id, available_micros, held_micros, seq, digest, touched_at, due_at,
           GREATEST(clock_timestamp() + clock_offset, touched_at)
    FROM locked
"""
# Such facts are `lots.RETURNED`.
LOT: Final = """
    SELECT id, source, priority, effective_at, LEAST(expires_at, ends_at),
           pending_micros, available_micros, held_micros,
           series, scope::text, locked_while::text, paid_micros > 0, with_subscription, lasts, pack,
           starts_with(fact, 'returned:')
    FROM billing_grant
"""
LOTS: Final = f"""{LOT}
    WHERE wallet_id = %s AND (pending_micros > 0 OR available_micros > 0 OR held_micros > 0)
"""
SCHEDULES: Final = """
    SELECT id, code, terms::text, zone, anchor_at, subscription, next_at, ends_at, windows_of
    FROM billing_allowance
    WHERE wallet_id = %s AND mode = 'auto'
      AND (next_at IS NOT NULL OR ends_at IS NULL OR ends_at > %s)
    ORDER BY position, id
"""
# What is used up of a window comes as one row, however many orders it was: of a window that is
# never over they would only grow.
USES: Final = """
    SELECT series, "window", window_ends_at,
           sum(CASE WHEN settled_at <= %(since)s THEN kept_micros ELSE units_micros END)::bigint,
           sum(kept_micros)::bigint, min(created_at), max(settled_at)
    FROM billing_counteduse
    WHERE wallet_id = %(wallet)s AND window_ends_at > %(since)s
    GROUP BY series, "window", window_ends_at,
             CASE WHEN settled_at <= %(since)s THEN NULL ELSE id END
    ORDER BY min(created_at), min(id)
"""
WRITE: Final = """
    WITH issued AS (
        INSERT INTO billing_grant (
            id, wallet_id, source, fact, reason, priority, series, pack, scope, locked_while,
            with_subscription, lasts, streak_days, paid_micros, paid_currency, effective_at,
            expires_at, ends_at, created_at, amount_micros, pending_micros, available_micros,
            held_micros, captured_micros, expired_micros, revoked_micros)
        SELECT i.id, %(wallet)s, i.source, i.fact, i.reason, i.priority, i.series, i.pack,
               i.scope::jsonb, i.locked::jsonb, i.subscribed, i.lasts, i.streak, i.paid,
               i.currency, i.effective_at, i.expires_at, i.ends_at, %(now)s, i.amount, i.pending,
               i.available, i.held, i.captured, i.expired, i.revoked
        FROM unnest(%(i_id)s::text[], %(i_source)s::text[], %(i_fact)s::text[],
                    %(i_reason)s::text[], %(i_priority)s::int[], %(i_series)s::text[],
                    %(i_pack)s::text[], %(i_scope)s::text[], %(i_locked)s::text[],
                    %(i_subscribed)s::bool[], %(i_lasts)s::text[], %(i_streak)s::int[],
                    %(i_paid)s::bigint[], %(i_currency)s::text[], %(i_effective)s::timestamptz[],
                    %(i_expires)s::timestamptz[], %(i_ends)s::timestamptz[],
                    %(i_amount)s::bigint[], %(i_pending)s::bigint[],
                    %(i_available)s::bigint[], %(i_held)s::bigint[], %(i_captured)s::bigint[],
                    %(i_expired)s::bigint[], %(i_revoked)s::bigint[])
             AS i(id, source, fact, reason, priority, series, pack, scope, locked, subscribed,
                  lasts, streak, paid, currency, effective_at, expires_at, ends_at, amount,
                  pending, available, held, captured, expired, revoked)
    ), moved AS (
        UPDATE billing_grant AS g
        SET pending_micros = g.pending_micros + d.pending,
            available_micros = g.available_micros + d.available,
            held_micros = g.held_micros + d.held,
            captured_micros = g.captured_micros + d.captured,
            expired_micros = g.expired_micros + d.expired,
            revoked_micros = g.revoked_micros + d.revoked,
            ends_at = COALESCE(d.ends_at, g.ends_at)
        FROM unnest(%(d_id)s::text[], %(d_pending)s::bigint[], %(d_available)s::bigint[],
                    %(d_held)s::bigint[], %(d_captured)s::bigint[], %(d_expired)s::bigint[],
                    %(d_revoked)s::bigint[], %(d_ends)s::timestamptz[])
             AS d(id, pending, available, held, captured, expired, revoked, ends_at)
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


class Chained(Protocol):
    """A wallet whose entries are numbered and chained."""

    id: str
    seq: int
    digest: bytes
    timeline: Timeline


def entries(locked: Chained) -> dict[str, list[Any]]:
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


def grants(timeline: Timeline) -> dict[str, list[Any]]:
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
        issues.append((*_terms_of(issue, timeline), *(total[bucket] for bucket in Bucket)))
    for grant_id in timeline.ended.keys() - {issue.lot.id for issue in timeline.issues}:
        totals.setdefault(grant_id, Counter())
    changes = [
        (key, *(total[bucket] for bucket in Bucket), timeline.ended.get(key))
        for key, total in totals.items()
    ]
    buckets = "pending available held captured expired revoked"
    terms = (
        "id source fact reason priority series pack scope locked subscribed lasts streak paid "
        "currency effective expires ends amount"
    )
    return _columns("i", f"{terms} {buckets}", issues) | _columns(
        "d", f"id {buckets} ends", changes
    )


def _terms_of(issue: Issue, timeline: Timeline) -> tuple[Any, ...]:
    """Return what a new grant's row says of its terms.

    Only lots that were made without an end can have it drawn before they are written.
    """
    lot, ends_at = issue.lot, timeline.ended.get(issue.lot.id)
    return (
        lot.id,
        lot.source,
        issue.fact,
        issue.reason,
        lot.priority,
        lot.series,
        lot.pack,
        match_text(lot.scope),
        json.dumps(lot.locked_while),
        lot.with_subscription,
        lot.lasts,
        issue.streak_days,
        issue.paid_micros,
        issue.paid_currency,
        lot.effective_at,
        None if ends_at else lot.expires_at,
        ends_at,
        issue.amount_micros,
    )


def _columns(prefix: str, names: str, rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Turn rows into one list a column, which `unnest` turns back into rows."""
    columns = names.split()
    return {f"{prefix}_{name}": [row[place] for row in rows] for place, name in enumerate(columns)}
