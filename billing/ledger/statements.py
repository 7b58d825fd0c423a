"""The SQL of the hot path; `store` runs it, and `facts` says what it is given."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

# The clock is read after the lock is held: a wait for the lock makes the instant later, never
# the other way round. `touched_at` keeps it from running back when the server's clock does.
LOCK: Final = """
    WITH locked AS MATERIALIZED (
        SELECT * FROM billing_wallet WHERE account_id = %(account)s FOR UPDATE
    )
    SELECT id, available_micros, held_micros, seq, digest, touched_at, due_at,
           GREATEST(clock_timestamp() + clock_offset, touched_at),
           debt_micros, timed_holds, automatic_on, automatic_count, halted_at, last_entry_id
    FROM locked
"""
CLOCK: Final = """
    SELECT GREATEST(clock_timestamp() + clock_offset, touched_at)
    FROM billing_wallet WHERE id = %(wallet)s
"""
# Such facts are `lots.RETURNED`.
LOT: Final = """
    SELECT id, source, priority, effective_at, LEAST(expires_at, ends_at),
           pending_micros, available_micros, held_micros,
           series, scope::text, locked_while::text, paid_micros > 0, with_subscription, lasts, pack,
           starts_with(fact, 'returned:'), goes_back
    FROM billing_grant
"""
LOTS: Final = f"""{LOT}
    WHERE wallet_id = %(wallet)s
      AND (pending_micros > 0 OR available_micros > 0 OR held_micros > 0)
"""
SCHEDULES: Final = """
    SELECT id, code, terms::text, zone, anchor_at, subscription, next_at, ends_at, windows_of,
           (SELECT json_agg(json_build_array(c.at, c.zone) ORDER BY c.id)::text
            FROM billing_zonechange AS c WHERE c.wallet_id = %(wallet)s)
    FROM billing_allowance
    WHERE wallet_id = %(wallet)s AND mode = 'auto'
      AND (next_at IS NOT NULL OR ends_at IS NULL OR ends_at > %(at)s)
    ORDER BY position, id
