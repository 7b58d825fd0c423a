"""Jobs, their holds, and what the ledger moved for them."""

from typing import Final

from django.utils.translation import gettext_lazy as _

from billing.insights.reconcile.drift import Comparison

_LEDGER_IS_RIGHT: Final = _(
    "The entries are chained and cannot have changed: restore the other row from a backup."
)
_RESTORE: Final = _("Nothing here deletes such a row: restore it from a backup.")
_DIFFERENCE: Final = _(
    "See which of both is right by `explain --entries`, and give or take the difference by an "
    "adjustment."
)
_JOB_AND_OVERRUN: Final = """
    FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
    LEFT JOIN billing_hold o ON o.wallet_id = j.wallet_id
        AND o.reference = 'job:' || j.id || ':overrun'
    WHERE j.created_at >= %(since)s
"""
_BY_HOLD: Final = """
    FROM billing_hold h LEFT JOIN LATERAL (
        SELECT COALESCE(sum(amount_micros) FILTER (WHERE kind = 'hold'), 0) taken,
               COALESCE(sum(amount_micros) FILTER (WHERE kind = 'capture'), 0) spent,
               COALESCE(sum(amount_micros) FILTER (WHERE kind IN ('release', 'lapse')), 0) back
        FROM billing_entry e WHERE e.hold_id = h.id) s ON true
    WHERE h.created_at >= %(since)s
"""

JOBS_AND_HOLDS: Final = (
    Comparison(
        "job_without_hold",
        ("jobs", "holds"),
        _("it names the hold %(first)s, and there is %(second)s of that name."),
        _RESTORE,
        """SELECT j.id, j.hold_id, NULL FROM billing_job j
           LEFT JOIN billing_hold h ON h.id = j.hold_id
           WHERE h.id IS NULL AND j.created_at >= %(since)s""",
    ),
    Comparison(
        "hold_without_job",
        ("holds", "jobs"),
        _("it pays for %(first)s, and there is %(second)s of that name."),
        _RESTORE,
        """SELECT h.id, h.reference, NULL FROM billing_hold h LEFT JOIN billing_job j
               ON j.hold_id = h.id OR h.reference = 'job:' || j.id || ':overrun'
           WHERE h.reference LIKE 'job:%%' AND j.id IS NULL AND h.created_at >= %(since)s""",
    ),
    Comparison(
        "job_of_another_hold",
        ("jobs", "holds"),
        _("the job is paid by its hold as %(first)s, and the hold pays for %(second)s."),
        _LEDGER_IS_RIGHT,
        """SELECT j.id, 'job:' || j.id || ' (' || j.wallet_id || ')',
                  h.reference || ' (' || h.wallet_id || ')'
           FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           WHERE j.created_at >= %(since)s
             AND (h.reference <> 'job:' || j.id OR h.wallet_id <> j.wallet_id)""",
    ),
    Comparison(
        "job_end",
        ("jobs", "holds"),
        _("the job is %(first)s, and its hold is %(second)s."),
        _("Ask the backend for its verdict: `run_due`; a job that has one settles its hold."),
        """SELECT j.id, j.status, h.state
           FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           WHERE j.created_at >= %(since)s AND (j.finished_at IS NULL) <> (h.state = 'open')""",
    ),
    Comparison(
        "job_price",
        ("jobs", "holds"),
        _("the order was to cost %(first)s, and %(second)s were set aside for it."),
        _DIFFERENCE,
        """SELECT j.id, j.quoted_micros, h.amount_micros
           FROM billing_job j JOIN billing_hold h ON h.id = j.hold_id
           WHERE j.created_at >= %(since)s
             AND (j.quoted_micros > h.amount_micros OR h.amount_micros > j.max_micros)""",
    ),
    Comparison(
        "job_charge",
        ("jobs", "holds"),
        _("the job cost %(first)s, and %(second)s were captured for it."),
        _DIFFERENCE,
        f"""SELECT j.id, j.charged_micros, h.captured_micros + COALESCE(o.captured_micros, 0)
           {_JOB_AND_OVERRUN}
             AND j.finished_at IS NOT NULL AND j.charged_micros IS DISTINCT FROM
                 h.captured_micros + COALESCE(o.captured_micros, 0)""",  # noqa: S608 (constants)
    ),
    Comparison(
        "job_overrun",
        ("jobs", "holds"),
        _("the job cost %(first)s beyond its hold, and %(second)s were captured so."),
        _DIFFERENCE,
        f"""SELECT j.id, j.overrun_micros, COALESCE(o.captured_micros, 0)
           {_JOB_AND_OVERRUN} AND j.overrun_micros <> COALESCE(o.captured_micros, 0)""",
    ),
)

