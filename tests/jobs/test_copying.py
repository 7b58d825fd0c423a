"""Outputs that take long are copied once, however often workers are called for them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs import tasks
from billing.jobs.models import Attempt, Job
from billing.jobs.services import storing
from billing.jobs.services.copying import LEASE
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from tests.jobs.clock import now_plus
from tests.jobs.gallery import moved, open_gallery, running


@pytest.fixture
def attempt(ada: Account, monkeypatch: pytest.MonkeyPatch) -> Attempt:
    """An attempt has succeeded, and its film is to be copied."""
    open_gallery(monkeypatch).addresses.append("film")
    return running(ada)


def copying(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> list[str]:
    """Let something happen while a film is copied; return the attempts that are copied."""
    copied: list[str] = []

    def store(_backend: object, attempt: Attempt, *_facts: Any, **_now: Any) -> Any:  # noqa: ANN401 (as it is)
        copied.append(attempt.pk)
        if len(copied) == 1:
            meanwhile()
        return [], "It is no film."

    monkeypatch.setattr(storing, "store", store)
    return copied


def test_a_second_run_leaves_the_copying_to_the_first_and_does_not_count(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        outbox.post(TaskName.COLLECT_OUTPUTS, now=now_plus(), attempt_id=attempt.pk)
    message, seen = Message.objects.get(task="jobs.collect_outputs"), list[tuple[int, bool]]()

    def run() -> None:
        tasks.collect_outputs(message_id=message.pk, attempt_id=attempt.pk)

    def run_again() -> None:
        for _time in range(9):
            run()
        message.refresh_from_db()
        seen.append((message.runs, message.ring_at is not None))

    copied = copying(monkeypatch, run_again)
    run()

    message.refresh_from_db()
    attempt.refresh_from_db()
    assert (copied, seen) == ([attempt.pk], [(1, True)])
    assert (message.done_at is not None, message.error) == (True, "")
    assert (attempt.state, attempt.collecting_until) == ("ended", None)


def test_what_a_dead_run_has_begun_another_copies_when_its_time_is_over(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = copying(monkeypatch, lambda: None)
    at = now_plus()
    Attempt.objects.filter(pk=attempt.pk).update(collecting_until=at + LEASE)
    before = moved()

    assert not jobs.collect(attempt_id=attempt.pk, now=at)
    assert (copied, moved(), Job.objects.get().status) == ([], before, "running")

    assert jobs.collect(attempt_id=attempt.pk, now=at + LEASE)
    assert copied == [attempt.pk]