"""
# Of the wallet that was just locked nobody but the database knows the id and the last touch yet.
_LOCKED: Final = "(SELECT {} FROM billing_wallet WHERE account_id = %(account)s)"
LOTS_OF_LOCKED: Final = LOTS.replace("%(wallet)s", _LOCKED.format("id"))
SCHEDULES_OF_LOCKED: Final = SCHEDULES.replace("%(wallet)s", _LOCKED.format("id")).replace(
    "%(at)s", _LOCKED.format("touched_at")
)
# What allowances gave of late; a year's windows are looked for a longer time.
GIVEN: Final = """
    SELECT fact, created_at FROM billing_grant
    WHERE wallet_id = %(wallet)s AND starts_with(fact, 'allowance:')
      AND (effective_at >= %(since)s
           OR series = ANY(%(yearly)s::text[]) AND effective_at >= %(yearly_since)s)
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
DEBTS: Final = """
    SELECT id, amount_micros - paid_micros FROM billing_debt
    WHERE wallet_id = %(wallet)s AND paid_at IS NULL ORDER BY id
"""
# What costs nothing took from no grant, and ends like any other.
TIMED: Final = """
    SELECT h.id, h.expires_at, array_remove(array_agg(a.grant_id ORDER BY a.position), NULL),
           array_remove(array_agg(a.amount_micros ORDER BY a.position), NULL)
    FROM billing_hold AS h LEFT JOIN billing_allocation AS a
        ON a.hold_id = h.id AND a.wallet_id = h.wallet_id
    WHERE h.wallet_id = %(wallet)s AND h.state = 'open' AND h.expires_at IS NOT NULL
    GROUP BY h.id, h.expires_at ORDER BY h.expires_at, h.id
"""
HOLD_COLUMNS: Final = (
    *("id", "wallet_id", "reference", "state", "amount_micros", "captured_micros"),
    *("created_at", "expires_at", "settled_at"),
)
HOLD: Final = f"""
    SELECT ARRAY(SELECT a.grant_id FROM billing_allocation AS a
                 WHERE a.hold_id = h.id AND a.wallet_id = h.wallet_id ORDER BY a.position),
           ARRAY(SELECT a.amount_micros FROM billing_allocation AS a
                 WHERE a.hold_id = h.id AND a.wallet_id = h.wallet_id ORDER BY a.position),
           {", ".join(HOLD_COLUMNS)}
    FROM billing_hold AS h WHERE h.id = %(hold)s AND h.wallet_id = %(wallet)s
"""  # noqa: S608 (constants of this file)
# What stood in the rows at an instant is what had been written by then: entries that count from
# an earlier instant may have been written later. The instant from which they count is asked for
# the sake of its index. Each of these is asked for many instants at once, %(ats)s, which rise:
# the first column says for which, from 1 on; a wallet's entries are read once for all of them.
_ASKED: Final = "unnest(%(ats)s::timestamptz[]) WITH ORDINALITY AS asked(at, place)"
_WRITTEN_BY_LAST: Final = (
    "wallet_id = %(wallet)s AND effective_at <= %(last)s AND created_at <= %(last)s"
)
# How many of the instants do not know an entry yet: all that are before it.
_UNKNOWN_TO: Final = """
    width_bucket(GREATEST(effective_at, created_at) - interval '1 microsecond',
                 %(ats)s::timestamptz[])
"""
WRITTEN_THEN: Final = f"""
    WITH wrote AS MATERIALIZED (
        SELECT {_UNKNOWN_TO} AS unknown_to, max(created_at) AS at
        FROM billing_entry WHERE {_WRITTEN_BY_LAST} GROUP BY 1
    )
    SELECT asked.place, (SELECT max(at) FROM wrote WHERE wrote.unknown_to < asked.place)
    FROM {_ASKED}
"""  # noqa: S608 (constants of this file)
LOTS_THEN: Final = f"""
    WITH moved AS MATERIALIZED (
        SELECT grant_id, {_UNKNOWN_TO} AS unknown_to, bool_or(kind = 'hold') AS is_used,
               sum(CASE WHEN source = 'issued' THEN amount_micros ELSE 0 END) AS begun,
               sum(CASE 'available' WHEN target THEN amount_micros
                                    WHEN source THEN -amount_micros ELSE 0 END) AS free,
               sum(CASE 'held' WHEN target THEN amount_micros
                               WHEN source THEN -amount_micros ELSE 0 END) AS held
        FROM billing_entry WHERE {_WRITTEN_BY_LAST} GROUP BY 1, 2
    ), summed AS MATERIALIZED (
        SELECT asked.place, grant_id, bool_or(is_used) AS is_used, sum(begun)::bigint AS begun,
               sum(free)::bigint AS free, sum(held)::bigint AS held
        FROM {_ASKED} JOIN moved ON moved.unknown_to < asked.place GROUP BY 1, 2
    )
    SELECT asked.place, g.id, g.source, g.priority, g.effective_at,
           -- An end that was drawn later was not known yet.
           CASE WHEN g.ends_at <= asked.at OR (g.lasts <> '' AND m.is_used)
                THEN LEAST(g.expires_at, g.ends_at) ELSE g.expires_at END,
           g.amount_micros - COALESCE(m.begun, 0), COALESCE(m.free, 0), COALESCE(m.held, 0),
           g.series, g.scope::text, g.locked_while::text, g.paid_micros > 0, g.with_subscription,
           g.lasts, g.pack, starts_with(g.fact, 'returned:'), g.goes_back
    FROM {_ASKED}
    JOIN billing_grant AS g ON g.wallet_id = %(wallet)s AND g.created_at <= asked.at
    LEFT JOIN summed AS m ON m.grant_id = g.id AND m.place = asked.place
    WHERE m.grant_id IS NULL OR m.begun < g.amount_micros OR m.free > 0 OR m.held > 0
"""  # noqa: S608 (constants of this file)
DEBTS_THEN: Final = f"""
    SELECT asked.place, d.created_at, d.id,
           (d.amount_micros - COALESCE(sum(e.amount_micros), 0))::bigint
    FROM {_ASKED}
    JOIN billing_debt AS d ON d.wallet_id = %(wallet)s AND d.created_at <= asked.at
    LEFT JOIN billing_entry AS e ON e.wallet_id = d.wallet_id AND e.kind = 'repay'
        AND e.cause_id = d.id AND e.created_at <= asked.at
    GROUP BY asked.place, d.id HAVING d.amount_micros > COALESCE(sum(e.amount_micros), 0)
    ORDER BY d.id
"""  # noqa: S608 (constants of this file)
TIMED_THEN: Final = f"""
    SELECT asked.place, h.id, h.expires_at, array_agg(a.grant_id ORDER BY a.position),
           array_agg(a.amount_micros ORDER BY a.position)
    FROM {_ASKED}
    JOIN billing_hold AS h ON h.wallet_id = %(wallet)s AND h.created_at <= asked.at
    JOIN billing_allocation AS a ON a.hold_id = h.id AND a.wallet_id = h.wallet_id
    WHERE h.expires_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM billing_entry AS e
                      WHERE e.hold_id = h.id AND e.kind <> 'hold' AND e.created_at <= asked.at)
    GROUP BY asked.place, h.id, h.expires_at ORDER BY h.expires_at, h.id
"""  # noqa: S608 (constants of this file)
# Of this one no instant is the first column: when each use was written is the last one.
USED_THEN: Final = """
    SELECT DISTINCT g.series, e.effective_at, e.created_at
    FROM billing_entry AS e JOIN billing_grant AS g ON g.id = e.grant_id
    WHERE e.wallet_id = %(wallet)s AND e.kind = 'hold' AND e.created_at <= %(last)s
      AND g.series = ANY(%(series)s) AND NOT starts_with(g.fact, 'returned:')
    ORDER BY e.effective_at
"""
_WALLET: Final = """
    UPDATE billing_wallet
    SET available_micros = %(available)s, held_micros = %(held)s, debt_micros = %(debt)s,
        timed_holds = %(timed)s, automatic_on = %(automatic_on)s,
        automatic_count = %(automatic_count)s, halted_at = %(halted)s, seq = %(seq)s,
        last_entry_id = %(last)s, digest = %(digest)s, due_at = %(due)s, touched_at = %(touched)s
    WHERE id = %(wallet)s
"""
_ISSUED: Final = """
    issued AS (
        INSERT INTO billing_grant (
            id, wallet_id, source, fact, reason, priority, series, pack, scope, locked_while,
            with_subscription, goes_back, lasts, day_at, streak_days, paid_micros,
            paid_currency, effective_at, expires_at, ends_at, created_at, amount_micros,
            pending_micros, available_micros, held_micros, captured_micros, expired_micros,
            revoked_micros, transferred_micros)
        SELECT i.id, %(wallet)s, i.source, i.fact, i.reason, i.priority, i.series, i.pack,
               i.scope::jsonb, i.locked::jsonb, i.subscribed, i.back, i.lasts, i.day, i.streak,
               i.paid,
               i.currency, i.effective_at, i.expires_at, i.ends_at, %(now)s, i.amount, i.pending,
               i.available, i.held, i.captured, i.expired, i.revoked, i.transferred
        FROM unnest(%(i_id)s::text[], %(i_source)s::text[], %(i_fact)s::text[],
                    %(i_reason)s::text[], %(i_priority)s::int[], %(i_series)s::text[],
                    %(i_pack)s::text[], %(i_scope)s::text[], %(i_locked)s::text[],
                    %(i_subscribed)s::bool[], %(i_back)s::bool[], %(i_lasts)s::text[],
                    %(i_day)s::timestamptz[], %(i_streak)s::int[],
                    %(i_paid)s::bigint[], %(i_currency)s::text[], %(i_effective)s::timestamptz[],
                    %(i_expires)s::timestamptz[], %(i_ends)s::timestamptz[],
                    %(i_amount)s::bigint[], %(i_pending)s::bigint[],
                    %(i_available)s::bigint[], %(i_held)s::bigint[], %(i_captured)s::bigint[],
                    %(i_expired)s::bigint[], %(i_revoked)s::bigint[],
                    %(i_transferred)s::bigint[])
             AS i(id, source, fact, reason, priority, series, pack, scope, locked, subscribed,
                  back, lasts, day, streak, paid, currency, effective_at, expires_at, ends_at,
                  amount, pending, available, held, captured, expired, revoked, transferred)
    )"""
