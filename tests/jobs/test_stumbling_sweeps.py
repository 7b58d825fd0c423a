"""What a sweep stumbles over keeps nobody else from being looked after, however often it comes."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending, queueing, sweeping
from billing.ledger.models import Wallet
from tests import factories
from tests.jobs import shop
from tests.jobs.fleet_story import entry, later, now, order, rung, shopper

__all__ = ["shopper"]

BATCH = 4
HOUR = timedelta(hours=1)


def overdue(account: Account, *, by: timedelta) -> str:
    """Return a job that is out of time for so long."""
    job = order(account)
    Job.objects.filter(pk=job.pk).update(dispatch_by=now() - by)
    return job.pk


@pytest.fixture
def poor(shopper: Account, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As many jobs as one sweep looks after are out of time the longest, and none can be ended."""
    monkeypatch.setattr(sweeping, "BATCH", BATCH)
    found = [overdue(shopper, by=2 * HOUR) for _number in range(BATCH)]
    fail_job = ending.fail_job

    def fails(job: Job, **facts: Any) -> None:  # noqa: ANN401 (passed on as they are)
        if job.pk in found:
            raise RuntimeError("poison")
        fail_job(job, **facts)

    monkeypatch.setattr(ending, "fail_job", fails)
    return found


def test_jobs_that_cannot_be_ended_keep_no_other_from_its_end(
    shopper: Account, poor: list[str]
) -> None:
    other = overdue(shopper, by=HOUR)

    # Half of those whom a sweep looks after are drawn by lot: here two of three.
    assert any(sweep_ends(other) for _sweep in range(30))
    assert statuses(poor) == {"queued"}


def test_jobs_that_cannot_be_ended_hide_no_sandbox_whose_clock_was_moved(
    poor: list[str], settings: Settings
) -> None:
    settings.BACKENDS["toys"] = entry("http://127.0.0.1:9", sandbox=True)
    toy = factories.new_account("toy")
    factories.give(toy, 100)
    moved = order(toy)
    Wallet.objects.filter(account=toy).update(clock_offset=timedelta(days=2))

    assert sweep_ends(moved.pk)
    assert statuses(poor) == {"queued"}


def test_a_backend_whose_queue_cannot_be_read_switches_nothing_else_off(
    shopper: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKENDS = {name: entry("http://127.0.0.1:9") for name in ("broken", "here")}
    begun, waiting = order(shopper), order(shopper)
    shop._send(begun)
    read = queueing.waiting

    def breaks(backend: str, *, now: datetime, ordered_by: datetime) -> Iterator[Job]:
        if backend == "broken":
            raise RuntimeError("poison")
        return read(backend, now=now, ordered_by=ordered_by)

    monkeypatch.setattr(queueing, "waiting", breaks)

    jobs.sweep(now=later(minutes=1))

    assert rung() == [waiting.pk]
    assert Attempt.objects.get().state == "ambiguous"


def sweep_ends(job_id: str) -> bool:
    """Sweep, and say whether the job has expired."""
    jobs.sweep(now=now())
    return statuses([job_id]) == {"expired"}


def statuses(job_ids: Collection[str]) -> set[str]:
    """Return in which states these jobs are."""
    return set(Job.objects.filter(pk__in=job_ids).values_list("status", flat=True))
