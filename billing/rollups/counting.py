"""What a day's credits, jobs and accounts come to: one statement each, by an index of ids or times.

An id begins with the millisecond in which it was made, and days are ranges of ids: of entries the
month's partition alone is read, by its primary key. So a row counts on the day on which it was
written down, whatever a sandbox's clock says.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from django.db import connection

from billing.ids import floor_of
from billing.rollups.subjects import Subject, starts_at, step

Rows = dict[tuple[Any, ...], tuple[int, ...]]

# Bought: money lies on the grant by itself, as a bonus of a paid pack, or as a window of a paid
# time; a trial is a window of one that nobody has paid.
CREDITS: Final = r"""
    SELECT w.is_sandbox, g.source, e.kind, e.cause_type,
           g.paid_micros > 0
           OR (g.series LIKE '%%:sub\_%%' AND NOT starts_with(g.fact, 'trial:'))
           OR COALESCE(p.paid_micros, 0) > 0 AS is_bought,
           sum(e.amount_micros)::bigint, count(*)
    FROM billing_entry AS e
    JOIN billing_wallet AS w ON w.id = e.wallet_id
    JOIN billing_grant AS g ON g.id = e.grant_id
    LEFT JOIN billing_packpurchase AS p ON p.bonus_grant_id = g.id
    WHERE e.id >= %(en)s AND e.id < %(en_end)s
    GROUP BY 1, 2, 3, 4, 5
"""
JOBS: Final = """
    SELECT a.is_sandbox, j.model, COALESCE(j.dimensions ->> 'mode', j.context ->> 'mode', '-'),
           j.plan, COALESCE(t.backend, ''), j.status, j.failure_class,
           count(*),
           count(*) FILTER (WHERE j.finished_at IS NOT NULL AND j.status <> 'succeeded'
                            AND j.charged_micros = 0 AND j.quoted_micros > 0),
           COALESCE(sum(j.charged_micros), 0)::bigint,
           count(j.started_at),
           COALESCE(sum(GREATEST(0, extract(epoch FROM j.started_at - j.created_at) * 1000)),
                    0)::bigint,
           COALESCE(sum(GREATEST(0, extract(epoch FROM j.finished_at - j.started_at) * 1000))
                    FILTER (WHERE j.status = 'succeeded'), 0)::bigint
    FROM billing_job AS j
    JOIN billing_account AS a ON a.id = j.account_id
    LEFT JOIN LATERAL (SELECT backend FROM billing_attempt WHERE job_id = j.id
                       ORDER BY number DESC LIMIT 1) AS t ON true
    WHERE j.id >= %(job)s AND j.id < %(job_end)s
    GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
ACCOUNTS: Final = """
    WITH paid AS (
        SELECT DISTINCT account_id FROM billing_purchase
        WHERE paid_at >= %(start)s AND paid_at < %(end)s AND amount_micros > 0)
    SELECT is_sandbox, sum(made), sum(ordering), sum(paying), sum(first)
    FROM (
        SELECT is_sandbox, count(*) AS made, 0 AS ordering, 0 AS paying, 0 AS first
        FROM billing_account WHERE id >= %(acc)s AND id < %(acc_end)s GROUP BY 1
        UNION ALL
        SELECT a.is_sandbox, 0, count(DISTINCT j.account_id), 0, 0
        FROM billing_job AS j JOIN billing_account AS a ON a.id = j.account_id
        WHERE j.id >= %(job)s AND j.id < %(job_end)s GROUP BY 1
        UNION ALL
        SELECT a.is_sandbox, 0, 0, count(*),
               count(*) FILTER (WHERE NOT EXISTS (
                   SELECT FROM billing_purchase AS b
                   WHERE b.account_id = a.id AND b.paid_at < %(start)s AND b.amount_micros > 0))
        FROM paid JOIN billing_account AS a ON a.id = paid.account_id GROUP BY 1
    ) AS parts
    GROUP BY 1
"""
# What the accounts of each month did in this one. Credits are used by a job, or by a debt.
COHORTS: Final = """
    SELECT a.is_sandbox, date_trunc('month', a.created_at AT TIME ZONE 'UTC')::date, p.currency,
           sum(p.ordering), sum(p.paying), sum(p.spent)::bigint, sum(p.paid)::bigint
    FROM (
        SELECT account_id, '' AS currency, 1 AS ordering, 0 AS paying, 0 AS spent, 0 AS paid
        FROM billing_job WHERE id >= %(job)s AND id < %(job_end)s GROUP BY account_id
        UNION ALL
        SELECT account_id, '', 0, 1, 0, 0
        FROM billing_purchase
        WHERE paid_at >= %(start)s AND paid_at < %(end)s AND amount_micros > 0
        GROUP BY account_id
        UNION ALL
        SELECT account_id, currency, 0, 1, 0, sum(amount_micros)
        FROM billing_purchase
        WHERE paid_at >= %(start)s AND paid_at < %(end)s AND amount_micros > 0
        GROUP BY account_id, currency
        UNION ALL
        SELECT w.account_id, '', 0, 0, sum(e.amount_micros), 0
        FROM billing_entry AS e JOIN billing_wallet AS w ON w.id = e.wallet_id
        WHERE e.id >= %(en)s AND e.id < %(en_end)s AND e.kind IN ('capture', 'repay')
        GROUP BY w.account_id
    ) AS p
    JOIN billing_account AS a ON a.id = p.account_id
    GROUP BY 1, 2, 3
"""
_LIVE_ATTEMPTS: Final = """
    SELECT EXISTS (
        SELECT FROM billing_job AS j JOIN billing_attempt AS t ON t.job_id = j.id
        WHERE j.id >= %(job)s AND j.id < %(job_end)s
          AND (t.state <> 'ended' OR j.finished_at IS NULL))
"""
_LOWEST: Final = {
    "en": "SELECT min(id) FROM billing_entry",
    "job": "SELECT min(id) FROM billing_job",
    "acc": "SELECT min(id) FROM billing_account",
}
# Of each statement how many of its columns name a row; what follows are sums.
_KEYS: Final = {CREDITS: 5, JOBS: 7, ACCOUNTS: 1, COHORTS: 3}


def of_days(sql: str, subject: Subject, days: Sequence[date]) -> dict[date, Rows]:
    """Return by day what a statement finds of it."""
    found = {}
    for day in days:
        with connection.cursor() as cursor:
            cursor.execute(sql, bounds(subject, day))
            keys = _KEYS[sql]
            found[day] = {row[:keys]: tuple(map(int, row[keys:])) for row in cursor.fetchall()}
    return found


def bounds(subject: Subject, day: date) -> dict[str, Any]:
    """Return where a day, or a month, begins and ends: as instants, and as ids of each kind."""
    start, end = starts_at(day), starts_at(step(subject, day))
    ids = {
        f"{prefix}{suffix}": floor_of(prefix, instant)
        for prefix in ("en", "job", "acc")
        for suffix, instant in (("", start), ("_end", end))
    }
    return {"start": start, "end": end, **ids}


def has_live_jobs(day: date) -> bool:
    """Say whether what a day's jobs cost can still change."""
    with connection.cursor() as cursor:
        cursor.execute(_LIVE_ATTEMPTS, bounds(Subject.MARGINS, day))
        (is_open,) = cursor.fetchone()
    return bool(is_open)


def first_of(prefix: str) -> str | None:
    """Return the lowest id of the entries, the jobs or the accounts; None: there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_LOWEST[prefix])
        (lowest,) = cursor.fetchone()
    return lowest if lowest is None else str(lowest)