_MOVED: Final = """
    moved AS (
        UPDATE billing_grant AS g
        SET pending_micros = g.pending_micros + d.pending,
            available_micros = g.available_micros + d.available,
            held_micros = g.held_micros + d.held,
            captured_micros = g.captured_micros + d.captured,
            expired_micros = g.expired_micros + d.expired,
            revoked_micros = g.revoked_micros + d.revoked,
            transferred_micros = g.transferred_micros + d.transferred,
            ends_at = COALESCE(d.ends_at, g.ends_at)
        FROM unnest(%(d_id)s::text[], %(d_pending)s::bigint[], %(d_available)s::bigint[],
                    %(d_held)s::bigint[], %(d_captured)s::bigint[], %(d_expired)s::bigint[],
                    %(d_revoked)s::bigint[], %(d_transferred)s::bigint[],
                    %(d_ends)s::timestamptz[])
             AS d(id, pending, available, held, captured, expired, revoked, transferred, ends_at)
        WHERE g.id = d.id AND g.wallet_id = %(wallet)s
    )"""
_WRITTEN: Final = """
    written AS (
        INSERT INTO billing_entry (
            id, previous_id, wallet_id, seq, kind, source, target, amount_micros, grant_id, hold_id,
            available_after_micros, held_after_micros, cause_type, cause_id, actor_type,
            actor_id, request_id, effective_at, created_at, digest)
        SELECT e.id, e.previous, %(wallet)s, e.seq, e.kind, e.source, e.target, e.amount,
               e.grant_id, e.hold_id, e.available, e.held, e.cause_type, e.cause_id, e.actor_type,
               e.actor_id, %(request)s, e.effective_at, %(now)s, e.digest
        FROM unnest(%(e_id)s::text[], %(e_previous)s::text[], %(e_seq)s::bigint[],
                    %(e_kind)s::text[],
                    %(e_source)s::text[], %(e_target)s::text[], %(e_amount)s::bigint[],
                    %(e_grant)s::text[], %(e_hold)s::text[], %(e_available)s::bigint[],
                    %(e_held)s::bigint[], %(e_cause_type)s::text[], %(e_cause_id)s::text[],
                    %(e_actor_type)s::text[], %(e_actor_id)s::text[],
                    %(e_effective)s::timestamptz[], %(e_digest)s::bytea[])
             AS e(id, previous, seq, kind, source, target, amount, grant_id, hold_id, available,
                  held, cause_type, cause_id, actor_type, actor_id, effective_at, digest)
    )"""
