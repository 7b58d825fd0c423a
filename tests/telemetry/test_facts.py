"""What is told of the database: true, by indexes alone, seldom, and without a lock."""

import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from prometheus_client import CollectorRegistry, generate_latest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.alerts.models import Inspection
from billing.facts import exposition, reading
from billing.fleet.models import Breaker
from billing.jobs.models import Job
from billing.outbox.models import Message
from billing.payments.models import StripeEvent
from tests import factories
from tests.insights.conftest import buyer, shop
from tests.insights.selling import order

__all__ = ["buyer", "shop"]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Tables that only grow.
LONG: Final = (
    *("billing_message", "billing_job", "billing_attempt", "billing_hold"),
    *("billing_stripeevent", "billing_delivery", "billing_entry"),
)


def told(now: datetime = NOW) -> dict[tuple[str, ...], float]:
    return {(name, *labels): value for name, labels, value in reading.figures(now=now)}


def message(task: str, **columns: object) -> Message:
    return Message.objects.create(
        task=task, arguments={}, queue="dispatch", created_at=NOW - timedelta(minutes=3), **columns
    )


def test_the_outbox_is_told_by_queue_and_by_what_it_waits_for(db: None) -> None:
    message("a", ring_at=NOW - timedelta(seconds=1), due_at=NOW - timedelta(minutes=2))
    message("b", ring_at=NOW + timedelta(hours=1))
    message("c", dead_at=NOW, error="gone")
    message("e", ring_at=NOW + timedelta(seconds=20), runs=1)
    message("f", ring_at=NOW + timedelta(minutes=2), runs=1, error="once more")
    message("d", done_at=NOW)

    found = told()

    assert found["linggan_outbox_messages", "dispatch", "due"] == 1
    assert found["linggan_outbox_messages", "dispatch", "waiting"] == 2
    assert found["linggan_outbox_messages", "dispatch", "begun"] == 1
    assert found["linggan_outbox_messages", "dispatch", "dead"] == 1
    assert found["linggan_outbox_oldest_seconds", "dispatch"] == 120


def test_a_message_is_told_to_be_late_from_its_own_hour_on_and_between_its_rings(db: None) -> None:
    late = NOW - timedelta(minutes=2)
    message("a", ring_at=NOW + timedelta(minutes=4), due_at=late, rings=7)
    assert told()["linggan_outbox_oldest_seconds", "dispatch"] == 120

    Message.objects.update(due_at=NOW + timedelta(hours=1), ring_at=NOW + timedelta(hours=1))
    assert told()["linggan_outbox_oldest_seconds", "dispatch"] == 0


def test_a_verdict_is_overdue_from_its_deadline_on_however_long_its_job_has_queued(
    buyer: Account,
) -> None:
    factories.give(buyer, 1000)
    now = datetime.now(UTC) + timedelta(days=1)
    lost, _attempt = order(buyer)
    in_time, _attempt = order(buyer)
    Job.objects.filter(pk=lost.pk).update(status="unknown", deadline_at=now - timedelta(minutes=30))
    Job.objects.filter(pk=in_time.pk).update(deadline_at=now + timedelta(minutes=30))

    found = told(now)

    assert found["linggan_jobs_overdue_seconds", "unknown"] == 1800
    assert found["linggan_jobs_overdue_seconds", "running"] == 0
    assert found["linggan_jobs_oldest_seconds", "unknown"] > 23 * 3600


def test_backends_breakers_events_and_checks_are_told(db: None, settings: Settings) -> None:
    entry = {"kind": "cog", "url": "http://127.0.0.1:9", "secret": "s" * 16, "models": ["*"]}
    settings.BACKENDS = {"first": entry | {"concurrency": 3}}
    breaker = {"opened_at": NOW, "retry_at": NOW, "openings": 1, "state": "open"}
    Breaker.objects.create(backend="first", model="kling-v1-6", **breaker)
    StripeEvent.objects.create(
        id="evt_1",
        type="invoice.paid",
        is_live=False,
        via="webhook",
        raw="{}",
        created_at=NOW,
        received_at=NOW - timedelta(minutes=2),
    )
    Inspection.objects.create(rule="invariant_broken", ended_at=NOW - timedelta(hours=1), found=2)

    found = told()

    assert found["linggan_backend_slots", "first"] == 3
    assert found["linggan_backend_mode", "first", "open"] == 1
    assert found["linggan_breakers_open", "first", "open"] == 1
    assert found["linggan_stripe_events_open", "waiting"] == 1
    assert found["linggan_stripe_event_oldest_seconds", "waiting"] == 120
    assert found["linggan_inspection_found", "invariant_broken"] == 2
    assert found["linggan_inspection_age_seconds", "invariant_broken"] == 3600
    assert found["linggan_broker_up",] == 1
    assert found["linggan_database_connections_max",] > 1


def test_every_figure_is_a_known_fact_with_its_labels(db: None) -> None:
    known = {fact.name: len(fact.labels) for fact in reading.FACTS}

    assert {name for name, _labels, _value in reading.figures(now=NOW)} <= known.keys()
    for name, labels, _value in reading.figures(now=NOW):
        assert len(labels) == known[name], name


def test_of_what_is_long_only_what_is_open_is_read_and_nothing_is_locked(db: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        told()
    plans = []
    with transaction.atomic(), connection.cursor() as cursor:
        # What these few rows would make cheaper is no matter; without an index it would still show.
        cursor.execute("SET LOCAL enable_seqscan = off")
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        of_some_rows = {name for (name,) in cursor.fetchall()}
    long = [plan for plan in plans if any(f" on {table}" in plan for table in LONG)]
    assert len(long) == 8
    for plan in long:
        read = set(re.findall(r"(?:Scan using|Bitmap Index Scan on) (\w+)", plan))
        assert read, plan
        assert read <= of_some_rows, plan
    assert not any("LockRows" in plan for plan in plans)


def test_two_who_ask_at_once_make_the_database_answer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[datetime] = []

    def figures(*, now: datetime) -> Iterator[reading.Figure]:
        looked.append(now)
        time.sleep(0.05)
        yield "linggan_holds_open", (), 4

    monkeypatch.setattr(reading, "figures", figures)
    monkeypatch.setattr(connection, "close", lambda: None)
    facts = exposition.Facts()
    registry = CollectorRegistry()
    registry.register(facts)
    said: list[str] = []
    asking = [
        threading.Thread(target=lambda: said.append(generate_latest(registry).decode()))
        for _each in range(4)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()

    assert len(looked) == 1
    assert all("linggan_holds_open 4.0" in text for text in said)
    assert all("linggan_facts_up 1.0" in text for text in said)
    monkeypatch.setattr(exposition, "KEPT_SECONDS", 0.0)
    facts._good_until = 0.0
    generate_latest(registry)
    assert len(looked) == 2


def test_without_a_database_only_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*, now: datetime) -> Iterator[reading.Figure]:
        raise OperationalError("the server is gone")

    monkeypatch.setattr(reading, "figures", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    registry = CollectorRegistry()
    registry.register(exposition.Facts())

    said = generate_latest(registry).decode()

    assert "linggan_facts_up 0.0" in said
    assert "linggan_jobs" not in said
