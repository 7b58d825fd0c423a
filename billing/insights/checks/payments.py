"""Money that came and went back, and the credits that follow it: I13, I15."""

from typing import Final

CHECKS: Final = (
    (
        "I6",
        "the change of plan has not ended as the hold of what is taken off its price",
        """SELECT p.id FROM billing_planchange p JOIN billing_hold h ON h.id = p.hold_id
           JOIN billing_wallet w ON w.id = h.wallet_id
           WHERE (p.ended_at IS NULL) <> (h.state = 'open') OR h.captured_micros > 0
              OR h.reference <> 'change:' || p.id OR w.account_id <> p.account_id""",
    ),
    (
        "I6",
        "the hold is of a change of plan that is not there",
        """SELECT h.id FROM billing_hold h LEFT JOIN billing_planchange p ON p.hold_id = h.id
           WHERE starts_with(h.reference, 'change:') AND p.id IS NULL""",
    ),
    (
        "I13",
        "the purchase is not of the account whose pack it paid for",
        """SELECT p.id FROM billing_purchase p JOIN billing_packpurchase b
             ON b.id = p.pack_purchase_id
           WHERE b.account_id <> p.account_id OR b.fact <> p.fact""",
    ),
    (
        "I15",
        "the purchase does not say what its refunds and disputes say",
        """SELECT p.id FROM billing_purchase p LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) back,
                      COALESCE(sum(amount_micros) FILTER (WHERE source <> 'stripe'), 0) ours
               FROM billing_refund r
               WHERE r.purchase_id = p.id AND r.state IN ('approved', 'sent', 'succeeded')) r
             ON true LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) gone FROM billing_dispute d
               WHERE d.purchase_id = p.id AND d.is_taken) d ON true
           WHERE p.refunded_micros <> LEAST(r.back, p.amount_micros) OR r.ours > p.amount_micros
              OR p.disputed_micros <> LEAST(d.gone, p.amount_micros)""",
    ),
    (
        "I15",
        "more of the purchase's credits are taken back than it brought, or given back than taken",
        """SELECT p.id FROM billing_purchase p LEFT JOIN LATERAL (
               SELECT COALESCE(sum(delta_micros), 0) taken, COALESCE(sum(given_micros), 0) given,
                      COALESCE(sum(revoked_micros + owed_micros), 0) moved
               FROM billing_taking t WHERE t.purchase_id = p.id) t ON true
           WHERE p.taken_micros <> t.taken OR p.taken_micros > p.credited_micros
              OR p.taken_micros < 0 OR t.given > t.moved""",
    ),
    (
        "I15",
        "the credits taken back are not what the money that went back makes them",
        """SELECT p.id FROM billing_purchase p LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) back, COALESCE(sum(takes_micros), 0) takes
               FROM billing_refund r WHERE r.purchase_id = p.id AND r.takes_micros IS NOT NULL
                 AND r.state IN ('approved', 'sent', 'succeeded')) r ON true
           CROSS JOIN LATERAL (
               SELECT LEAST(p.amount_micros, p.refunded_micros + p.disputed_micros) back) m
           WHERE p.taken_micros <> CASE
               WHEN m.back = 0 THEN 0
               WHEN m.back = p.amount_micros THEN p.credited_micros
               ELSE LEAST(p.credited_micros, r.takes + div(p.credited_micros::numeric
                   * GREATEST(0, m.back - r.back), p.amount_micros::numeric)) END""",
    ),
    (
        "I15",
        "the ledger has not moved what was taken of the purchase and given back",
        """SELECT p.id FROM billing_purchase p LEFT JOIN LATERAL (
               SELECT COALESCE(sum(revoked_micros), 0) revoked, COALESCE(sum(owed_micros), 0) owed,
                      COALESCE(sum(given_micros), 0) given
               FROM billing_taking t WHERE t.purchase_id = p.id) t ON true
           LEFT JOIN billing_wallet w ON w.account_id = p.account_id LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) revoked FROM billing_entry e
               WHERE e.wallet_id = w.id AND e.kind IN ('revoke', 'withdraw')
                 AND e.cause_type = 'refund' AND e.cause_id = p.id) e ON true
           LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) owed FROM billing_debt d
               WHERE d.wallet_id = w.id
                 AND starts_with(d.fact, 'purchase:' || p.id || ':')) d ON true
           LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) given FROM billing_grant g
               WHERE g.wallet_id = w.id AND starts_with(g.fact, 'back:' || p.id || ':')) g ON true
           WHERE (t.revoked, t.owed, t.given) <> (e.revoked, d.owed, g.given)
             -- A taking counts in bought credits; a conversion may have made more or fewer.
             AND NOT EXISTS (SELECT FROM billing_grant c
               WHERE c.wallet_id = w.id AND starts_with(c.fact, 'conversion:')
               HAVING sum(c.amount_micros) <> (SELECT sum(x.amount_micros) FROM billing_entry x
                 WHERE x.wallet_id = w.id AND x.kind = 'revoke'
                   AND x.cause_type = 'conversion'))""",
    ),
)