_REPAID: Final = """
    repaid AS (
        UPDATE billing_debt AS b
        SET paid_micros = b.paid_micros + r.paid,
            paid_at = CASE WHEN b.paid_micros + r.paid = b.amount_micros THEN %(now)s END
        FROM unnest(%(r_id)s::text[], %(r_paid)s::bigint[]) AS r(id, paid)
        WHERE b.id = r.id AND b.wallet_id = %(wallet)s
    )"""
_TIMED_OUT: Final = """
    timed_out AS (
        UPDATE billing_hold AS h SET state = 'expired', settled_at = h.expires_at
        WHERE h.id = ANY(%(timed_out)s::text[]) AND h.wallet_id = %(wallet)s
    )"""
_OPENED: Final = """
    opened AS (
        INSERT INTO billing_hold (
            id, wallet_id, reference, state, amount_micros, captured_micros, created_at, expires_at)
        SELECT h.id, %(wallet)s, h.reference, 'open', h.amount, 0, %(now)s, h.expires_at
        FROM unnest(%(h_id)s::text[], %(h_reference)s::text[], %(h_amount)s::bigint[],
                    %(h_expires)s::timestamptz[]) AS h(id, reference, amount, expires_at)
    )"""
_RESOLVED: Final = """
    resolved AS (
        UPDATE billing_hold AS h
        SET state = o.state, captured_micros = o.captured, settled_at = %(now)s
        FROM unnest(%(o_id)s::text[], %(o_state)s::text[], %(o_captured)s::bigint[])
             AS o(id, state, captured)
        WHERE h.id = o.id AND h.wallet_id = %(wallet)s
    )"""
_PLANNED: Final = """
    planned AS (
        UPDATE billing_allowance AS a SET next_at = p.next_at
        FROM unnest(%(p_id)s::text[], %(p_next)s::timestamptz[]) AS p(id, next_at)
        WHERE a.id = p.id AND a.wallet_id = %(wallet)s
          AND a.next_at IS DISTINCT FROM p.next_at
    )"""
# What a write changes beside the wallet, by the fact that is not empty when it does.
_CHANGES: Final = MappingProxyType(
    {
        "i_id": _ISSUED,
        "d_id": _MOVED,
        "e_id": _WRITTEN,
        "r_id": _REPAID,
        "timed_out": _TIMED_OUT,
        "h_id": _OPENED,
        "o_id": _RESOLVED,
        "p_id": _PLANNED,
    }
)
# Once the hold stands: each row is held against it as it comes.
ALLOCATE: Final = """
    INSERT INTO billing_allocation (
        hold_id, grant_id, wallet_id, position, amount_micros, created_at)
    SELECT a.hold_id, a.grant_id, %(wallet)s, a.position, a.amount, %(now)s
    FROM unnest(%(a_hold)s::text[], %(a_grant)s::text[], %(a_position)s::smallint[],
                %(a_amount)s::bigint[]) AS a(hold_id, grant_id, position, amount)
"""


def write(facts: Mapping[str, Any]) -> str:
    """Return the one statement that writes the facts of `billing.ledger.facts`, and no others.

    What has nothing to write is left out: the server sets each part of a statement up, and each
    guard of its table, even for no rows. Few mixtures come; each is planned once a connection.
    """
    return _write(tuple(name for name in _CHANGES if facts[name]))


@cache
def _write(changed: tuple[str, ...]) -> str:
    changes = ",".join(_CHANGES[name] for name in changed)
    return f"WITH {changes}{_WALLET}" if changes else _WALLET
