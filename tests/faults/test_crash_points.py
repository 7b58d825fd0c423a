"""A crash between any two commits of a job's path leaves a state from which a sweep goes on.

The commits are those of the path: T1 submit, T3a attempt, T3b answer, T4 end. A crash is an
exception that nothing catches, raised where the process would have died.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.conf import settings

from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.protocol import Ambiguous, AttemptView, Status
from billing.jobs import services
from billing.jobs.models import Attempt, Output
from billing.jobs.services import hearing, queueing
from billing.ledger.models import Entry
from billing.outbox import gateway
from billing.outbox import services as outbox
from billing.outbox.models import Message
from tests.flows.story import Story

pytestmark = pytest.mark.flow


class Crash(BaseException):
    """The process dies here: no handler of ours sees it."""


def _dies_at(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, *, after: bool = False
) -> None:
    """Make the first call of `owner.name` the last thing that its process does.

    Args:
        after: the call is made, and what it brought is lost.
    """
    whole: Callable[..., Any] = getattr(owner, name)
    died: list[bool] = []

    def dying(*args: Any, **facts: Any) -> Any:  # noqa: ANN401 (passed on as they are)
        if died:
            return whole(*args, **facts)
        if after:
            whole(*args, **facts)
        died.append(True)
        raise Crash

    monkeypatch.setattr(owner, name, dying)


def _later(**by: float) -> datetime:
    return datetime.now(UTC) + timedelta(**by)


def test_after_t1_a_lost_call_of_the_workers_only_delays(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.post("/v1/check-in")
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    job = story.order("nobody was called")
    monkeypatch.undo()
    assert Message.objects.filter(task="jobs.dispatch", done_at=None).exists()

    outbox.ring_due(now=_later(minutes=1))

    assert story.wait(job)["status"] == "succeeded"
    assert story.balance() == "56"
    story.audit()


def test_a_wiped_redis_loses_nothing(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.post("/v1/check-in")
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    jobs = [story.order(f"number {number}") for number in range(2)]
    client: redis.Redis = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    client.close()
    monkeypatch.undo()

    outbox.ring_due(now=_later(minutes=1))

    assert [story.wait(job)["status"] for job in jobs] == ["succeeded", "succeeded"]
    assert story.balance() == "46"
    story.audit()


def test_between_t3a_and_the_call_a_death_is_found_and_nothing_is_charged(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.post("/v1/check-in")
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    job = story.order("never sent")
    _dies_at(monkeypatch, CogBackend, "submit")
    with pytest.raises(Crash):
        services.dispatch(job_id=job["id"], now=datetime.now(UTC))
    assert Attempt.objects.get().state == "submitting"
    assert story.job(job)["credits"]["held"] == "10"

    # Another call for the same job does nothing while the attempt stands.
    services.dispatch(job_id=job["id"], now=datetime.now(UTC))
    assert Attempt.objects.count() == 1

    done = story.sweep_until(job)
    assert (done["status"], done["error"]["class"]) == ("failed", "backend_error")
    assert story.balance() == "66"
    story.audit()


def test_between_the_call_and_t3b_a_death_changes_nothing_for_the_customer(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.post("/v1/check-in")
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    job = story.order("sent, and nobody wrote it down")
    _dies_at(monkeypatch, CogBackend, "submit", after=True)
    with pytest.raises(Crash):
        services.dispatch(job_id=job["id"], now=datetime.now(UTC))
    monkeypatch.undo()

    _ring_until(story, job)

    done = story.wait(job)
    assert done["status"] == "succeeded"
    assert Attempt.objects.count() == 1
    assert story.balance() == "56"
    story.audit()


def test_after_the_files_are_stored_and_before_t4_a_death_stores_and_charges_once(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.post("/v1/check-in")
    _dies_quietly(monkeypatch, hearing, "_capture")

    done = story.order("stored twice, paid once")
    _ring_until(story, done)

    assert story.wait(done)["status"] == "succeeded"
    assert Output.objects.count() == 1
    assert Entry.objects.filter(kind="capture").count() == 1
    assert story.balance() == "56"
    story.audit()


def test_inside_t4_a_death_leaves_verdict_and_credits_together(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.post("/v1/check-in")
    _dies_quietly(monkeypatch, queueing, "ring_next")

    job = story.order("half a commit is none")
    _ring_until(story, job)

    assert story.wait(job)["status"] == "succeeded"
    assert Entry.objects.filter(kind="capture").count() == 1
    assert story.balance() == "56"
    story.audit()


def test_a_backend_that_takes_the_order_and_answers_nothing_is_not_asked_twice(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.post("/v1/check-in")
    submit, calls = CogBackend.submit, []

    def unanswered(self: CogBackend, attempt: AttemptView) -> Status:
        calls.append(attempt.id)
        submit(self, attempt)
        raise Ambiguous("The answer never came.")

    monkeypatch.setattr(CogBackend, "submit", unanswered)
    job = story.order("taken, unanswered")

    done = story.wait(job)

    assert done["status"] == "succeeded"
    assert len(calls) == 1
    assert story.balance() == "56"
    story.audit()


def _dies_quietly(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Make the worker's first call of `owner.name` fail as if its process had died.

    An error instead of a crash, because the worker of these tests is a thread of this process.
    """
    whole: Callable[..., Any] = getattr(owner, name)
    died: list[bool] = []

    def dying(*args: Any, **facts: Any) -> Any:  # noqa: ANN401 (passed on as they are)
        if not died:
            died.append(True)
            raise RuntimeError("died here")
        return whole(*args, **facts)

    monkeypatch.setattr(owner, name, dying)


def _ring_until(story: Story, job: dict[str, Any]) -> None:
    """Ring as the scheduler would, minutes ahead, until the job has ended."""
    for minutes in range(1, 40):
        if story.job(job)["status"] in ("succeeded", "failed"):
            return
        outbox.ring_due(now=_later(minutes=10 * minutes))
        time.sleep(0.3)
