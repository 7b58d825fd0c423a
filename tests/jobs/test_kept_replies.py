"""What a backend answers is written down even if the database is away for a moment just then."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.db import OperationalError, close_old_connections, connection, transaction
from pytest_django import Settings
from structlog.testing import capture_logs

from billing import transactions
from billing.accounts.models import Account
from billing.gpu.protocol import AttemptView, Status
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending
from tests.gpu.polled import PolledBackend, Vendor
from tests.jobs.fleet_story import (
    attempt_of,
    dispatch,
    entry,
    fresh,
    later,
    money,
    order,
    shopper,
    vendor,
)

__all__ = ["shopper", "vendor"]

# Each test commits: a session that Django finds unusable is closed, and a test's block with it.
pytestmark = pytest.mark.django_db(transaction=True)
PAUSES = (0.0, 0.0)


@pytest.fixture
def job(
    shopper: Account, vendor: Vendor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Job]:
    """An order of Ada's waits for the vendor, and nobody waits long for the database."""
    monkeypatch.setattr(transactions, "PAUSES_SECONDS", PAUSES)
    settings.BACKENDS = {"away": entry(vendor.base_url, kind="polled")}
    yield order(shopper)
    close_old_connections()  # what a test has cut harms no other


def after_the_call(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Have something happen once the vendor has answered, and before that is written down."""
    submit = PolledBackend.submit

    def submits(self: PolledBackend, view: AttemptView) -> Status:
        try:
            return submit(self, view)
        finally:
            then()

    monkeypatch.setattr(PolledBackend, "submit", submits)


def stumbles(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Have the database refuse to lock an attempt so often."""
    lock, left = ending.lock_attempt, [None] * times

    def locks(attempt_id: str) -> tuple[Job, Attempt]:
        if left:
            left.pop()
            raise OperationalError("canceling statement due to lock timeout")
        return lock(attempt_id)

    monkeypatch.setattr(ending, "lock_attempt", locks)


def test_a_session_that_is_cut_while_the_backend_answers_loses_no_reply(
    job: Job, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        with suppress(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    after_the_call(monkeypatch, cut)

    taken = dispatch(job)

    attempt = attempt_of(job)
    assert (taken.status, attempt.state) == ("dispatched", "accepted")
    assert attempt.provider_id == "task-1"
    assert len(vendor.asked("POST")) == 1


def test_that_nothing_was_taken_is_written_down_too(
    job: Job, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BACKENDS = {"away": entry("http://127.0.0.1:9")}
    stumbles(monkeypatch, times=len(PAUSES))

    waits = dispatch(job)

    assert (waits.status, attempt_of(job).outcome) == ("queued", "NotSent")


def test_a_reply_that_is_given_up_leaves_the_backends_id_in_the_log(
    job: Job, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = money(job)
    stumbles(monkeypatch, times=len(PAUSES) + 1)

    with capture_logs() as logs, pytest.raises(OperationalError):
        jobs.dispatch(job_id=job.pk, now=later())

    attempt = attempt_of(job)
    told = [line for line in logs if line["event"] == "reply_not_recorded"]
    assert len(told) == len(PAUSES) + 1
    assert (told[0]["attempt_id"], told[0]["provider_id"]) == (attempt.pk, "task-1")
    assert (attempt.state, attempt.provider_id, money(job)) == ("submitting", "", before)
    jobs.sweep(now=later(minutes=2))
    assert fresh(job).status != "queued"
    assert len(vendor.asked("POST")) == 1


def test_only_the_database_is_waited_for() -> None:
    runs: list[str] = []

    def breaks() -> None:
        runs.append("run")
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        transactions.patiently(breaks)
    assert runs == ["run"]


def test_nobody_waits_for_the_database_with_locks_in_hand() -> None:
    runs: list[str] = []

    with transaction.atomic(), pytest.raises(RuntimeError, match="outside any transaction"):
        transactions.patiently(lambda: runs.append("run"))
    assert runs == []
