"""Rows that point at each other say the same: I2, I5, I9, I14, I20, I27."""

from typing import Final

CHECKS: Final = (
    (
        "I2",
        "the wallet does not hold what its open holds do",
        """SELECT w.id FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) held FROM billing_hold h
               WHERE h.wallet_id = w.id AND h.state = 'open') s ON true
           WHERE w.held_micros <> s.held""",
    ),
    (
        "I5",
        "the entry names a grant or a hold that is not there",
        """SELECT e.id FROM billing_entry e
           LEFT JOIN billing_grant g ON g.id = e.grant_id
           LEFT JOIN billing_hold h ON h.id = e.hold_id
           WHERE g.id IS NULL OR (e.hold_id IS NOT NULL AND h.id IS NULL)""",
    ),
    (
        "I6",
        "the hold has ended by itself at another instant than its own",
        """SELECT id FROM billing_hold
           WHERE state = 'expired' AND settled_at IS DISTINCT FROM expires_at""",
    ),
    (
        "I9",
        "the hold's allocations are of other grants, or another wallet, than its entries",
        """SELECT h.id FROM billing_hold h
           WHERE EXISTS (SELECT 1 FROM billing_allocation a
                         WHERE a.hold_id = h.id AND a.wallet_id <> h.wallet_id)
              OR EXISTS (
                   SELECT grant_id FROM (
                       SELECT a.grant_id, a.amount_micros FROM billing_allocation a
                       WHERE a.hold_id = h.id
                       UNION ALL SELECT e.grant_id, -e.amount_micros FROM billing_entry e
                       WHERE e.hold_id = h.id AND e.kind = 'hold') t
                   GROUP BY grant_id HAVING sum(amount_micros) <> 0)""",
    ),
    (
        "I14",
        "the grant expired before its end, or is free after it",
        """SELECT g.id FROM billing_grant g JOIN billing_wallet w ON w.id = g.wallet_id
           WHERE (g.available_micros > 0 AND w.touched_at >= LEAST(g.expires_at, g.ends_at))
              OR EXISTS (SELECT 1 FROM billing_entry e
                         WHERE e.grant_id = g.id AND e.cause_type = 'expiry'
                           AND e.kind IN ('expire', 'transfer')
                           AND e.effective_at IS DISTINCT FROM
                               GREATEST(LEAST(g.expires_at, g.ends_at), e.effective_at))""",
    ),
    (
        "I20",
        "the job was not covered by the counted units that it says",
        """SELECT j.id FROM billing_job j LEFT JOIN LATERAL (
               SELECT COALESCE(sum(units_micros), 0) used FROM billing_counteduse u
               WHERE u.wallet_id = j.wallet_id AND u.reference = 'job:' || j.id) s ON true
           WHERE s.used <> (SELECT COALESCE(sum((c->>'units_micros')::bigint), 0)
                            FROM jsonb_array_elements(j.covers) c)""",
    ),
    (
        "I27",
        "the wallet's clock runs ahead outside the sandbox",
        "SELECT id FROM billing_wallet WHERE NOT is_sandbox AND clock_offset <> interval '0'",
    ),
)
