"""Each act has its line before it is done: who, what, to whom, why, and what came of it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.operators import services
from billing.operators.models import ActRecord
from tests import factories
from tests.acts.conftest import browser, chosen
from tests.jobs import shop as shopping

JOBS = "/admin/billing/job/"
WHY = 'The backend burnt. <script>alert("灵感")</script>'


@pytest.fixture
def job(ada: Account, backend: None) -> Job:
    """Ada's order waits, and holds 10 of her 20 credits."""
    factories.give(ada, 20)
    return shopping.submit(ada, seconds=5)


def money(job: Job) -> tuple[str, str, int]:
    """Return what an act could move of a job."""
    job.refresh_from_db()
    job.hold.refresh_from_db()
    return job.status, job.hold.state, factories.free_micros(job.account)


def test_an_act_shows_what_moves_and_asks_why_before_it_is_done(job: Job, sam: User) -> None:
    before = money(job)

    shown = browser(sam).post(JOBS, chosen("fail_jobs", job.pk)).content.decode()
    silent = browser(sam).post(JOBS, chosen("fail_jobs", job.pk, reason="  ")).content.decode()

    assert "10 credits go back to ada" in shown
    assert 'name="reason"' in shown
    assert "This field is required" in silent
    assert money(job) == before
    assert not ActRecord.objects.exists()


def test_the_line_of_an_act_says_who_what_to_whom_why_and_what_came_of_it(
    job: Job, sam: User
) -> None:
    answer = browser(sam).post(JOBS, chosen("fail_jobs", job.pk, reason=WHY))

    assert answer.status_code == 302
    assert money(job) == ("failed", "released", 20_000_000)
    line = ActRecord.objects.get()
    assert (line.act, line.operator, line.reason) == ("job.fail_jobs", sam, WHY)
    assert (line.object_type, line.object_id, line.account_id) == ("job", job.pk, job.account_id)
    assert line.shown == [[job.pk, "10 credits go back to ada"]]
    assert (line.outcome, line.refusal, line.ended_at is not None) == ("done", "", True)


def test_what_is_refused_has_its_line_too(job: Job, sam: User) -> None:
    jobs.fail(job_id=job.pk, operator="another", now=timezone.now())
    before = money(job)

    page = browser(sam).post(JOBS, chosen("fail_jobs", job.pk, reason=WHY), follow=True)

    assert "cannot become failed" in page.content.decode()
    assert money(job) == before
    line = ActRecord.objects.get()
    assert (line.outcome, line.refusal) == ("refused", "conflict")


def test_an_act_that_dies_in_the_middle_has_left_its_line(
    job: Job, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(**_more: object) -> None:
        raise MemoryError

    monkeypatch.setattr(jobs, "fail", die)
    with pytest.raises(MemoryError):
        browser(sam).post(JOBS, chosen("fail_jobs", job.pk, reason=WHY))

    line = ActRecord.objects.get()
    assert (line.object_id, line.outcome, line.ended_at) == (job.pk, "", None)


def test_the_lines_are_found_by_act_and_by_account_and_their_texts_are_only_text(
    job: Job, sam: User
) -> None:
    client = browser(sam)
    client.post(JOBS, chosen("fail_jobs", job.pk, reason=WHY))
    folder = "/admin/billing/actrecord/"

    for query in ("", "?act=job.fail_jobs", f"?q={job.account_id}", f"?q={job.pk}"):
        page = client.get(f"{folder}{query}").content.decode()
        assert "The backend burnt." in page, query
        assert "<script>alert(" not in page, query
    assert "The backend burnt." not in client.get(f"{folder}?act=job.decide").content.decode()
    row = client.get(f"{folder}{ActRecord.objects.get().pk}/change/").content.decode()
    assert "10 credits go back to ada" in row


def test_more_rows_than_one_can_look_at_are_not_acted_on(
    job: Job, sam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.operators.admin.acting.ROWS_MAX", 0)
    before = money(job)

    page = browser(sam).post(JOBS, chosen("fail_jobs", job.pk, reason=WHY), follow=True)

    assert "Choose 0 rows at most" in page.content.decode()
    assert money(job) == before


def _line(operator: User) -> ActRecord:
    return services.begin_act(
        act="job.fail_jobs",
        operator=operator,
        object_type="job",
        object_id="job_1",
        account_id="acc_1",
        reason="Because.",
        shown=[],
        now=timezone.now(),
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.update(reason="another"),
        lambda rows: rows.update(object_id="job_2"),
        lambda rows: rows.update(account_id="acc_2"),
        lambda rows: rows.update(act="job.decide"),
        lambda rows: rows.delete(),
    ],
)
def test_the_database_keeps_a_line_as_it_was(sam: User, change: Callable[[Any], object]) -> None:
    line = _line(sam)

    with pytest.raises(IntegrityError), transaction.atomic():
        change(ActRecord.objects.filter(pk=line.pk))

    line.refresh_from_db()
    assert (line.reason, line.object_id, line.account_id) == ("Because.", "job_1", "acc_1")


def test_a_line_ends_once_and_none_begins_ended(sam: User) -> None:
    line = _line(sam)
    services.end_act(line, refusal="illegal_move", now=timezone.now())

    with pytest.raises(IntegrityError):
        services.end_act(line, now=timezone.now())
    ended = {"outcome": "done", "ended_at": timezone.now(), "at": timezone.now()}
    with pytest.raises(IntegrityError), transaction.atomic():
        ActRecord.objects.create(act="x", object_type="job", reason="x", operator=sam, **ended)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE billing_actrecord")

    line.refresh_from_db()
    assert (line.outcome, line.refusal) == ("refused", "illegal_move")