JOBS_AND_ENTRIES: Final = (
    Comparison(
        "job_spent",
        ("jobs", "entries"),
        _("the job cost %(first)s, and the entries spent %(second)s on it."),
        _DIFFERENCE,
        """SELECT j.id, j.charged_micros, s.spent FROM billing_job j LEFT JOIN LATERAL (
               SELECT COALESCE(sum(e.amount_micros), 0) spent FROM billing_entry e
               WHERE e.wallet_id = j.wallet_id AND e.kind = 'capture'
                 AND e.cause_type = 'job' AND e.cause_id = j.id) s ON true
           WHERE j.created_at >= %(since)s AND COALESCE(j.charged_micros, 0) <> s.spent""",
    ),
    Comparison(
        "entry_without_job",
        ("entries", "jobs"),
        _("it was spent on %(first)s, and there is %(second)s of that name."),
        _RESTORE,
        """SELECT e.id, e.cause_id, NULL FROM billing_entry e
           LEFT JOIN billing_job j ON j.id = e.cause_id
           WHERE e.kind = 'capture' AND e.cause_type = 'job' AND j.id IS NULL
             AND e.effective_at >= %(since)s""",
    ),
)

HOLDS_AND_ENTRIES: Final = (
    Comparison(
        "hold_taken",
        ("holds", "entries"),
        _("the hold is of %(first)s, and the entries set %(second)s aside."),
        _LEDGER_IS_RIGHT,
        f"""SELECT h.id, h.amount_micros, s.taken
           {_BY_HOLD} AND s.taken <> h.amount_micros""",
    ),
    Comparison(
        "hold_spent",
        ("holds", "entries"),
        _("the hold was captured by %(first)s, and the entries spent %(second)s of it."),
        _LEDGER_IS_RIGHT,
        f"""SELECT h.id, h.captured_micros, s.spent
           {_BY_HOLD} AND s.spent <> h.captured_micros""",
    ),
    Comparison(
        "hold_end",
        ("holds", "entries"),
        _("the hold is %(first)s, and by the entries %(second)s of it are still set aside."),
        _LEDGER_IS_RIGHT,
        f"""SELECT h.id, h.state, s.taken - s.spent - s.back
           {_BY_HOLD} AND (s.taken - s.spent - s.back)
               <> CASE h.state WHEN 'open' THEN s.taken ELSE 0 END""",
    ),
    Comparison(
        "hold_parts",
        ("holds", "grants"),
        _("the hold is of %(first)s, and the grants gave it %(second)s."),
        _LEDGER_IS_RIGHT,
        """SELECT h.id, h.amount_micros, s.total FROM billing_hold h LEFT JOIN LATERAL (
               SELECT COALESCE(sum(amount_micros), 0) total
               FROM billing_allocation a WHERE a.hold_id = h.id) s ON true
           WHERE h.created_at >= %(since)s AND s.total <> h.amount_micros""",
    ),
    Comparison(
        "entry_of_another_hold",
        ("entries", "holds"),
        _("it moved credits of %(first)s, and its hold is of %(second)s."),
        _LEDGER_IS_RIGHT,
        """SELECT e.id, e.wallet_id, h.wallet_id FROM billing_entry e
           LEFT JOIN billing_hold h ON h.id = e.hold_id
           WHERE e.hold_id IS NOT NULL AND h.wallet_id IS DISTINCT FROM e.wallet_id
             AND e.effective_at >= %(since)s""",
    ),
)
