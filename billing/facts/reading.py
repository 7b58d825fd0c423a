"""Reads how things stand: one query each, by an index of what is open, counted up to a bound.

Nothing is locked and nothing is written. The comment beside each query names the index that it
goes by; what is counted beyond the bound is "as many as that".
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import redis
from django.db import connection

from billing.fleet import selectors as fleet
from billing.outbox import selectors as outbox

COUNTED_MAX: Final = 50_000


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure that is told, and by which words its values are told apart.

    Attributes:
        is_count: it only grows, until its source is made anew.
    """

    name: str
    says: str
    labels: tuple[str, ...] = ()
    is_count: bool = False


Figure = tuple[str, tuple[str, ...], float]

FACTS: Final[Sequence[Fact]] = (
    Fact(
        "linggan_outbox_messages",
        "Messages not done: due, begun by a worker, waiting for their instant, or dead.",
        ("queue", "state"),
    ),
    Fact(
        "linggan_outbox_oldest_seconds",
        "For how long a message has been due that no worker has begun.",
        ("queue",),
    ),
    Fact("linggan_jobs", "Jobs that have not ended.", ("status",)),
    Fact("linggan_jobs_oldest_seconds", "Age of the oldest job of a status.", ("status",)),
    Fact(
        "linggan_jobs_overdue_seconds",
        "For how long the verdict on a job of a status has been due.",
        ("status",),
    ),
    Fact(
        "linggan_attempts_live", "Attempts that backends have, or may have.", ("backend", "state")
    ),
    Fact("linggan_backend_slots", "Attempts that a backend may have at once.", ("backend",)),
    Fact("linggan_backend_mode", "1 for the mode a backend is in.", ("backend", "mode")),
    Fact("linggan_breakers_open", "Models that do not get through.", ("backend", "state")),
    Fact("linggan_holds_open", "Holds that are open."),
    Fact("linggan_hold_oldest_seconds", "Age of the oldest open hold without an end of its own."),
    Fact("linggan_entries", "Entries that were written to the ledger.", is_count=True),
    Fact("linggan_stripe_events_open", "Events of Stripe's that are not applied.", ("state",)),
    Fact("linggan_stripe_event_oldest_seconds", "Age of the oldest of them.", ("state",)),
    Fact("linggan_webhooks_open", "Deliveries under way, by what they wait for.", ("waits_for",)),
    Fact("linggan_webhook_oldest_seconds", "Age of the oldest delivery under way."),
    Fact("linggan_webhooks_given_up", "Deliveries given up in the last hour."),
    Fact("linggan_alerts_open", "Alerts that are open.", ("rule", "severity")),
    Fact("linggan_inspection_found", "Rows that the last check of its kind found.", ("check",)),
    Fact("linggan_inspection_age_seconds", "How long ago that check ended.", ("check",)),
    Fact("linggan_heartbeat_age_seconds", "How long ago a worker took a task off its queue."),
    Fact("linggan_broker_up", "1: the broker answers."),
    Fact("linggan_database_connections", "Connections to this database.", ("state",)),
    Fact("linggan_database_connections_max", "How many the server allows."),
    Fact("linggan_replication_lag_bytes", "What a standby has not replayed yet.", ("standby",)),
)


def figures(*, now: datetime) -> Iterator[Figure]:
    """Yield every value.

    Args:
        now: the real instant.
    """
    for read in _READERS:
        yield from read(now)


