"""What settles a job and was given up is run again, by an operator's word, and settles once."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.jobs import services
from billing.jobs.errors import NothingToRetry
from billing.jobs.models import Job
from billing.operators.models import ActRecord
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from tests import factories
from tests.acts.conftest import browser, chosen
from tests.jobs import shop as shopping

JOBS = "/admin/billing/job/"


@pytest.fixture
def job(ada: Account, backend: None) -> Job:
    """Ada's order waits, and holds 10 of her 20 credits."""
    factories.give(ada, 20)
    return shopping.submit(ada, seconds=5)


def bury() -> Message:
    """Let the job's errand be given up."""
    Message.objects.update(ring_at=None, dead_at=timezone.now(), error="no disk", runs=8)
    return Message.objects.get(task=TaskName.DISPATCH_JOB.value)


def retry(job: Job) -> int:
    """Have what was given up run again."""
    return services.retry_settlement(job_id=job.pk, operator="sam", now=timezone.now())


def test_an_errand_that_was_given_up_is_run_again(job: Job) -> None:
    dead = bury()

    assert services.look_at_settlement(job_id=job.pk) == ["jobs.dispatch (no disk)"]
    assert retry(job) == 1

    dead.refresh_from_db()
    assert (dead.dead_at, dead.runs, dead.ring_at is not None) == (None, 0, True)
    with pytest.raises(NothingToRetry):
        retry(job)


def test_an_errand_of_another_job_is_left_alone(job: Job, ada: Account) -> None:
    with transaction.atomic():
        outbox.post(TaskName.DISPATCH_JOB, now=timezone.now(), job_id="job_of_another")
    Message.objects.filter(arguments={"job_id": "job_of_another"}).update(
        ring_at=None, dead_at=timezone.now(), error="no"
    )

    with pytest.raises(NothingToRetry):
        retry(job)

    assert Message.objects.filter(dead_at__isnull=False).count() == 1


def test_what_settles_already_is_settled_once(job: Job) -> None:
    shopping.finish(job)
    before = shopping.facts_of(job.account)

    with pytest.raises(NothingToRetry):
        retry(job)

    assert shopping.facts_of(job.account) == before


def test_the_window_shows_what_is_held_and_what_is_run_again(job: Job, sam: User) -> None:
    bury()
    client = browser(sam)

    shown = client.post(JOBS, chosen("retry_settlements", job.pk)).content.decode()
    assert "10 credits of ada are held" in shown
    assert "jobs.dispatch (no disk)" in shown
    assert Message.objects.filter(dead_at__isnull=False).exists()
    client.post(JOBS, chosen("retry_settlements", job.pk, reason="There is a disk again."))

    assert not Message.objects.filter(
        task=TaskName.DISPATCH_JOB.value, dead_at__isnull=False
    ).exists()
    line = ActRecord.objects.get()
    assert (line.act, line.outcome) == ("job.retry_settlements", "done")
