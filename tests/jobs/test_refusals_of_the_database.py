"""Jobs and their holds end together, or the commit is refused, whatever the code believes."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from billing.accounts.models import Account
from billing.jobs.models import Attempt, Job
from billing.ledger.models import Hold
from tests import factories
from tests.jobs.conftest import Ask

SPEC = {"model": "kling-v1-6", "seconds": 5, "inputs": {"prompt": "a kite"}}
NOW = datetime.now(UTC)
# Which of several rules speaks first is the database's choice.
_ENDED = "job_finished_iff_final|job_charged_iff_final|job_success_made_something"
_LOST = "job_status_known|job_failure_has_a_class|job_charged_iff_final"


@pytest.fixture
def job(ada: Account, ask: Ask) -> Job:
    """A queued job of Ada's."""
    factories.give(ada, 30)
    made = Job.objects.get(pk=ask("post", "/v1/jobs", SPEC).json()["id"])
    connection.check_constraints()
    return made


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        (
            (
                "UPDATE billing_job SET status = 'failed', finished_at = now(), "
                "failure_class = 'timeout', charged_micros = 0"
            ),
            "job_matches_its_hold",
        ),
        (
            (
                "UPDATE billing_job SET status = 'succeeded', finished_at = now(), "
                "charged_micros = 10000000, outputs_made = 1"
            ),
            "job_matches_its_hold",
        ),
        (
            (
                "UPDATE billing_job SET status = 'failed', finished_at = now(), "
                "failure_class = 'timeout'"
            ),
            "job_charged_iff_final",
        ),
        (
            (
                "UPDATE billing_job SET status = 'succeeded', finished_at = now(), "
                "charged_micros = 10000000"
            ),
            "job_success_made_something",
        ),
        (
            (
                "UPDATE billing_job SET status = 'succeeded', finished_at = now(), "
                "charged_micros = 10000000, outputs_made = 2"
            ),
            "job_success_made_something",
        ),
        (
            ("UPDATE billing_job SET status = 'failed', finished_at = now(), charged_micros = 0"),
            "job_failure_has_a_class",
        ),
        ("UPDATE billing_job SET charged_micros = 0", "job_charged_iff_final"),
        ("UPDATE billing_job SET overrun_micros = 1", "job_charged_iff_final"),
        ("UPDATE billing_job SET status = 'succeeded'", _ENDED),
        ("UPDATE billing_job SET finished_at = now()", "job_finished_iff_final"),
        ("UPDATE billing_job SET status = 'lost'", _LOST),
        ("UPDATE billing_job SET quoted_micros = 1", "job_ends_once"),
        ("UPDATE billing_job SET max_micros = 10000000", "job_ends_once"),
        ("UPDATE billing_job SET context = '{}'", "job_ends_once"),
        ("UPDATE billing_job SET model = 'kling-v2-6'", "job_ends_once"),
        ("UPDATE billing_job SET plan = 'pro'", "job_ends_once"),
        ("UPDATE billing_job SET waits = true", "job_ends_once"),
        ("UPDATE billing_job SET chain_seconds = 1", "job_ends_once"),
        ("UPDATE billing_job SET dimensions = '{}'", "job_ends_once"),
        ("UPDATE billing_job SET covers = '[1]'", "job_ends_once"),
        ("UPDATE billing_job SET flags = '{}'", "job_ends_once"),
        ("UPDATE billing_job SET outputs_ordered = 2", "job_ends_once"),
        ("UPDATE billing_job SET rated_at = now()", "job_ends_once"),
        ("UPDATE billing_job SET account_id = 'acc_other'", "job_ends_once"),
        ("UPDATE billing_job SET hold_id = 'ho_other'", "job_ends_once"),
        ("DELETE FROM billing_job", "job_is_never_deleted"),
        ("TRUNCATE billing_job CASCADE", "is_never_emptied"),
        ("UPDATE billing_job SET progress_percent = 101", "job_progress_in_percent"),
        (
            "UPDATE billing_hold SET state = 'released', settled_at = now()",
            "hold_matches_its_job|job_matches_its_hold|wallet_is_balanced|hold_adds_up",
        ),
    ],
)
def test_a_job_ends_as_its_hold_does(job: Job, statement: str, rule: str) -> None:
    before = Job.objects.values().get()

    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.check_constraints()

    assert Job.objects.values().get() == before
    assert Hold.objects.get().state == "open"


def test_a_job_that_has_ended_stays_ended(job: Job, ask: Ask) -> None:
    ask("post", f"/v1/jobs/{job.pk}/cancel")

    with pytest.raises(IntegrityError, match="job_ends_once"), transaction.atomic():
        Job.objects.update(status="queued", finished_at=None, failure_class="")

    assert Job.objects.get().status == "canceled"


