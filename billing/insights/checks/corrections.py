"""What operators moved by hand, and after incidents: I26, I36."""

from typing import Final

CHECKS: Final = (
    (
        "I36",
        "the adjustment was decided on by who asked for it, or by nobody above the bound",
        """SELECT id FROM billing_adjustment
           WHERE requester_id = approver_id OR reason = '' OR text = ''
              OR (state = 'executed' AND approver_id IS NULL
                  AND abs(amount_micros) > alone_max_micros)""",
    ),
    (
        "I36",
        "the adjustment moved other than it says",
        """SELECT a.id FROM billing_adjustment a
           LEFT JOIN billing_wallet w ON w.account_id = a.account_id
           LEFT JOIN billing_grant g ON g.id = a.grant_id
           LEFT JOIN billing_debt d ON d.id = a.debt_id
           LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) taken FROM billing_entry e
               WHERE e.wallet_id = w.id AND e.cause_type = 'adjustment' AND e.cause_id = a.id
                 AND e.kind IN ('revoke', 'withdraw')) s ON true
           WHERE a.revoked_micros <> s.taken
              OR (a.state = 'executed' AND a.amount_micros <> COALESCE(g.amount_micros, 0)
                      - a.revoked_micros - COALESCE(d.amount_micros, 0))
              OR (a.state <> 'executed' AND (a.grant_id IS NOT NULL OR a.debt_id IS NOT NULL))
              OR g.wallet_id <> w.id OR d.wallet_id <> w.id""",
    ),
    (
        "I36",
        "the grant or the debt names an adjustment or a compensation that did not make it",
        """SELECT g.id FROM billing_grant g
           LEFT JOIN billing_adjustment a ON a.grant_id = g.id
           LEFT JOIN billing_compensationshare s ON s.grant_id = g.id
           WHERE (g.fact LIKE 'adjustment:%' OR g.fact LIKE 'compensation:%')
             AND a.id IS NULL AND s.id IS NULL
           UNION ALL SELECT d.id FROM billing_debt d
           LEFT JOIN billing_adjustment a ON a.debt_id = d.id
           WHERE d.fact LIKE 'adjustment:%' AND a.id IS NULL""",
    ),
    (
        "I36",
        "the person's day is not the sum of his adjustments and runs, or is above the cap",
        """SELECT o.id::text FROM billing_operatorday o LEFT JOIN LATERAL (
               SELECT COALESCE(sum(moved), 0) used FROM (
                   SELECT abs(a.amount_micros) moved
                   FROM billing_adjustment a JOIN billing_account c ON c.id = a.account_id
                   WHERE a.counted_on = o.day AND c.is_sandbox = o.is_sandbox
                     AND o.operator_id IN (a.requester_id, a.approver_id)
                   UNION ALL SELECT r.amount_micros FROM billing_campaignrun r
                   WHERE r.counted_on = o.day AND r.is_sandbox = o.is_sandbox
                     AND o.operator_id IN (r.requester_id, r.approver_id)) m) s ON true
           WHERE s.used <> o.used_micros OR o.used_micros > o.max_micros""",
    ),
    (
        "I36",
        "the compensation is not the sum of its shares and jobs, or decided on by who asked for it",
        """SELECT c.id FROM billing_compensation c LEFT JOIN LATERAL (
               SELECT count(*) n, COALESCE(sum(amount_micros), 0) total,
                      count(*) FILTER (WHERE ended_at IS NULL) waiting
               FROM billing_compensationshare s WHERE s.compensation_id = c.id) s ON true
           LEFT JOIN LATERAL (
               SELECT count(*) n FROM billing_compensatedjob j
               WHERE j.compensation_id = c.id) j ON true
           WHERE (c.accounts_count, c.amount_micros, c.jobs_count) <> (s.n, s.total, j.n)
              OR c.requester_id = c.approver_id OR (c.state = 'done' AND s.waiting > 0)""",
    ),
    (
        "I36",
        "the share of the compensation is not what its grant is",
        """SELECT s.id::text FROM billing_compensationshare s
           JOIN billing_compensation c ON c.id = s.compensation_id
           LEFT JOIN billing_grant g ON g.id = s.grant_id
           LEFT JOIN billing_wallet w ON w.id = g.wallet_id
           WHERE (s.grant_id IS NOT NULL
                  AND (g.amount_micros <> s.amount_micros OR w.account_id <> s.account_id
                       OR g.fact <> 'compensation:' || s.compensation_id))
              OR (s.ended_at IS NOT NULL AND c.state NOT IN ('approved', 'done'))
              OR (s.ended_at IS NOT NULL) <> (s.grant_id IS NOT NULL OR s.refusal <> '')""",
    ),
    (
        "I26",
        "the account was halted and nobody is being told",
        """SELECT w.id FROM billing_wallet w
           LEFT JOIN billing_halt h ON h.account_id = w.account_id AND h.halted_at = w.halted_at
           WHERE w.halted_at IS NOT NULL AND h.told_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM billing_message m WHERE m.ring_at IS NOT NULL
                 AND m.task = 'corrections.tell_halt'
                 AND m.arguments->>'account_id' = w.account_id)""",
    ),
    (
        "I30",
        "the debt began or was paid, and nobody is being told",
        """SELECT d.id FROM billing_debt d LEFT JOIN billing_debtnotice n ON n.debt_id = d.id
           WHERE (n.begun_told_at IS NULL OR (d.paid_at IS NOT NULL AND n.paid_told_at IS NULL))
             AND NOT EXISTS (SELECT 1 FROM billing_message m WHERE m.ring_at IS NOT NULL
                 AND m.task = 'corrections.tell_debt' AND m.arguments->>'debt_id' = d.id)""",
    ),
)
