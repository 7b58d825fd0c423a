"""The net: what nobody reported is found, and one poor row never holds up the others."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from pytest_django import Settings

from billing.accounts.models import Account
from billing.fleet import services as fleet
from billing.fleet.breaking import Sign
from billing.gpu.adapters.cog import adapter
from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.protocol import Fail, Output, State, Status
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.models import Output as StoredFile
from billing.jobs.orders import JobOrder
from billing.jobs.services import hearing
from billing.ledger import services as ledger
from billing.ledger.models import Entry, Hold
from billing.outbox import services as outbox
from billing.outbox.models import Message
from plans.catalog import publish
from tests import factories

ORDER = JobOrder(
    spec={"model": "kling-v1-6", "mode": "std", "seconds": 5}, inputs={"prompt": "a net"}
)
USER = ledger.Actor("user", "ada")
HOUR = timedelta(hours=1)


def _now() -> datetime:
    return datetime.now(UTC)


def _submit(account: Account, *, at: datetime | None = None, model: str = "kling-v1-6") -> Job:
    order = replace(ORDER, spec={**ORDER.spec, "model": model})
    with transaction.atomic():
        return jobs.submit(account=account, order=order, actor=USER, now=at or _now())


def _edited(*changes: tuple[str, str]) -> None:
    text = factories.KLING.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    publish.publish(text, now=_now())


@pytest.fixture
def attempt(ada: Account) -> Attempt:
    """A job of Ada's runs at a backend that does not answer."""
    factories.give(ada, 100)
    job = _submit(ada)
    now = _now()
    made = Attempt.objects.create(
        job=job,
        number=1,
        backend="away",
        lease_until=now,
        check_at=now,
        created_at=now,
        state="accepted",
    )
    Job.objects.filter(pk=job.pk).update(
        status="running", started_at=now, deadline_at=now + timedelta(minutes=15)
    )
    return made


def _film(*_args: object) -> Iterator[Output]:
    yield Output(
        file=io.BytesIO(b"film"), mime="video/mp4", bytes=4, milliseconds=60_000, width=16, height=9
    )


def _succeeded(attempt: Attempt) -> bytes:
    film = base64.b64encode(b"film").decode()
    return json.dumps(
        {"id": attempt.pk, "status": "succeeded", "output": f"data:video/mp4;base64,{film}"}
    ).encode()


def _hear(attempt: Attempt, body: bytes) -> None:
    jobs.hear(
        backend="away",
        attempt_id=attempt.pk,
        headers={"Authorization": "Bearer a-secret-that-guards-nothing"},
        body=body,
        now=_now(),
    )


def test_a_job_that_was_never_sent_expires_and_is_never_charged(ada: Account) -> None:
    _edited(('timeout = "0"', 'timeout = "0.5"'))
    factories.give(ada, 10)
    job = _submit(ada)

    jobs.sweep(now=_now() + 25 * HOUR)

    job.refresh_from_db()
    assert (job.status, Hold.objects.get().captured_micros) == ("expired", 0)
    assert factories.free_micros(ada) == 10_000_000


def test_a_word_whose_message_died_is_applied_after_all(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "read_outputs", _film)
    _hear(attempt, _succeeded(attempt))
    message = Message.objects.get(task="jobs.apply_callback")
    Message.objects.filter(pk=message.pk).update(
        ring_at=None, dead_at=_now(), error="No space left on device"
    )

    jobs.sweep(now=_now() + HOUR)

    again = Message.objects.get(task="jobs.apply_callback", ring_at__isnull=False)
    jobs.apply_callback(callback_id=again.arguments["callback_id"], now=_now())
    outbox.finish(again.pk, now=_now())
    assert Job.objects.get().status == "succeeded"
    jobs.sweep(now=_now() + 2 * HOUR)
    assert Message.objects.filter(task="jobs.apply_callback").count() == 2


