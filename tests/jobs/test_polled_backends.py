"""Backends that can be asked: their callbacks are hints, and a denial proves less than it says."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings
from structlog.testing import capture_logs

from billing.accounts.models import Account
from billing.fleet.models import Breaker
from billing.gpu import callbacks
from billing.gpu.protocol import Caps, Fail, State, Status
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Callback, Job, Output
from billing.jobs.services import ending, hearing
from billing.outbox.models import Message
from tests.gpu.polled import CAPS, Vendor
from tests.jobs.fleet_story import (
    attempt_of,
    dispatch,
    entry,
    film,
    fresh,
    know,
    later,
    money,
    now,
    order,
    shopper,
    vendor,
)

__all__ = ["shopper", "vendor"]


@pytest.fixture
def asked(shopper: Account, vendor: Vendor, settings: Settings) -> Job:
    """A job of Ada's was taken by a vendor that is asked."""
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    job = dispatch(order(shopper))
    vendor.calls.clear()
    return job


def call_back(job: Job, **word: object) -> None:
    """Post an unsigned callback of the job's attempt, and apply it as a worker does."""
    attempt = attempt_of(job).pk
    path = callbacks.callback_url("away", attempt).partition("/webhooks")[2]
    answer = Client().post(
        f"/webhooks{path}", json.dumps({"id": "task-1", **word}), content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    for callback in Callback.objects.filter(applied_at=None):
        jobs.apply_callback(callback_id=callback.pk, now=now())


def test_an_unsigned_success_is_asked_about_and_not_believed(asked: Job, vendor: Vendor) -> None:
    before = money(asked)

    call_back(asked, status="succeeded", outputs=[film()])

    assert (fresh(asked).status, money(asked)) == ("dispatched", before)
    assert vendor.asked("GET") == ["/tasks/task-1"]
    assert Callback.objects.get().applied_at is not None


def test_what_the_backend_itself_says_then_counts(asked: Job, vendor: Vendor) -> None:
    vendor.tasks["task-1"] |= {"status": "succeeded", "outputs": [film()]}

    call_back(asked, status="failed", message="a lie")

    done = fresh(asked)
    assert (done.status, done.hold.state) == ("succeeded", "captured")


def test_a_hint_that_brings_no_answer_lets_the_sweep_ask_next(asked: Job, vendor: Vendor) -> None:
    vendor.tasks["task-1"] |= {"http": 500}
    before = money(asked)

    call_back(asked, status="succeeded", outputs=[film()])

    assert (fresh(asked).status, money(asked)) == ("dispatched", before)
    assert attempt_of(asked).check_at <= now()


def test_a_signed_word_counts_by_itself(
    asked: Job, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, Caps(poll=True, callback="hmac"))

    call_back(asked, status="failed", message="broken")

    assert (fresh(asked).status, vendor.calls) == ("failed", [])


def test_a_doubtful_order_is_found_in_the_list_and_asked_by_the_id_there(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    vendor.hangs_up = True
    job = dispatch(order(shopper))
    assert (job.status, attempt_of(job).provider_id) == ("unknown", "")

    jobs.sweep(now=later(seconds=1))

    assert (attempt_of(job).state, attempt_of(job).provider_id) == ("accepted", "task-1")
    assert Breaker.objects.get().unheard == 0
    vendor.tasks["task-1"] |= {"status": "succeeded", "outputs": [film()]}
    jobs.sweep(now=later(seconds=60))
    jobs.collect(attempt_id=attempt_of(job).pk, now=later(seconds=61))
    assert (fresh(job).status, len(vendor.asked("POST"))) == ("succeeded", 1)


def test_a_doubtful_order_is_looked_for_where_it_was_handed_over(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    """Nothing came back, so what is known of it was committed before it was sent."""
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    vendor.hangs_up = True
    job = dispatch(order(shopper))
    settings.BACKENDS = {"away": entry("http://127.0.0.1:9", kind="polled")}

    jobs.sweep(now=later(seconds=1))

    assert (attempt_of(job).state, attempt_of(job).provider_id) == ("accepted", "task-1")


def test_a_doubtful_order_at_one_that_can_tell_nothing_is_not_asked_about(
    shopper: Account, vendor: Vendor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, Caps(poll=True))
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    vendor.hangs_up = True
    job = dispatch(order(shopper))
    before = money(job)

    for hours in (1, 6, 7, 48, 1000):
        jobs.sweep(now=later(hours=hours))

    assert (fresh(job).status, money(job)) == ("unknown", before)
    assert len(vendor.calls) == 1  # neither asked about, nor asked to stop what has no name


@pytest.mark.parametrize(
    ("caps", "seconds"), [(CAPS, 10), (Caps(poll=True, poll_seconds=7200), 600)]
)
def test_the_next_question_comes_at_the_backends_own_pace(
    asked: Job, monkeypatch: pytest.MonkeyPatch, caps: Caps, seconds: int
) -> None:
    know(monkeypatch, caps)
    at = later(seconds=30)

    jobs.sweep(now=at)

    assert attempt_of(asked).check_at == at + timedelta(seconds=seconds)


def test_the_id_of_another_attempt_brings_nobody_its_video(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled", concurrency=5)}
    first = dispatch(order(shopper))
    vendor.hangs_up = True
    doubtful = dispatch(order(shopper))
    vendor.tasks["task-1"] |= {"status": "succeeded", "outputs": [film()]}
    before = money(first), money(doubtful)

    call_back(doubtful, status="succeeded")  # it speaks of task-1

    assert (fresh(doubtful).status, attempt_of(doubtful).provider_id) == ("unknown", "")
    assert (money(first), money(doubtful)) == before
    assert vendor.asked("GET") == []


def test_a_vendor_that_gives_one_id_to_two_orders_is_doubted(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled", concurrency=5)}
    first = dispatch(order(shopper))
    vendor.tasks.clear()  # it counts from one again

    second = dispatch(order(shopper))

    assert (first.status, second.status) == ("dispatched", "unknown")
    assert [attempt_of(job).provider_id for job in (first, second)] == ["task-1", ""]


def overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two words at once each looks before the other is written down."""
    monkeypatch.setattr(ending, "is_of_another", lambda *_words: False)


@pytest.mark.parametrize("state", ["queued", "running", "failed", "succeeded"])
def test_of_two_words_at_once_that_name_one_id_the_second_moves_nothing(
    shopper: Account,
    vendor: Vendor,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled", concurrency=5)}
    first = dispatch(order(shopper))
    vendor.hangs_up = True
    doubtful = dispatch(order(shopper))
    overtaken(monkeypatch)
    before = money(first), money(doubtful)
    word = Status(
        state=State(state),
        provider_id="task-1",
        outputs=(film(),) if state == "succeeded" else (),
        fail=Fail.PROVIDER if state == "failed" else None,
    )

    with capture_logs() as logs:
        hearing.apply_status(attempt_of(doubtful).pk, word, now=now())

    assert (fresh(doubtful).status, fresh(first).status) == ("unknown", "dispatched")
    assert (attempt_of(doubtful).state, attempt_of(doubtful).provider_id) == ("ambiguous", "")
    assert (money(first), money(doubtful)) == before
    assert not Output.objects.exists()
    told = [line["attempt_id"] for line in logs if line["log_level"] == "error"]
    assert told == [attempt_of(doubtful).pk]


def test_a_sweep_that_finds_an_order_under_the_id_of_another_has_nothing_collected(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled", concurrency=5)}
    first = dispatch(order(shopper))
    vendor.hangs_up = True
    doubtful = dispatch(order(shopper))
    mixed_up = {"status": "succeeded", "ours": attempt_of(doubtful).pk, "outputs": [film()]}
    vendor.tasks = {"task-1": vendor.tasks["task-1"] | mixed_up}
    before = money(first), money(doubtful)

    with capture_logs() as logs:
        jobs.sweep(now=later(seconds=1))

    assert (fresh(doubtful).status, attempt_of(doubtful).provider_id) == ("unknown", "")
    assert (money(first), money(doubtful)) == before
    assert "jobs.collect" not in "".join(Message.objects.values_list("task", flat=True))
    assert "id_of_another_attempt" in [line["event"] for line in logs]
    assert "sweep_stumbled" not in [line["event"] for line in logs]


def test_a_moment_of_forgetfulness_is_no_loss(asked: Job, vendor: Vendor) -> None:
    task = vendor.tasks.pop("task-1")
    before = money(asked)
    for seconds in range(30, 130, 10):
        jobs.sweep(now=later(seconds=seconds))
    assert (attempt_of(asked).absences > 3, fresh(asked).status) == (True, "dispatched")

    vendor.tasks["task-1"] = task
    jobs.sweep(now=later(seconds=150))

    assert (attempt_of(asked).absences, money(asked)) == (0, before)


def test_a_loss_is_believed_after_many_denials_over_the_grace(asked: Job, vendor: Vendor) -> None:
    vendor.tasks.clear()
    for seconds in range(30, 300, 10):
        jobs.sweep(now=later(seconds=seconds))

    lost = fresh(asked)
    assert (lost.status, lost.hold.state) == ("failed", "released")
    assert Breaker.objects.get().unmade == 1


def test_a_loss_of_what_was_never_taken_is_held_against_nobody_twice(
    shopper: Account, vendor: Vendor, settings: Settings
) -> None:
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    vendor.takes, vendor.hangs_up = False, True
    job = dispatch(order(shopper))

    for seconds in range(1, 300, 10):
        jobs.sweep(now=later(seconds=seconds))

    lost = fresh(job)
    assert (lost.status, lost.hold.state) == ("failed", "released")
    assert (Breaker.objects.get().unheard, Breaker.objects.get().unmade) == (1, 0)


def test_what_may_have_ended_and_been_forgotten_is_not_lost_but_a_persons_to_decide(
    asked: Job, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, Caps(poll=True, retention_seconds=1800))
    vendor.tasks.clear()
    before = money(asked)

    for minutes in range(31, 61, 5):  # nobody asked for half an hour
        jobs.sweep(now=later(minutes=minutes))

    assert (fresh(asked).status, money(asked)) == ("unknown", before)
    assert Attempt.objects.get().absences > 3