def _outbox(now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT queue, count(*) FILTER (WHERE ring_at <= %(now)s),
               count(*) FILTER (WHERE ring_at > %(now)s AND is_begun),
               count(*) FILTER (WHERE ring_at > %(now)s AND NOT is_begun),
               min(coalesce(due_at, ring_at))
        FROM (SELECT queue, ring_at, due_at, runs > 0 AND error = '' AS is_begun
              FROM billing_message
              WHERE ring_at IS NOT NULL ORDER BY ring_at LIMIT %(most)s) AS message GROUP BY 1
    """  # message_due: what is open, the longest due first
    for queue, due, begun, waiting, since in _rows(sql, now=now, most=COUNTED_MAX):
        yield "linggan_outbox_messages", (queue, "due"), due
        yield "linggan_outbox_messages", (queue, "begun"), begun
        yield "linggan_outbox_messages", (queue, "waiting"), waiting
        yield "linggan_outbox_oldest_seconds", (queue,), _age(since, now)
    sql = """
        SELECT queue, count(*) FROM (SELECT queue FROM billing_message
        WHERE dead_at IS NOT NULL LIMIT %(most)s) AS message GROUP BY 1
    """  # message_dead
    for queue, dead in _rows(sql, most=COUNTED_MAX):
        yield "linggan_outbox_messages", (queue, "dead"), dead


def _jobs(now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT status, count(*), min(created_at), min(deadline_at)
        FROM (SELECT status, created_at, deadline_at FROM billing_job
              WHERE finished_at IS NULL LIMIT %(most)s) AS job GROUP BY 1
    """  # job_live_of_wallet: as many rows as there are live jobs
    for status, count, since, due_at in _rows(sql, most=COUNTED_MAX):
        yield "linggan_jobs", (status,), count
        yield "linggan_jobs_oldest_seconds", (status,), _age(since, now)
        yield "linggan_jobs_overdue_seconds", (status,), _age(due_at, now)


def _backends(_now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT backend, state, count(*) FROM billing_attempt WHERE state <> 'ended' GROUP BY 1, 2
    """  # attempt_live_of_backend: no more than there are slots
    for backend, state, count in _rows(sql):
        yield "linggan_attempts_live", (backend, state), count
    for standing in fleet.standings():  # two small tables
        yield "linggan_backend_slots", (standing.name,), standing.slots
        yield "linggan_backend_mode", (standing.name, standing.mode), 1
        for state in ("open", "half_open"):
            shut = sum(breaker.state == state for breaker in standing.breakers)
            yield "linggan_breakers_open", (standing.name, state), shut


def _ledger(now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT count(*), min(created_at) FILTER (WHERE expires_at IS NULL)
        FROM (SELECT created_at, expires_at FROM billing_hold
              WHERE state = 'open' LIMIT %(most)s) AS hold
    """  # hold_open: as many rows as there are open holds
    [(count, since)] = _rows(sql, most=COUNTED_MAX)
    yield "linggan_holds_open", (), count
    yield "linggan_hold_oldest_seconds", (), _age(since, now)
    sql = """
        SELECT coalesce(sum(pg_stat_get_tuples_inserted(inhrelid)), 0) FROM pg_inherits
        WHERE inhparent = 'billing_entry'::regclass
    """  # what the statistics have of each partition: no entry is read
    [(written,)] = _rows(sql)
    yield "linggan_entries", (), float(written)


def _stripe(now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT CASE error WHEN '' THEN 'waiting' ELSE 'failing' END, count(*), min(received_at)
        FROM (SELECT error, received_at FROM billing_stripeevent WHERE applied_at IS NULL
              ORDER BY received_at LIMIT %(most)s) AS event GROUP BY 1
    """  # stripe_event_to_apply
    for state, count, since in _rows(sql, most=COUNTED_MAX):
        yield "linggan_stripe_events_open", (state,), count
        yield "linggan_stripe_event_oldest_seconds", (state,), _age(since, now)


def _webhooks(now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT coalesce(nullif(waits_for, ''), 'nothing'), count(*), min(created_at)
        FROM (SELECT waits_for, created_at FROM billing_delivery WHERE next_at IS NOT NULL
              ORDER BY next_at LIMIT %(most)s) AS delivery GROUP BY 1
    """  # delivery_due
    oldest = []
    for waits_for, count, since in _rows(sql, most=COUNTED_MAX):
        yield "linggan_webhooks_open", (waits_for,), count
        oldest.append(_age(since, now))
    yield "linggan_webhook_oldest_seconds", (), max(oldest, default=0.0)
    sql = """
        SELECT count(*) FROM billing_delivery
        WHERE dead_at > %(now)s::timestamptz - interval '1 hour'
    """  # delivery_given_up
    [(dead,)] = _rows(sql, now=now)
    yield "linggan_webhooks_given_up", (), dead


def _watches(now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT rule, severity, count(*) FROM billing_alert
        WHERE closed_at IS NULL AND state = 'open' GROUP BY 1, 2
    """  # alert_open_first
    for rule, severity, count in _rows(sql):
        yield "linggan_alerts_open", (rule, severity), count
    for check, found, ended_at in _rows("SELECT rule, found, ended_at FROM billing_inspection"):
        yield "linggan_inspection_found", (check,), found
        yield "linggan_inspection_age_seconds", (check,), _age(ended_at, now)


def _broker(now: datetime) -> Iterator[Figure]:
    try:
        age = outbox.heartbeat_age(now=now)
    except (redis.RedisError, OSError):
        yield "linggan_broker_up", (), 0
        return
    yield "linggan_broker_up", (), 1
    if age is not None:
        yield "linggan_heartbeat_age_seconds", (), age


def _database(_now: datetime) -> Iterator[Figure]:
    sql = """
        SELECT coalesce(state, 'unknown'), count(*) FROM pg_stat_activity
        WHERE datname = current_database() GROUP BY 1
    """
    for state, count in _rows(sql):
        yield "linggan_database_connections", (state,), count
    [(most,)] = _rows("SELECT current_setting('max_connections')::int")
    yield "linggan_database_connections_max", (), most
    # Whoever is no member of pg_monitor sees the standbys without their places: nothing is told.
    sql = """
        SELECT application_name, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)
        FROM pg_stat_replication WHERE replay_lsn IS NOT NULL AND NOT pg_is_in_recovery()
    """
    for standby, behind in _rows(sql):
        yield "linggan_replication_lag_bytes", (standby,), float(behind)


_READERS: Final[Sequence[Callable[[datetime], Iterator[Figure]]]] = (
    *(_outbox, _jobs, _backends, _ledger, _stripe, _webhooks, _watches, _broker, _database),
)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _rows(sql: str, **given: int | datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