def test_who_is_handing_a_job_over_is_not_doubted_before_his_lease_is_over(
    attempt: Attempt,
) -> None:
    lease = _now() + HOUR
    Job.objects.update(status="dispatched")
    Attempt.objects.update(state="submitting", accepted_at=None, lease_until=lease, check_at=_now())

    jobs.sweep(now=_now())
    assert (Attempt.objects.get().state, Job.objects.get().status) == ("submitting", "dispatched")
    assert Attempt.objects.get().check_at == lease

    jobs.sweep(now=lease)
    assert (Attempt.objects.get().state, Job.objects.get().status) == ("ambiguous", "unknown")


def test_a_word_that_was_heard_and_waits_is_no_absence(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hear(attempt, _succeeded(attempt))
    absent = Status(state=State.ABSENT)

    for minutes in range(20):
        hearing.apply_status(attempt.pk, absent, now=_now() + timedelta(minutes=10 * minutes))
    assert Hold.objects.get().state == "open"

    for minutes in range(10):
        hearing.apply_status(attempt.pk, absent, now=_now() + 7 * HOUR + minutes * HOUR)
    assert Job.objects.get().status == "failed"


def test_a_backend_that_is_no_longer_configured_stops_no_sweep(
    attempt: Attempt, ada: Account, settings: Settings
) -> None:
    other = _submit(ada)
    settings.BACKENDS = {}

    jobs.sweep(now=_now() + 25 * HOUR)

    other.refresh_from_db()
    assert other.status == "expired"
    assert Job.objects.get(pk=attempt.job_id).status == "unknown"
    # An operator decides; then its slot is free too.
    jobs.fail(job_id=attempt.job_id, operator="grace" * 30, now=_now())
    jobs.sweep(now=_now() + 26 * HOUR)
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome) == ("ended", "given_up")
    assert list(audit.breaches()) == []


