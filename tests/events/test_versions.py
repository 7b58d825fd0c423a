"""The database counts what listeners see of a job, whoever changes it; a word by Redis rings."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as configured
from django.db import connection, transaction

from billing.accounts.models import Account
from billing.jobs import shapes
from billing.jobs.events import doorbell
from billing.jobs.events.hub import Hub
from billing.jobs.events.looking import look
from billing.jobs.models import Job
from billing.jobs.names import JOBS_TOPIC
from billing.outbox import services as outbox
from tests.events import lives
from tests.jobs import shop

SQL: Final = Path(configured.BASE_DIR) / "billing" / "migrations" / "sql"
# What an order is never changes.
FIXED: Final = {"id", "quoted_micros", "price_lines", "hold_id"}
PATIENCE_SECONDS: Final = 30


def version(job: Job) -> int:
    return Job.objects.values_list("version", flat=True).get(pk=job.pk)


def run(statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_each_step_of_a_life_raises_it_and_a_repeat_does_not(job: Job) -> None:
    seen = [version(job)]
    for step, _name, _facts in lives.LIFE:
        step(job)
        seen.append(version(job))
    run("UPDATE billing_job SET progress_percent = progress_percent WHERE id = %s", job.pk)

    assert seen == sorted(set(seen))
    assert version(job) == seen[-1]


def test_what_nobody_is_shown_does_not_raise_it(job: Job) -> None:
    run("UPDATE billing_job SET dispatch_at = now() WHERE id = %s", job.pk)

    assert version(job) == 1


def test_nobody_sets_it(job: Job) -> None:
    run("UPDATE billing_job SET version = 99 WHERE id = %s", job.pk)
    assert version(job) == 1

    run("UPDATE billing_job SET version = 99, progress_percent = 7 WHERE id = %s", job.pk)
    assert version(job) == 2


def test_code_of_before_orders_without_knowing_of_it(job: Job) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_default FROM information_schema.columns "
            "WHERE table_name = 'billing_job' AND column_name = 'version'"
        )
        assert cursor.fetchone() == ("1",)


def test_whatever_an_event_shows_is_counted(job: Job, ada: Account) -> None:
    failed = shop.submit(ada)
    shop.fail(failed)
    shop.finish(job)
    text = (SQL / "job_versions.up.sql").read_text()
    counted = set(re.findall(r"NEW\.(\w+)[,)]", text))
    shown: set[str] = set()

    for one in (job, failed):
        bare = Job.objects.only("pk").get(pk=one.pk)
        hidden = bare.get_deferred_fields()
        shapes.event_parts(bare)
        shown |= hidden - bare.get_deferred_fields()

    assert shown - FIXED - counted == set()
    assert {"status", "progress_percent", "charged_micros"} <= shown  # it does look


def test_one_question_where_nothing_is_new_and_two_where_something_is(
    job: Job, ada: Account
) -> None:
    jobs = [job, *(shop.submit(ada) for _number in range(9))]
    asked: list[str] = []

    def count(execute: Callable[..., object], sql: str, *more: object) -> object:
        asked.append(sql)
        return execute(sql, *more)

    with connection.execute_wrapper(count):
        assert look(dict.fromkeys((one.pk for one in jobs), 1)) == []
        assert len(asked) == 1
        for one in jobs[:5]:
            run("UPDATE billing_job SET progress_percent = 7 WHERE id = %s", one.pk)
        asked.clear()
        found = look(dict.fromkeys((one.pk for one in jobs), 1))

    assert len(asked) == 2
    assert {snapshot.job_id for snapshot in found} == {one.pk for one in jobs[:5]}
    assert {snapshot.version for snapshot in found} == {2}


def test_a_job_that_is_not_there_is_not_found(job: Job) -> None:
    assert look({"job_never": 0}) == []


class Rung(Hub):
    """A hub that writes down for whom of these it was rung.

    What is said to a topic is heard in all databases of a Redis, those of other tests among them.
    """

    def __init__(self, *ours: str) -> None:
        self.words: list[str] = []
        self.ours = ours

    def ring(self, job_id: str | None = None) -> None:
        """Note it."""
        if job_id in self.ours:
            self.words.append(job_id)


def heard_of(deed: Callable[[], None], *ours: str) -> list[str]:
    """Return for whom of ours the bell rang while a deed was done again, until it rang."""

    async def story() -> list[str]:
        hub = Rung(*ours)
        listening = asyncio.create_task(doorbell.answer(hub))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not hub.words:
                await asyncio.to_thread(deed)
                await asyncio.sleep(0.05)
        listening.cancel()
        return hub.words

    return asyncio.run(story())


def test_a_word_is_heard_once_its_transaction_has_committed(ada: Account) -> None:
    def say() -> None:
        with pytest.raises(RuntimeError, match="undone"), transaction.atomic():
            outbox.hint(JOBS_TOPIC, "job_undone")
            raise RuntimeError("undone")
        with transaction.atomic():
            outbox.hint(JOBS_TOPIC, "job_done")
        connection.close()  # this thread's own

    words = heard_of(say, "job_done", "job_undone")

    assert set(words) == {"job_done"}


def test_each_move_of_a_job_says_a_word(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(outbox, "hint", lambda _topic, word: said.append(word))
    lives.take(job)

    lives.work(job, 0.2)
    lives.succeed(job)

    assert said == [job.pk, job.pk]


def test_a_word_outside_a_transaction_is_a_mistake() -> None:
    with pytest.raises(RuntimeError):
        outbox.hint(JOBS_TOPIC, f"job_{datetime.now(UTC)}")
