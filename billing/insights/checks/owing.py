"""Debts and holds with an end: I16, I22."""

from typing import Final

CHECKS: Final = (
    (
        "I16",
        "the wallet does not say what its debts say",
        """SELECT w.id FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros - paid_micros), 0) missing
               FROM billing_debt d WHERE d.wallet_id = w.id) s ON true
           WHERE w.debt_micros <> s.missing""",
    ),
    (
        "I16",
        "the debt is not paid by what its entries say",
        """SELECT d.id FROM billing_debt d LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) paid FROM billing_entry e
               WHERE e.wallet_id = d.wallet_id AND e.kind = 'repay' AND e.cause_id = d.id) s
             ON true
           WHERE d.paid_micros <> s.paid OR d.paid_micros > d.amount_micros
              OR (d.paid_micros = d.amount_micros) <> (d.paid_at IS NOT NULL)""",
    ),
    (
        "I16",
        "the entry pays a debt that is none of its wallet's",
        """SELECT e.id FROM billing_entry e
           LEFT JOIN billing_debt d ON d.id = e.cause_id AND d.wallet_id = e.wallet_id
           WHERE e.kind = 'repay' AND (d.id IS NULL OR e.cause_type <> 'debt')""",
    ),
    (
        "I16",
        "more of the grant is owed than was ever given",
        """SELECT g.id FROM billing_grant g JOIN billing_debt d ON d.grant_id = g.id
           GROUP BY g.id HAVING sum(d.amount_micros) > g.amount_micros
               OR bool_or(d.wallet_id <> g.wallet_id)""",
    ),
    (
        "I22",
        "the wallet does not say how many of its holds end by themselves",
        """SELECT w.id FROM billing_wallet w LEFT JOIN LATERAL (
               SELECT count(*) n FROM billing_hold h WHERE h.wallet_id = w.id
                 AND h.state = 'open' AND h.expires_at IS NOT NULL) s ON true
           WHERE w.timed_holds <> s.n""",
    ),
)