def test_one_row_that_fails_does_not_stop_the_others(
    attempt: Attempt, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _submit(ada)

    def poison(_self: CogBackend, _view: object) -> None:
        raise RuntimeError("poison")

    monkeypatch.setattr(CogBackend, "find", poison)
    jobs.sweep(now=_now() + 25 * HOUR)

    other.refresh_from_db()
    assert other.status == "expired"


def test_the_second_run_of_a_success_leaves_the_firsts_film_alone(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "read_outputs", _film)
    status = Status(state=State.SUCCEEDED, outputs=("data:video/mp4;base64,AAAA",))
    capture = hearing._capture

    def second_run_first(*facts: Any) -> bool:  # noqa: ANN401 (passed on as they are)
        monkeypatch.setattr(hearing, "_capture", capture)
        Attempt.objects.update(collecting_until=None)  # the first has taken too long
        hearing.apply_status(attempt.pk, status, now=_now())
        return capture(*facts)

    monkeypatch.setattr(hearing, "_capture", second_run_first)
    hearing.apply_status(attempt.pk, status, now=_now())

    kept = StoredFile.objects.get()
    assert default_storage.exists(kept.path)
    folder = f"outputs/{attempt.job_id}"
    assert default_storage.listdir(folder)[1] == [kept.path.rsplit("/", 1)[1]]


def test_sandbox_jobs_do_not_stand_in_front_of_paid_ones(ada: Account, settings: Settings) -> None:
    toy = factories.new_account("toy", is_sandbox=True)
    settings.BACKENDS = {
        **settings.BACKENDS,
        "toy": {**settings.BACKENDS["away"], "sandbox": True, "models": ["kling-v1-6"]},
    }
    long_ago = _now() - HOUR
    factories.give(toy, 100)
    factories.give(ada, 100)
    for _number in range(3):
        _submit(toy, at=long_ago)
    settings.BACKENDS = {"away": settings.BACKENDS["away"]}
    paid = _submit(ada, at=long_ago + timedelta(minutes=1))
    Message.objects.update(ring_at=None, done_at=_now())

    jobs.sweep(now=_now())

    rung = Message.objects.filter(ring_at__isnull=False, task="jobs.dispatch")
    assert [message.arguments["job_id"] for message in rung] == [paid.pk]


def test_busy_workers_are_given_no_second_message_of_a_job(ada: Account) -> None:
    factories.give(ada, 100)
    _submit(ada, at=_now() - HOUR)
    rung = Message.objects.filter(task="jobs.dispatch")

    jobs.sweep(now=_now())
    jobs.sweep(now=_now())
    assert rung.count() == 1

    rung.update(ring_at=None, done_at=_now())  # there was no room, and whoever rings next died
    jobs.sweep(now=_now())
    jobs.sweep(now=_now())

    assert rung.count() == 2


def test_a_job_does_not_wait_for_a_worker_who_has_begun_and_may_be_dead(ada: Account) -> None:
    factories.give(ada, 100)
    _submit(ada, at=_now() - HOUR)
    rung = Message.objects.filter(task="jobs.dispatch")
    assert outbox.begin(rung.get().pk, now=_now())

    jobs.sweep(now=_now())
    jobs.sweep(now=_now())

    assert [message.runs for message in rung.order_by("pk")] == [1, 0]


def test_behind_an_open_breaker_one_job_is_rung_for_and_the_other_models_are(
    ada: Account, settings: Settings
) -> None:
    factories.give(ada, 1000)
    settings.BACKENDS["away"]["concurrency"] = 10
    old = _now() - HOUR
    trial, _waits, other = (
        _submit(ada, at=old + number * timedelta(minutes=1), model=model)
        for number, model in enumerate(["kling-v1-6", "kling-v1-6", "kling-v2-6"])
    )
    Message.objects.update(ring_at=None, done_at=_now())
    with transaction.atomic():
        for number in range(5):
            fleet.note(
                "away",
                model="kling-v1-6",
                attempt_id=f"at_{number}",
                sign=Sign.UNHEARD,
                now=_now() - HOUR,
            )

    jobs.sweep(now=_now())

    rung = Message.objects.filter(ring_at__isnull=False, task="jobs.dispatch")
    ids = {message.arguments["job_id"] for message in rung}
    assert ids == {trial.pk, other.pk}


def test_an_account_at_its_limit_does_not_stand_in_front_of_others(
    ada: Account, settings: Settings
) -> None:
    _edited(('concurrency = 3\n  excess = "refuse"', 'concurrency = 1\n  excess = "wait"'))
    bob = factories.new_account("bob", is_sandbox=False)
    factories.give(ada, 1000)
    factories.give(bob, 1000)
    long_ago = _now() - HOUR
    busy = _submit(ada, at=long_ago)
    Attempt.objects.create(
        job=busy,
        number=1,
        backend="away",
        lease_until=_now() + HOUR,
        check_at=_now() + HOUR,
        created_at=long_ago,
        state="accepted",
    )
    Job.objects.filter(pk=busy.pk).update(status="dispatched")
    for _number in range(5):
        _submit(ada, at=long_ago)
    other = _submit(bob, at=long_ago + timedelta(minutes=1))
    Message.objects.update(ring_at=None, done_at=_now())

    jobs.sweep(now=_now())

    rung = Message.objects.filter(ring_at__isnull=False, task="jobs.dispatch")
    assert [message.arguments["job_id"] for message in rung] == [other.pk]


def test_an_event_that_would_be_too_long_never_stops_what_it_tells_of(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "read_outputs", _film)
    Job.objects.filter(pk=attempt.job_id).update(metadata={"x": "y" * 65_000})
    status = Status(state=State.SUCCEEDED, outputs=("data:video/mp4;base64,AAAA",))

    hearing.apply_status(attempt.pk, status, now=_now())

    assert Job.objects.get().status == "succeeded"


def test_a_verdict_after_an_operators_word_only_ends_the_try(attempt: Attempt) -> None:
    jobs.fail(job_id=attempt.job_id, operator="grace", now=_now())
    entries = Entry.objects.count()

    failed = Status(state=State.FAILED, fail=Fail.PROVIDER, message="broken")
    hearing.apply_status(attempt.pk, failed, now=_now())

    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome) == ("ended", "failed")
    assert Job.objects.get().failure_detail == "Failed by an operator."
    assert Entry.objects.count() == entries
