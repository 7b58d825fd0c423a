"""Jobs, attempts, files and what the outbox owes them: I6 to I8, I10, I21 to I23."""

from typing import Final

CHECKS: Final = (
    (
        "I7",
        "the job has not ended as its hold has",
        """SELECT j.id FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           JOIN billing_wallet w ON w.id = j.wallet_id
           WHERE (j.finished_at IS NULL) <> (h.state = 'open')
              OR (j.status = 'succeeded' AND h.state <> 'captured' AND j.charged_micros > 0)
              OR (j.status = 'expired' AND h.state <> 'released')
              OR h.reference <> 'job:' || j.id OR h.wallet_id <> j.wallet_id
              OR w.account_id <> j.account_id""",
    ),
    (
        "I7",
        "the hold pays for a job that is not there",
        # One EXISTS each: joined by an OR, every hold would be held against every job.
        """SELECT h.id FROM billing_hold h WHERE h.reference LIKE 'job:%'
             AND NOT EXISTS (SELECT 1 FROM billing_job j WHERE j.hold_id = h.id)
             AND NOT EXISTS (SELECT 1 FROM billing_job j
                 WHERE h.reference = 'job:' || j.id || ':overrun')""",
    ),
    (
        "I8",
        "the attempt lives although its job was never given up by an operator and has ended",
        """SELECT a.id FROM billing_attempt a JOIN billing_job j ON j.id = a.job_id
           WHERE a.state <> 'ended' AND j.status IN ('succeeded', 'canceled', 'expired')""",
    ),
    (
        "I23",
        "a backend's word was heard, and nothing is left that would apply it",
        """SELECT c.id FROM billing_callback c
           WHERE c.applied_at IS NULL AND c.received_at < now() - interval '2 hours'
             AND NOT EXISTS (SELECT 1 FROM billing_message m WHERE m.ring_at IS NOT NULL
                 AND m.task = 'jobs.apply_callback' AND m.arguments->>'callback_id' = c.id)""",
    ),
    (
        "I8",
        "more than one attempt of the job is live",
        """SELECT job_id FROM billing_attempt WHERE state <> 'ended'
           GROUP BY job_id HAVING count(*) > 1""",
    ),
    (
        "I8",
        "a breaker waits for an attempt that is not live, and so for ever",
        """SELECT b.backend || '/' || b.model FROM billing_breaker b
           LEFT JOIN billing_attempt a ON a.id = b.probe_id AND a.state <> 'ended'
           WHERE b.state = 'half_open' AND a.id IS NULL""",
    ),
    (
        "I10",
        "less than the price was held, or more than was agreed",
        """SELECT j.id FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           WHERE j.quoted_micros < 0 OR j.quoted_micros > h.amount_micros
              OR h.amount_micros > j.max_micros OR j.charged_micros > j.max_micros""",
    ),
    (
        "I10",
        "what was charged is not what was captured, of the hold and beyond it",
        """SELECT j.id FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           LEFT JOIN billing_hold o ON o.wallet_id = j.wallet_id
               AND o.reference = 'job:' || j.id || ':overrun'
           LEFT JOIN billing_debt d ON d.wallet_id = j.wallet_id
               AND d.fact = 'job:' || j.id || ':overrun'
           WHERE (j.finished_at IS NULL) <> (j.charged_micros IS NULL)
              OR j.charged_micros <> h.captured_micros + j.overrun_micros + j.owed_micros
              OR j.overrun_micros <> COALESCE(o.captured_micros, 0)
              OR j.owed_micros <> COALESCE(d.amount_micros, 0)""",
    ),
    (
        "I7",
        "a file that is kept for a job is called nobody's, and will be deleted",
        """SELECT o.id FROM billing_output o JOIN billing_loosefile f
           ON f.path = o.path OR f.path = o.thumbnail_path WHERE o.deleted_at IS NULL""",
    ),
    (
        "I21",
        "a file of nobody has not been deleted for a week",
        "SELECT path FROM billing_loosefile WHERE created_at < now() - interval '7 days'",
    ),
)
