"""Wallets, grants, holds and entries: I1 to I5, I9, I14, I17, I27."""

from typing import Final

from billing.ledger.journal import PATHS

_DELTA: Final = (
    "CASE '{0}' WHEN e.target THEN e.amount_micros WHEN e.source THEN -e.amount_micros ELSE 0 END"
)
_AVAILABLE: Final = _DELTA.format("available")
_HELD: Final = _DELTA.format("held")
_PATHS: Final = ", ".join(
    f"('{kind}', '{source}', '{target}')" for kind, (source, target) in PATHS.items()
)

CHECKS: Final = (
    (
        "I1",
        "a balance is negative",
        """SELECT id FROM billing_wallet WHERE available_micros < 0 OR held_micros < 0
           UNION ALL SELECT id FROM billing_grant WHERE LEAST(pending_micros, available_micros,
               held_micros, captured_micros, expired_micros, revoked_micros,
               transferred_micros) < 0""",
    ),
    (
        "I2",
        "the wallet does not say what its last entry says",
        """SELECT w.id FROM billing_wallet w
           LEFT JOIN billing_entry e ON e.id = w.last_entry_id
               AND e.wallet_id = w.id AND e.seq = w.seq
           WHERE w.available_micros <> COALESCE(e.available_after_micros, 0)
              OR w.held_micros <> COALESCE(e.held_after_micros, 0)
              OR (w.seq > 0 AND (e.id IS NULL OR e.digest <> w.digest))""",
    ),
    (
        "I2",
        "the wallet is not the sum of its grants",
        """SELECT w.id FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT COALESCE(sum(available_micros), 0) a, COALESCE(sum(held_micros), 0) h
               FROM billing_grant g WHERE g.wallet_id = w.id) s ON true
           WHERE (w.available_micros, w.held_micros) <> (s.a, s.h)""",
    ),
    (
        "I2",
        "entries are missing, or stand after the wallet's last",
        """SELECT w.id FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT count(*) n, COALESCE(max(seq), 0) top, COALESCE(min(seq), 1) bottom
               FROM billing_entry e WHERE e.wallet_id = w.id) s ON true
           WHERE s.n <> w.seq OR s.top <> w.seq OR s.bottom <> 1""",
    ),
    (
        "I2",
        "the entry does not continue the one before it",
        f"""SELECT id FROM (
               SELECT e.id, e.effective_at < lag(e.effective_at) OVER past AS earlier,
                   e.previous_id <> COALESCE(lag(e.id) OVER past, '') AS is_loose,
                   e.available_after_micros <> COALESCE(lag(e.available_after_micros) OVER past, 0)
                       + {_AVAILABLE} AS wrong_available,
                   e.held_after_micros <> COALESCE(lag(e.held_after_micros) OVER past, 0)
                       + {_HELD} AS wrong_held
               FROM billing_entry e WINDOW past AS (PARTITION BY e.wallet_id ORDER BY e.seq)
           ) t WHERE wrong_available OR wrong_held OR earlier OR is_loose""",  # noqa: S608 (constants of this file)
    ),
    (
        "I2",
        "the entry stands in no month: whoever wrote it had a clock that was far off",
        "SELECT id FROM billing_entry_default",
    ),
    (
        "I2",
        "the grant is not the sum of its entries",
        """SELECT g.id FROM billing_grant g LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros) FILTER (WHERE target = 'available'), 0)
                    - COALESCE(sum(amount_micros) FILTER (WHERE source = 'available'), 0) a,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'held'), 0)
                    - COALESCE(sum(amount_micros) FILTER (WHERE source = 'held'), 0) h,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'captured'), 0) c,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'expired'), 0) x,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'revoked'), 0) r,
                      COALESCE(sum(amount_micros) FILTER (WHERE target = 'transferred'), 0) t,
                      COALESCE(sum(amount_micros) FILTER (WHERE source = 'issued'), 0) i
               FROM billing_entry e WHERE e.grant_id = g.id) s ON true
           WHERE (g.available_micros, g.held_micros, g.captured_micros, g.expired_micros,
                  g.revoked_micros, g.transferred_micros, g.amount_micros - g.pending_micros)
              <> (s.a, s.h, s.c, s.x, s.r, s.t, s.i)""",
    ),
    (
        "I3",
        "the grant's parts do not add up to its amount",
        """SELECT id FROM billing_grant WHERE amount_micros <> pending_micros + available_micros
               + held_micros + captured_micros + expired_micros + revoked_micros
               + transferred_micros""",
    ),
    (
        "I3",
        "the entry moves nothing, or along no known path",
        f"""SELECT id FROM billing_entry e WHERE amount_micros <= 0
               OR (e.kind, e.source, e.target) NOT IN ({_PATHS})""",  # noqa: S608 (constants)
    ),
    (
        "I5",
        "the entry has no cause or no actor",
        """SELECT e.id FROM billing_entry e
           WHERE e.cause_type = '' OR e.cause_id = '' OR e.actor_type = '' OR e.actor_id = ''""",
    ),
    (
        "I5",
        "the entry belongs to another wallet than its grant or its hold",
        """SELECT e.id FROM billing_entry e JOIN billing_grant g ON g.id = e.grant_id
           LEFT JOIN billing_hold h ON h.id = e.hold_id
           WHERE g.wallet_id <> e.wallet_id OR h.wallet_id <> e.wallet_id""",
    ),
    (
        "I6",
        "the hold has not ended exactly as its entries say",
        """SELECT h.id FROM billing_hold h LEFT JOIN (
               SELECT hold_id, COALESCE(sum(amount_micros) FILTER (WHERE kind = 'hold'), 0) taken,
                      COALESCE(sum(amount_micros) FILTER (WHERE kind = 'capture'), 0) spent,
                      COALESCE(sum(amount_micros)
                               FILTER (WHERE kind IN ('release', 'lapse')), 0) back
               FROM billing_entry WHERE hold_id IS NOT NULL GROUP BY hold_id) s ON s.hold_id = h.id
           WHERE COALESCE(s.taken, 0) <> h.amount_micros
              OR COALESCE(s.spent, 0) <> h.captured_micros
              OR COALESCE(s.spent + s.back, 0)
                 <> CASE h.state WHEN 'open' THEN 0 ELSE h.amount_micros END
              OR (h.state = 'captured') <> (h.captured_micros > 0)
                 AND NOT (h.state = 'captured' AND h.amount_micros = 0)
              OR (h.state = 'open') <> (h.settled_at IS NULL)""",
    ),
    (
        "I21",
        "something is due in the wallet before its row says so",
        """SELECT w.id FROM billing_wallet w JOIN LATERAL (
               SELECT LEAST(
                   (SELECT min(LEAST(expires_at, ends_at)) FROM billing_grant g
                    WHERE g.wallet_id = w.id AND g.available_micros > 0),
                   (SELECT min(effective_at) FROM billing_grant g
                    WHERE g.wallet_id = w.id AND g.pending_micros > 0),
                   (SELECT min(expires_at) FROM billing_hold h
                    WHERE h.wallet_id = w.id AND h.state = 'open'),
                   (SELECT min(next_at) FROM billing_allowance a
                    WHERE a.wallet_id = w.id AND w.halted_at IS NULL)) due
           ) s ON true
           WHERE s.due IS NOT NULL AND (w.due_at IS NULL OR w.due_at > s.due)""",
    ),
    (
        "I27",
        "the wallet's clock stands before its last entry",
        """SELECT w.id FROM billing_wallet w JOIN billing_entry e
           ON e.id = w.last_entry_id WHERE w.touched_at < e.effective_at""",
    ),
    (
        "I9",
        "the hold is not what its allocations give, or more was captured",
        """SELECT h.id FROM billing_hold h LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) total
               FROM billing_allocation a WHERE a.hold_id = h.id) s ON true
           WHERE s.total <> h.amount_micros OR h.captured_micros > h.amount_micros""",
    ),
    (
        "I14",
        "the allocation took credit that was not in effect",
        """SELECT 'allocation ' || a.id FROM billing_allocation a
           JOIN billing_grant g ON g.id = a.grant_id
           WHERE a.created_at >= LEAST(g.expires_at, g.ends_at)
              OR a.created_at < g.effective_at""",
    ),
    (
        "I14",
        "more was used of the window than the allowance counts",
        """SELECT 'counteduse ' || min(u.id) FROM billing_counteduse u
           JOIN billing_allowance a ON a.id = u.allowance_id
           GROUP BY u.wallet_id, u.series, u.window
           HAVING sum(COALESCE(u.kept_micros, u.units_micros)) > max(a.amount_micros)""",
    ),
    (
        "I6",
        "the units' use has ended otherwise than its hold, or belongs to another wallet",
        """SELECT 'counteduse ' || u.id FROM billing_counteduse u
           JOIN billing_allowance a ON a.id = u.allowance_id
           LEFT JOIN billing_hold h
             ON h.wallet_id = u.wallet_id AND h.reference = u.reference
           WHERE a.wallet_id <> u.wallet_id
              OR (h.state = 'open') <> (u.settled_at IS NULL)""",
    ),
    (
        "I15",
        "what came back too late was given anew more than it lapsed",
        """SELECT g.id FROM billing_grant g WHERE g.fact LIKE 'returned:%'
           AND g.amount_micros <> (SELECT COALESCE(sum(e.amount_micros), 0) FROM billing_entry e
               WHERE e.kind = 'lapse' AND e.hold_id = split_part(g.fact, ':', 2)
                 AND e.grant_id = split_part(g.fact, ':', 3))""",
    ),
    (
        "I17",
        "the same fact was granted twice",
        """SELECT min(id) FROM billing_grant GROUP BY wallet_id, fact HAVING count(*) > 1""",
    ),
)
