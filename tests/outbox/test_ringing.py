"""Commit, nudge, worker: with the real broker and a real worker."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from billing.outbox import gateway, pauses, selectors, services
from billing.outbox import tasks as outbox_tasks
from billing.outbox.gateway import Ring
from billing.outbox.models import Message
from billing.outbox.names import QUEUES, TaskName
from config.celery import app
from tests.outbox.cast import Broker, StartWorker, Until
from tests.outbox.errands import PROBE

pytestmark = pytest.mark.django_db(transaction=True)


def post(key: str, *, now: datetime, not_before: datetime | None = None, **more: str) -> Message:
    with transaction.atomic():
        services.post(PROBE, now=now, not_before=not_before, key=key, **more)
    return Message.objects.order_by("pk").last() or pytest.fail("nothing was posted")


def test_nothing_is_rung_before_the_commit_and_once_after_it(broker: Broker, now: datetime) -> None:
    with transaction.atomic():
        services.post(PROBE, now=now, key="job_1")
        assert broker.rung() == []

    message = Message.objects.get()
    assert broker.rung() == [{"key": "job_1", "message_id": message.pk, "request_id": ""}]


def test_rolled_back_nothing_was_posted_and_nothing_is_rung(broker: Broker, now: datetime) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        services.post(PROBE, now=now, key="job_1")
        raise ZeroDivisionError

    assert broker.rung() == []
    assert not Message.objects.exists()


def test_a_message_for_later_is_rung_at_its_instant_and_not_before(
    broker: Broker, now: datetime
) -> None:
    post("job_1", now=now, not_before=now + timedelta(hours=1))
    assert broker.rung() == []

    assert services.ring_due(now=now + timedelta(minutes=59)) == 0
    assert services.ring_due(now=now + timedelta(hours=1)) == 1

    assert [each["key"] for each in broker.rung()] == ["job_1"]


def test_a_broker_that_forgot_everything_is_told_again_at_once(
    broker: Broker, now: datetime
) -> None:
    post("job_1", now=now)
    post("job_later", now=now, not_before=now + timedelta(hours=1))
    broker.forget_everything()

    assert services.ring_due(now=now + timedelta(seconds=1)) == 1
    assert services.ring_due(now=now + timedelta(seconds=2)) == 0

    assert [each["key"] for each in broker.rung()] == ["job_1"]


def test_a_nudge_that_was_lost_alone_is_made_good_within_fifteen_seconds(
    broker: Broker, now: datetime
) -> None:
    post("job_1", now=now)
    broker.forget_queue("dispatch")

    assert services.ring_due(now=now + timedelta(seconds=9)) == 0
    assert services.ring_due(now=now + timedelta(seconds=10)) == 1
    assert services.ring_due(now=now + timedelta(seconds=24)) == 0
    assert services.ring_due(now=now + timedelta(seconds=25)) == 1

    assert len(broker.rung()) == 2


def test_a_worker_does_what_was_posted_and_flushall_loses_none_of_it(
    broker: Broker, worker: StartWorker, until: Until, now: datetime
) -> None:
    posted = [post(f"job_{number}", now=now) for number in range(20)]
    broker.forget_everything()

    with worker():
        app.send_task(TaskName.RING_DUE, queue=QUEUES[TaskName.RING_DUE])
        until(lambda: Message.objects.filter(done_at__isnull=False).count() == len(posted))

    assert [broker.runs_of(f"job_{number}") for number in range(20)] == [1] * 20


def test_a_backlog_of_jobs_does_not_hold_up_the_ring_that_mends_it(
    broker: Broker,
    worker: StartWorker,
    until: Until,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posted = [post(f"job_{number}", now=now) for number in range(60)]
    assert len(broker.rung()) == len(posted)
    begun: list[int] = []

    def ring(*, now: datetime) -> int:
        if threading.current_thread() is not threading.main_thread():  # a worker's, not `until`'s
            begun.append(Message.objects.filter(runs__gt=0).count())
        return 0

    monkeypatch.setattr(services, "ring_due", ring)
    app.send_task(TaskName.RING_DUE, queue=QUEUES[TaskName.RING_DUE])
    with worker():
        until(lambda: Message.objects.filter(done_at__isnull=False).count() == len(posted))

    assert begun[0] < len(posted) / 2


def test_a_worker_survives_arguments_that_it_does_not_know_yet(
    broker: Broker, worker: StartWorker, until: Until, now: datetime
) -> None:
    message = post("job_1", now=now, organization_id="org_9")

    with worker():
        until(lambda: Message.objects.filter(pk=message.pk, done_at__isnull=False).exists())

    assert broker.runs_of("job_1") == 1


def test_a_message_rung_five_times_is_run_once_more_at_most_while_open(
    broker: Broker, worker: StartWorker, until: Until, now: datetime
) -> None:
    message = post("job_1", now=now)
    ring = services._ring(message)
    gateway.drain(timeout_seconds=2)
    with worker():
        until(lambda: Message.objects.filter(pk=message.pk, done_at__isnull=False).exists())
        gateway.ring([ring] * 5)
        app.send_task(TaskName.BEAT_HEART, queue="dispatch")
        until(lambda: selectors.heartbeat_age(now=datetime.now(UTC)) is not None)

    assert broker.runs_of("job_1") == 1


def test_an_errand_that_always_raises_is_buried_and_others_are_served(
    broker: Broker, worker: StartWorker, until: Until, now: datetime
) -> None:
    bad, good = post("fail_1", now=now), post("job_1", now=now)

    def ring_whatever_failed() -> bool:
        bad.refresh_from_db()
        if bad.error and bad.ring_at is not None:
            services.ring_due(now=bad.ring_at)
        return bad.dead_at is not None

    with worker():
        until(ring_whatever_failed, seconds=30)
        until(lambda: Message.objects.filter(pk=good.pk, done_at__isnull=False).exists())

    bad.refresh_from_db()
    assert bad.dead_at is not None
    assert (bad.runs, bad.ring_at) == (8, None)
    assert bad.error == "ValueError: fail_1 went wrong, sk_live_[hidden]"
    assert broker.runs_of("fail_1") == 8
    assert broker.runs_of("job_1") == 1
    assert services.ring_due(now=now + timedelta(days=30)) == 0


def test_the_worker_beats_its_heart(worker: StartWorker, until: Until, now: datetime) -> None:
    assert selectors.heartbeat_age(now=now) is None

    with worker():
        app.send_task(TaskName.BEAT_HEART, queue=QUEUES[TaskName.BEAT_HEART])
        until(lambda: selectors.heartbeat_age(now=datetime.now(UTC)) is not None)

    assert (selectors.heartbeat_age(now=datetime.now(UTC)) or 0) < 10
    assert selectors.heartbeat_age(now=datetime.now(UTC) + timedelta(minutes=5)) in range(290, 311)


def test_a_worker_killed_in_the_middle_leaves_a_message_that_another_ends(
    broker: Broker, worker: StartWorker, until: Until, now: datetime, tmp_path: Path
) -> None:
    message = post("wait_1", now=now)
    with process(tmp_path / "worker.log") as first:
        until(lambda: broker.runs_of("wait_1") == 1, seconds=40)
        first.send_signal(signal.SIGKILL)
        first.wait()
    message.refresh_from_db()
    assert (message.runs, message.done_at) == (1, None)
    assert message.ring_at is not None

    assert services.ring_due(now=message.ring_at - timedelta(seconds=1)) == 0
    assert services.ring_due(now=message.ring_at) == 1
    broker.release("wait_1")
    with worker():
        until(lambda: Message.objects.filter(done_at__isnull=False).exists())

    message.refresh_from_db()
    assert message.runs == 2
    assert broker.runs_of("wait_1") == 2


def test_a_worker_keeps_its_sessions_from_one_errand_to_the_next_and_outlives_their_end(
    broker: Broker, until: Until, now: datetime, tmp_path: Path
) -> None:
    """Each errand on a session of its own would connect, and plan, more than it works."""
    before = sessions()
    with process(tmp_path / "worker.log"):
        for number in range(8):
            post(f"job_{number}", now=now)
        until(lambda: Message.objects.filter(done_at__isnull=False).count() == 8, seconds=40)
        kept = sessions() - before
        for number in range(8, 16):
            post(f"job_{number}", now=now)
        until(lambda: Message.objects.filter(done_at__isnull=False).count() == 16)
        assert 1 <= len(kept) <= 2
        assert kept <= sessions()

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", [[*kept]])
        for number in range(16, 24):
            post(f"job_{number}", now=now)
        until(lambda: Message.objects.filter(done_at__isnull=False).count() == 24)

    assert set(Message.objects.values_list("runs", "error")) == {(1, "")}
    assert "raised unexpected" not in (tmp_path / "worker.log").read_text()


def sessions() -> set[int]:
    """Return the sessions of this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return {pid for (pid,) in cursor.fetchall()}


