"""Measures each rule: one query, by an index, of what is lately so; nothing is written.

The comment beside each names the index that it goes by.
"""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from billing.alerts.models import Inspection
from billing.alerts.rules import Rule, RuleCode
from billing.fleet.models import Breaker
from billing.ids import floor_of
from billing.jobs import selectors as jobs
from billing.outbox import selectors as outbox
from billing.payments.models import StripeEvent

# So many subjects of one rule are told apart at most, the worst first: more would be one cause.
SUBJECTS_MAX: Final = 50
# So many rows are named, to begin with, and so many counted: beyond that it is "many".
_ROWS_NAMED: Final = 10
_ROWS_COUNTED: Final = 1000
LATELY: Final = timedelta(minutes=30)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_USUAL_DAYS: Final = 7

Measured = Iterator["Measure"]


@dataclass(frozen=True, slots=True)
class Measure:
    """The value of one subject.

    Attributes:
        rows: some rows that it is about, as (name of the model, id).
        facts: what else was measured, for people.
    """

    subject: str
    value: int
    rows: Sequence[tuple[str, str]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def take(rule: Rule, *, now: datetime) -> list[Measure]:
    """Return the values of the rule's subjects, the worst first; of what is well some are missing.

    Args:
        now: the real instant.
    """
    found = sorted(_TAKERS[rule.code](rule, now), key=lambda one: one.value)
    return (found if rule.is_low else found[::-1])[:SUBJECTS_MAX]


def _gpu_success(rule: Rule, now: datetime) -> Measured:
    """By backend and model: of a hundred attempts that say something of it, how many made a video.

    Attempts that it turned away, and those that failed by their order, say nothing of a backend.
    """
    sql = """
        SELECT attempt.backend, job.model, count(*),
               count(*) FILTER (WHERE attempt.outcome = 'succeeded')
        FROM billing_attempt AS attempt JOIN billing_job AS job ON job.id = attempt.job_id
        WHERE attempt.state = 'ended' AND attempt.ended_at > %(since)s
          AND (attempt.outcome IN ('succeeded', 'NotSent', 'AuthError', 'lost', 'absent', 'expired')
               OR attempt.outcome IN ('failed', 'canceled')
                  AND job.failure_class IN ('backend_error', 'timeout'))
        GROUP BY 1, 2 HAVING count(*) >= %(least)s
    """  # attempt_ended_lately
    for backend, model, ended, made in _rows(sql, since=now - LATELY, least=rule.least):
        yield Measure(
            f"{backend}/{model}", made * 100 // ended, facts={"ended": ended, "made": made}
        )


def _breakers(_rule: Rule, now: datetime) -> Measured:
    """By backend and model: how long its breaker has been open."""
    for breaker in Breaker.objects.exclude(state="closed"):  # breaker_not_closed
        if breaker.opened_at is not None:
            yield Measure(
                str(breaker),
                int((now - breaker.opened_at).total_seconds()),
                rows=[("billing.breaker", str(breaker.pk))],
                facts={"reason": breaker.reason},
            )


def _inspected(rule: Rule, _now: datetime) -> Measured:
    """How many rows the last check of its kind has found."""
    for last in Inspection.objects.filter(pk=rule.code.value):  # its key
        facts = {"ended_at": last.ended_at.isoformat(), "lines": last.lines}
        yield Measure("", last.found, facts=facts)


def _holds(_rule: Rule, now: datetime) -> Measured:
    """How old the oldest open hold is that has no end of its own."""
    sql = """
        SELECT id, created_at FROM billing_hold
        WHERE state = 'open' AND expires_at IS NULL ORDER BY created_at LIMIT %(most)s
    """  # hold_open: as many rows as there are open holds, whatever was before
    oldest = _rows(sql, most=_ROWS_NAMED)
    if oldest:
        age = now - oldest[0][1]
        rows = [("billing.hold", hold_id) for hold_id, _created_at in oldest]
        yield Measure("", int(age.total_seconds()), rows=rows)


def _jobs_for_a_person(_rule: Rule, now: datetime) -> Measured:
    """How many jobs only a person can end."""
    waiting = jobs.awaiting_a_person(now=now).order_by("deadline_at")  # job_at_work
    ids = list(waiting.values_list("pk", flat=True)[:_ROWS_COUNTED])
    yield Measure("", len(ids), rows=[("billing.job", each) for each in ids[:_ROWS_NAMED]])


def _webhooks(_rule: Rule, now: datetime) -> Measured:
    """By endpoint: how many of its deliveries were given up in the last hour."""
    sql = """
        SELECT endpoint_id, count(*), (array_agg(id ORDER BY dead_at DESC))[1:%(named)s]
        FROM billing_delivery WHERE dead_at > %(since)s GROUP BY 1
    """  # delivery_given_up
    for endpoint, dead, ids in _rows(sql, since=now - _HOUR, named=_ROWS_NAMED):
        rows = [("billing.endpoint", endpoint), *(("billing.delivery", each) for each in ids)]
        yield Measure(endpoint, dead, rows=rows)


def _errands(_rule: Rule, _now: datetime) -> Measured:
    """By task: how many of its messages are dead; however many of one, no other is hidden."""
    sql = """
        SELECT task, count(*), (array_agg(id ORDER BY dead_at DESC))[1:%(named)s]
        FROM billing_message WHERE dead_at IS NOT NULL GROUP BY 1
    """  # message_dead: as many rows as are dead, whatever was before
    for task, dead, ids in _rows(sql, named=_ROWS_NAMED):
        yield Measure(task, dead, rows=[("billing.message", each) for each in ids])


def _queues(_rule: Rule, now: datetime) -> Measured:
    """By queue: for how long a message has been due that no worker has begun."""
    for queue, since in outbox.late_since(now=now).items():  # message_due
        yield Measure(queue, int((now - since).total_seconds()))


def _stripe(_rule: Rule, now: datetime) -> Measured:
    """How long the oldest event waits: of those that were not looked at, and of those that fail."""
    waiting = StripeEvent.objects.filter(applied_at=None)  # stripe_event_to_apply
    kinds = {"waiting": Q(error=""), "failing": ~Q(error="")}
    for subject, kind in kinds.items():
        oldest = waiting.filter(kind).order_by("received_at")[:_ROWS_NAMED]
        rows = list(oldest.values_list("pk", "received_at"))
        if rows:
            lag = int((now - rows[0][1]).total_seconds())
            ids = [("billing.stripeevent", event_id) for event_id, _received_at in rows]
            yield Measure(subject, max(0, lag), rows=ids)


def _margins(rule: Rule, now: datetime) -> Measured:
    """By model and currency: what of a hundred of revenue is left, of the last day's paid jobs.

    Only jobs whose credits were all paid for in the money that their backends cost: free ones bring
    nothing by design, and of the others nobody knows.
    """
    sql = """
        WITH job AS (
            SELECT job.id, job.model, job.hold_id FROM billing_job AS job
            JOIN billing_account AS account ON account.id = job.account_id
            WHERE job.id >= %(first)s AND job.finished_at IS NOT NULL AND NOT account.is_sandbox
        ), spent AS (
            SELECT job.id, job.model, job.hold_id, max(attempt.cost_currency) AS currency,
                   sum(attempt.cost_micros) AS micros
            FROM job JOIN billing_attempt AS attempt ON attempt.job_id = job.id
            GROUP BY 1, 2, 3
            HAVING count(DISTINCT nullif(attempt.cost_currency, '')) = 1
               AND bool_and(attempt.cost_micros IS NOT NULL)
        ), earned AS (
            SELECT spent.id, sum(entry.amount_micros::numeric * grants.paid_micros
                                 / grants.amount_micros) AS micros,
                   bool_and(grants.paid_currency = spent.currency) AS is_paid
            FROM spent JOIN billing_entry AS entry ON entry.hold_id = spent.hold_id
            JOIN billing_grant AS grants ON grants.id = entry.grant_id
            WHERE entry.kind = 'capture' GROUP BY 1
        )
        SELECT spent.model, spent.currency, count(*),
               sum(earned.micros)::bigint, sum(spent.micros)::bigint
        FROM spent JOIN earned USING (id) WHERE earned.is_paid
        GROUP BY 1, 2 HAVING count(*) >= %(least)s AND sum(earned.micros) >= 1
    """  # the keys of jobs, which sort by time; attempts by job, entries by hold
    found = _rows(sql, first=floor_of("job", now - _DAY), least=rule.least)
    for model, currency, counted, revenue, cost in found:
        facts = {"jobs": counted, "revenue_micros": revenue, "cost_micros": cost}
        yield Measure(
            f"{model}/{currency}",
            (revenue - cost) * 100 // revenue,
            facts={**facts, "in": currency},
        )


def _free_burn(rule: Rule, now: datetime) -> Measured:
    """How many free credits were used in the last hour, in percent of the same hour of other days.

    Usual is the middle one of the last seven days; below `least` credits of it nothing is said,
    and from `least` on what is used where usually nothing is counts as a share of that.
    """
    used = [_free_used(now - day * _DAY) for day in range(_USUAL_DAYS + 1)]
    usual = max(int(statistics.median(used[1:])), rule.least)
    yield Measure(
        "",
        used[0] * 100 // usual,
        facts={"used": used[0], "usual": int(statistics.median(used[1:]))},
    )


def _free_used(until: datetime) -> int:
    """Return how many whole credits that nobody had paid for were used in the hour before."""
    sql = """
        SELECT coalesce(sum(entry.amount_micros), 0) / 1000000
        FROM billing_entry AS entry JOIN billing_grant AS grants ON grants.id = entry.grant_id
        JOIN billing_wallet AS wallet ON wallet.id = entry.wallet_id
        WHERE entry.id >= %(first)s AND entry.id < %(end)s AND entry.kind = 'capture'
          AND grants.paid_micros = 0 AND NOT wallet.is_sandbox
    """  # the key of entries, which sorts by time and by which their partitions are cut
    [(used,)] = _rows(sql, first=floor_of("en", until - _HOUR), end=floor_of("en", until))
    return int(used)


def _halts(_rule: Rule, _now: datetime) -> Measured:
    """How many wallets get nothing by themselves any more."""
    sql = """
        SELECT id FROM billing_wallet WHERE halted_at IS NOT NULL
        ORDER BY halted_at DESC LIMIT %(most)s
    """  # wallet_halted
    ids = [wallet_id for (wallet_id,) in _rows(sql, most=_ROWS_COUNTED)]
    yield Measure("", len(ids), rows=[("billing.wallet", each) for each in ids[:_ROWS_NAMED]])


_TAKERS: Final[Mapping[RuleCode, Callable[[Rule, datetime], Measured]]] = {
    RuleCode.GPU_SUCCESS_LOW: _gpu_success,
    RuleCode.BREAKER_OPEN: _breakers,
    RuleCode.SIDES_DISAGREE: _inspected,
    RuleCode.INVARIANT_BROKEN: _inspected,
    RuleCode.HOLD_STUCK: _holds,
    RuleCode.JOB_NEEDS_PERSON: _jobs_for_a_person,
    RuleCode.WEBHOOK_DEAD: _webhooks,
    RuleCode.OUTBOX_DEAD: _errands,
    RuleCode.QUEUE_WAITS: _queues,
    RuleCode.STRIPE_LAG: _stripe,
    RuleCode.MARGIN_NEGATIVE: _margins,
    RuleCode.FREE_BURN_UNUSUAL: _free_burn,
    RuleCode.GRANTS_HALTED: _halts,
}
assert set(_TAKERS) == set(RuleCode), "every rule is measured"


def _rows(sql: str, **given: str | int | datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