def test_nothing_is_handed_over_without_a_live_hold(job: Job, ask: Ask) -> None:
    ask("post", f"/v1/jobs/{job.pk}/cancel")

    with pytest.raises(IntegrityError, match="attempt_has_a_live_hold"), transaction.atomic():
        Attempt.objects.create(
            job=job, number=1, backend="away", lease_until=NOW, check_at=NOW, created_at=NOW
        )

    assert not Attempt.objects.exists()


def test_a_job_has_one_live_attempt(job: Job) -> None:
    facts = {"job": job, "backend": "away", "lease_until": NOW, "check_at": NOW, "created_at": NOW}
    Attempt.objects.create(number=1, **facts)

    with pytest.raises(IntegrityError, match="attempt_one_live_a_job"), transaction.atomic():
        Attempt.objects.create(number=2, **facts)

    assert Attempt.objects.count() == 1


def test_an_id_at_a_backend_is_one_attempts_alone(job: Job) -> None:
    """But one that has none yet, or has it from another backend, is like no other."""
    facts = {"job": job, "lease_until": NOW, "check_at": NOW, "created_at": NOW}
    ended = {"state": "ended", "outcome": "NotSent", "ended_at": NOW}
    names = [("away", "task-1"), ("away", ""), ("away", ""), ("home", "task-1")]
    for number, (backend, name) in enumerate(names):
        Attempt.objects.create(number=number, backend=backend, provider_id=name, **facts, **ended)

    with pytest.raises(IntegrityError, match="attempt_provider_id_once"), transaction.atomic():
        Attempt.objects.create(number=9, backend="away", provider_id="task-1", **facts, **ended)

    assert Attempt.objects.count() == len(names)


def test_two_jobs_cannot_share_a_hold(job: Job) -> None:
    job.pk = "job_another"

    with pytest.raises(IntegrityError, match="hold_id"), transaction.atomic():
        job.save(force_insert=True)

    assert Job.objects.count() == 1


def test_a_quote_makes_one_job(ada: Account, ask: Ask) -> None:
    factories.give(ada, 30)
    quote = ask("post", "/v1/quotes", SPEC).json()["id"]
    job = Job.objects.get(pk=ask("post", "/v1/jobs", SPEC | {"quote": quote}).json()["id"])
    job.pk = "job_another"

    with pytest.raises(IntegrityError, match="job_quote_once"), transaction.atomic():
        job.save(force_insert=True)

    assert Job.objects.count() == 1


def test_a_try_that_has_ended_is_never_taken_up_again(job: Job) -> None:
    attempt = Attempt.objects.create(
        job=job, number=1, backend="away", lease_until=NOW, check_at=NOW, created_at=NOW
    )
    Attempt.objects.update(state="ended", outcome="NotSent", ended_at=NOW)

    with pytest.raises(IntegrityError, match="attempt_ends_once"), transaction.atomic():
        Attempt.objects.update(state="accepted", outcome="", ended_at=None)

    attempt.refresh_from_db()
    assert attempt.state == "ended"


def test_what_was_never_sent_is_never_charged(job: Job) -> None:
    with pytest.raises(IntegrityError, match="job_matches_its_hold"), transaction.atomic():
        ledger_says = factories.capture(job.account, job.hold, job.quoted_micros)
        Job.objects.update(
            status="expired",
            finished_at=ledger_says.settled_at,
            failure_class="timeout",
            charged_micros=job.quoted_micros,
        )
        connection.check_constraints()

    assert Hold.objects.get().state == "open"


@pytest.mark.parametrize("charged", [0, 9_999_999, 10_000_001])
def test_what_is_said_to_be_charged_is_what_was_captured(job: Job, charged: int) -> None:
    with pytest.raises(IntegrityError, match="job_matches_its_hold"), transaction.atomic():
        held = factories.capture(job.account, job.hold, job.quoted_micros)
        Job.objects.update(
            status="succeeded", finished_at=held.settled_at, outputs_made=1, charged_micros=charged
        )
        connection.check_constraints()

    assert Hold.objects.get().state == "open"


def test_what_was_charged_stays_so(job: Job, ask: Ask) -> None:
    ask("post", f"/v1/jobs/{job.pk}/cancel")

    changes: tuple[dict[str, object], ...] = (
        {"charged_micros": 1},
        {"charge_lines": []},
        {"overrun_micros": 1},
    )
    for change in changes:
        with pytest.raises(IntegrityError, match="job_ends_once"), transaction.atomic():
            Job.objects.update(**change)

    assert Job.objects.get().charged_micros == 0
