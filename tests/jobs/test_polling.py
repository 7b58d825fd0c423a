"""Who asks for a job again and again is told in a word that nothing has changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.jobs.models import Job
from tests import factories
from tests.jobs import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(ada: Account) -> Job:
    """A film that is ready, in a shop of one model."""
    shop.open_shop()
    factories.give(ada, 100)
    return shop.finish(shop.submit(ada))


def read(job: Job, etag: str = "") -> Any:  # noqa: ANN401 (Django's test response)
    token = tokens.sign("ada", lifetime=timedelta(hours=1), now=datetime.now(UTC))
    known = {"If-None-Match": etag} if etag else {}
    return Client().get(f"/v1/jobs/{job.pk}", headers={"Authorization": f"Bearer {token}", **known})


def test_a_job_that_has_not_changed_is_not_told_again(job: Job) -> None:
    first = read(job)

    again = read(job, first.headers["ETag"])

    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]
    assert "no-cache" in first.headers["Cache-Control"]


def test_a_job_that_has_changed_is_told(job: Job) -> None:
    first = read(job)
    Job.objects.filter(pk=job.pk).update(progress_percent=99)

    again = read(job, first.headers["ETag"])

    assert again.status_code == 200
    assert again.json()["progress"] == 0.99


def test_addresses_that_end_soon_are_told_anew(job: Job, settings: Settings) -> None:
    """A second is half of their life here, so the next answer has to bring fresh ones."""
    settings.OUTPUT_URL_SECONDS = settings.EVENTS_URL_SECONDS = 2
    first = read(job)
    settings.OUTPUT_URL_SECONDS = settings.EVENTS_URL_SECONDS = 7200

    again = read(job, first.headers["ETag"])

    assert again.status_code == 200
    assert again.json()["outputs"][0]["url"]


def test_another_ones_job_is_absent_whatever_is_known_of_it(job: Job) -> None:
    etag = read(job).headers["ETag"]
    factories.new_account("eve", is_sandbox=False)
    token = tokens.sign("eve", lifetime=timedelta(hours=1), now=datetime.now(UTC))

    refused = Client().get(
        f"/v1/jobs/{job.pk}", headers={"Authorization": f"Bearer {token}", "If-None-Match": etag}
    )

    assert (refused.status_code, "ETag" in refused.headers) == (404, False)
