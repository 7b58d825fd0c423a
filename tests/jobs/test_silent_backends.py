"""A backend that is silent costs a sweep one question, and nobody else anything."""

from datetime import datetime, timedelta

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings

from billing.accounts.models import Account
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.protocol import Ambiguous, AttemptView, State, Status
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Callback, LooseFile
from billing.jobs.services import forgetting, sweeping
from billing.outbox import services as outbox
from billing.outbox.models import Message
from tests.jobs.fleet_story import attempt_of, entry, later, now, order, rung, shopper

__all__ = ["shopper"]


@pytest.fixture
def asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two backends: one answers, one is silent. Return which attempts they are asked about."""
    settings.BACKENDS = {"silent": entry("http://127.0.0.1:9"), "here": entry("http://127.0.0.1:7")}
    seen: list[str] = []

    def find(self: CogBackend, view: AttemptView) -> Status:
        seen.append(view.id)
        if Attempt.objects.get(pk=view.id).backend == "silent":
            raise Ambiguous("No answer in time.")
        return Status(state=State.RUNNING)

    monkeypatch.setattr(CogBackend, "find", find)
    return seen


def at_work(account: Account, backend: str, *, due: datetime) -> Attempt:
    """Return an attempt that the backend has, to be looked after at `due`."""
    job = order(account)
    made = Attempt.objects.create(
        job=job,
        number=1,
        backend=backend,
        lease_until=due,
        check_at=due,
        created_at=due,
        state="accepted",
    )
    type(job).objects.filter(pk=job.pk).update(
        status="running", started_at=due, deadline_at=due + timedelta(hours=1)
    )
    return made


def test_a_silent_backend_is_asked_once_in_a_sweep_and_the_others_are_looked_after(
    shopper: Account, asked: list[str]
) -> None:
    first, second = (at_work(shopper, "silent", due=now()) for _time in range(2))
    heard = at_work(shopper, "here", due=now())

    jobs.sweep(now=later(seconds=1))

    assert asked == [first.pk, heard.pk]
    jobs.sweep(now=later(minutes=5))
    assert second.pk in asked


def test_what_one_sweep_looks_after_another_leaves_alone(
    shopper: Account, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = [at_work(shopper, "here", due=now()) for _time in range(2)]
    at, find = later(seconds=1), CogBackend.find

    def slow(self: CogBackend, view: AttemptView) -> Status | None:
        """While the backend thinks, the next sweep begins."""
        answer = find(self, view)
        if len(asked) == 1:
            jobs.sweep(now=at + timedelta(seconds=5))
        return answer

    monkeypatch.setattr(CogBackend, "find", slow)
    jobs.sweep(now=at)

    assert asked == [attempt.pk for attempt in attempts]


def test_what_the_clock_says_is_true_at_a_silent_backend_too(
    shopper: Account, asked: list[str]
) -> None:
    attempts = [at_work(shopper, "silent", due=now()) for _time in range(3)]

    jobs.sweep(now=later(hours=2))

    for attempt in attempts:
        attempt.job.refresh_from_db()
    assert [attempt.job.status for attempt in attempts] == ["unknown"] * 3
    assert len(asked) == 1


def test_a_sweep_that_has_no_time_left_leaves_the_rest_due(
    shopper: Account, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = at_work(shopper, "here", due=now())
    at = later(seconds=1)
    monkeypatch.setattr(sweeping, "BUDGET", timedelta(0))

    jobs.sweep(now=at)

    left.refresh_from_db()
    assert (asked, left.check_at) == ([], at)


def test_those_who_wait_are_rung_before_any_backend_is_asked(
    shopper: Account, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = order(shopper)
    busy = at_work(shopper, "silent", due=now())
    found: list[list[str]] = []

    def find(self: CogBackend, view: AttemptView) -> Status:
        found.append(rung())
        raise Ambiguous("No answer in time.")

    monkeypatch.setattr(CogBackend, "find", find)
    jobs.sweep(now=later(seconds=20))

    assert (found, attempt_of(busy.job)) == ([[job.pk]], busy)


def test_an_operator_is_called_once(
    shopper: Account, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    overdue, called = at_work(shopper, "silent", due=now()), list[str]()

    def error(event: str, **_facts: object) -> None:
        called.append(event)

    monkeypatch.setattr(sweeping._log, "error", error, raising=False)
    for hours in (8, 9, 10):
        jobs.sweep(now=later(hours=hours))

    overdue.refresh_from_db()
    assert (overdue.state, overdue.job.status) == ("accepted", "unknown")
    assert called == ["job_needs_a_human"]


def test_words_that_are_being_applied_stand_before_no_other(
    shopper: Account, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 1)
    heard = at_work(shopper, "here", due=later(days=9))
    old, young = (
        Callback.objects.create(
            attempt=heard, digest=bytes([number]), body=b"{}", received_at=later(seconds=number)
        )
        for number in range(2)
    )

    for _sweep in range(2):
        jobs.sweep(now=later(hours=1))

    posted = Message.objects.filter(task="jobs.apply_callback").order_by("pk")
    assert [message.arguments["callback_id"] for message in posted] == [old.pk, young.pk]


def test_files_that_cannot_be_deleted_stand_before_no_other(
    shopper: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "BATCH", 1)
    LooseFile.objects.create(path="stuck", created_at=now())
    LooseFile.objects.create(path="goes", created_at=later(seconds=1))

    def delete(path: str) -> None:
        if path == "stuck":
            raise OSError("The disk is read-only.")

    monkeypatch.setattr(default_storage, "delete", delete)
    for _sweep in range(2):
        jobs.sweep_files(now=later(days=2))

    assert list(LooseFile.objects.values_list("path", flat=True)) == ["stuck"]
    assert jobs.sweep_files(now=later(days=2, hours=2)) == 1


def test_a_job_whose_message_pauses_takes_no_slot_from_who_can_go(
    shopper: Account, asked: list[str], settings: Settings
) -> None:
    settings.BACKENDS = {"here": entry("http://127.0.0.1:7", concurrency=1)}
    stuck, goes = order(shopper), order(shopper)
    jobs.sweep(now=later(seconds=20))
    message = Message.objects.get(task="jobs.dispatch", done_at=None)
    assert message.arguments["job_id"] == stuck.pk
    outbox.fail(message.pk, error="a bug", now=later(seconds=20))

    jobs.sweep(now=later(seconds=21))

    assert rung() == [stuck.pk, goes.pk]