class process:  # noqa: N801 (reads as a sentence)
    """A real worker process on the test's database, ended by its own id."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> subprocess.Popen[bytes]:
        found = connection.settings_dict
        address = (
            f"postgres://{found['USER']}:{found['PASSWORD']}@{found['HOST']}:{found['PORT']}"
            f"/{found['NAME']}"
        )
        words = "-A config worker --pool threads -c 2 -Q dispatch -I tests.outbox.errands"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter)
                [sys.executable, "-m", "celery", *words.split(), "--without-mingle"],
                env={**os.environ, "DATABASE_URL": address},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process

    def __exit__(self, *_problem: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class TwoRelays:
    """Two `ring_due` at once; each pauses between its read and its write, for the other to read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
        self.rung: list[Ring] = []
        self._now = now
        self._meeting = threading.Barrier(2)
        self._met = threading.local()
        self._after_ring = pauses.after_ring
        monkeypatch.setattr(pauses, "after_ring", self._meet)
        monkeypatch.setattr(gateway, "ring", self._take)
        monkeypatch.setattr(gateway, "was_wiped", lambda: False)

    def run(self) -> None:
        """Return when both are through."""
        threads = [threading.Thread(target=self._ring_due) for _relay in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ring_due(self) -> None:
        try:
            services.ring_due(now=self._now)
        finally:
            connection.close()

    def _meet(self, rings: int) -> timedelta:
        if not hasattr(self._met, "yes"):
            self._met.yes = True
            with suppress(threading.BrokenBarrierError):
                self._meeting.wait(timeout=1)
        return self._after_ring(rings)

    def _take(self, rings: list[Ring]) -> list[Ring]:
        self.rung.extend(rings)
        return []


@pytest.fixture
def fifty_due(now: datetime) -> datetime:
    """Return an instant at which fifty messages are due."""
    for number in range(50):
        post(f"job_{number}", now=now, not_before=now + timedelta(seconds=1))
    return now + timedelta(seconds=1)


def test_two_relays_at_once_never_ring_the_same_message(
    monkeypatch: pytest.MonkeyPatch, fifty_due: datetime
) -> None:
    relays = TwoRelays(monkeypatch, fifty_due)

    relays.run()

    assert len(relays.rung) == 50
    assert len({ring.message_id for ring in relays.rung}) == 50


def test_without_the_row_lock_they_would(
    monkeypatch: pytest.MonkeyPatch, fifty_due: datetime
) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_how: self)
    relays = TwoRelays(monkeypatch, fifty_due)

    relays.run()

    assert len(relays.rung) == 100


def test_an_errand_must_be_ready_for_the_future() -> None:
    def positional(key: str, **_future: object) -> None: ...

    def closed(*, key: str) -> None: ...

    with pytest.raises(TypeError, match="by keyword only"):
        outbox_tasks.errand(PROBE)(positional)
    with pytest.raises(TypeError, match="_future"):
        outbox_tasks.errand(PROBE)(closed)


def test_ringing_inside_a_transaction_is_a_mistake(now: datetime) -> None:
    with pytest.raises(RuntimeError, match="outside any transaction"), transaction.atomic():
        services.ring_due(now=now)


def test_a_backlog_is_rung_a_hundred_at_a_time_longest_due_first(
    broker: Broker, now: datetime
) -> None:
    for number in range(103):
        post(f"job_{number}", now=now, not_before=now + timedelta(seconds=103 - number))
    later = now + timedelta(seconds=200)

    assert services.ring_due(now=later) == 100
    assert services.ring_due(now=later) == 3
    assert services.ring_due(now=later) == 0

    assert [each["key"] for each in broker.rung()] == [f"job_{n}" for n in reversed(range(103))]
