"""What the database remembers, without a broker in sight."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from structlog.contextvars import bound_contextvars

from billing.outbox import pauses, services
from billing.outbox.models import ERROR_LENGTH_MAX, Message
from billing.outbox.names import TaskName

pytestmark = pytest.mark.django_db


def post(now: datetime, *, not_before: datetime | None = None, job_id: str = "job_1") -> Message:
    with transaction.atomic():
        services.post(TaskName.DISPATCH_JOB, now=now, not_before=not_before, job_id=job_id)
    return Message.objects.order_by("pk").last() or pytest.fail("nothing was posted")


def run_and_fail(message: Message, error: str, *, now: datetime) -> None:
    assert services.begin(message.pk, now=now)
    services.fail(message.pk, error=error, now=now)
    message.refresh_from_db()


@pytest.mark.django_db(transaction=True)
def test_posting_outside_a_transaction_is_a_mistake(now: datetime) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        services.post(TaskName.DISPATCH_JOB, now=now, job_id="job_1")

    assert not Message.objects.exists()


def test_a_message_says_what_for_whom_and_because_of_which_request(now: datetime) -> None:
    with bound_contextvars(request_id="req_7"):
        message = post(now)

    assert (message.task, message.queue) == ("jobs.dispatch", "dispatch")
    assert message.arguments == {"job_id": "job_1"}
    assert message.request_id == "req_7"
    assert (message.rings, message.runs) == (1, 0)
    assert message.ring_at == now + timedelta(seconds=10)
    assert message.due_at == now


def test_a_message_for_later_waits_for_its_instant_unrung(now: datetime) -> None:
    message = post(now, not_before=now + timedelta(hours=2))

    assert (message.rings, message.ring_at) == (0, now + timedelta(hours=2))
    assert message.due_at == message.ring_at


@pytest.mark.parametrize("value", [7, None, "", "x" * 129, {"prompt": "a cat"}])
def test_a_message_carries_ids_only(now: datetime, value: object) -> None:
    with pytest.raises(TypeError, match="carries ids"), transaction.atomic():
        services.post(TaskName.DISPATCH_JOB, now=now, job_id=value)  # type: ignore[arg-type]  # the mistake under test

    assert not Message.objects.exists()


def test_the_outboxs_own_arguments_are_taken(now: datetime) -> None:
    with pytest.raises(TypeError, match="own argument"), transaction.atomic():
        services.post(TaskName.DISPATCH_JOB, now=now, message_id="msg_1")


def test_pauses_grow_from_ten_seconds_to_five_minutes() -> None:
    rings = [int(pauses.after_ring(n).total_seconds()) for n in (1, 2, 3, 4, 5, 6, 7, 500)]
    failures = [int(pauses.after_failure(n).total_seconds()) for n in (1, 2, 3, 4, 5, 6, 500)]

    assert rings == [10, 15, 30, 60, 120, 240, 300, 300]
    assert failures == [15, 30, 60, 120, 240, 300, 300]


def test_a_finished_message_is_never_run_again(now: datetime) -> None:
    message = post(now)
    assert services.begin(message.pk, now=now)
    services.finish(message.pk, now=now)

    assert not services.begin(message.pk, now=now)
    services.finish(message.pk, now=now + timedelta(hours=1))
    services.fail(message.pk, error="a second run, slower", now=now)

    message.refresh_from_db()
    assert (message.done_at, message.ring_at, message.dead_at) == (now, None, None)
    assert (message.runs, message.error) == (1, "")


def test_an_absent_message_is_not_run(now: datetime) -> None:
    assert not services.begin("msg_absent", now=now)
    services.finish("msg_absent", now=now)
    services.fail("msg_absent", error="?", now=now)

    assert not Message.objects.exists()


def test_eight_failures_bury_a_message_with_its_last_reason(now: datetime) -> None:
    message = post(now)

    for run in range(1, 8):
        run_and_fail(message, f"no {run}", now=now)
        assert message.ring_at == now + pauses.after_failure(run)
        assert message.dead_at is None
    run_and_fail(message, "no 8", now=now)

    assert (message.ring_at, message.dead_at, message.error) == (None, now, "no 8")
    assert not services.begin(message.pk, now=now)


def test_what_ends_its_worker_eight_times_is_buried_although_it_never_reports(
    now: datetime,
) -> None:
    message = post(now)
    for _killed in range(8):
        assert services.begin(message.pk, now=now)

    assert not services.begin(message.pk, now=now)

    message.refresh_from_db()
    assert (message.runs, message.dead_at) == (8, now)
    assert message.error == "No run came to an end."


def test_a_dead_message_can_be_given_another_life(now: datetime) -> None:
    message = post(now)
    for _run in range(8):
        run_and_fail(message, "no", now=now)

    assert services.revive(message.pk, now=now)

    message.refresh_from_db()
    assert (message.dead_at, message.ring_at, message.runs) == (None, now, 0)
    assert not services.revive(message.pk, now=now)


def test_an_error_is_kept_short_and_without_secrets(now: datetime) -> None:
    message = post(now)

    run_and_fail(message, "Bearer sk_live_abcdef123456 \x00 " + "x" * 5000, now=now)

    assert len(message.error) == ERROR_LENGTH_MAX
    assert "abcdef" not in message.error
    assert "\x00" not in message.error


@pytest.mark.parametrize(
    ("wrong", "constraint"),
    [
        ({"ring_at": None}, "message_open_done_or_dead"),
        ({"done_at": datetime.fromisoformat("2026-01-01T00:00Z")}, "message_open_done_or_dead"),
        (
            {"dead_at": datetime.fromisoformat("2026-01-01T00:00Z"), "ring_at": None},
            "message_open_done_or_dead",
        ),
        ({"task": ""}, "message_names_task_and_queue"),
    ],
)
def test_the_database_refuses_a_half_state(
    now: datetime, wrong: dict[str, object], constraint: str
) -> None:
    message = post(now)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(**wrong)


def test_what_was_done_over_a_week_ago_is_forgotten_and_nothing_else(now: datetime) -> None:
    old, young, dead, waiting = (post(now, job_id=f"job_{n}") for n in range(4))
    services.finish(old.pk, now=now - timedelta(days=7, seconds=1))
    services.finish(young.pk, now=now - timedelta(days=6))
    Message.objects.filter(pk=dead.pk).update(
        dead_at=now - timedelta(days=30), ring_at=None, error="no"
    )

    assert services.prune(now=now) == 1

    kept = set(Message.objects.values_list("pk", flat=True))
    assert kept == {young.pk, dead.pk, waiting.pk}
    assert services.prune(now=now) == 0
