"""Films in a bucket: the same path over the wire as below MEDIA_ROOT, to a real S3 server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import boto3  # type: ignore[import-untyped]  # it ships no types
import pytest
from django.conf import settings as configured
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import services as jobs
from billing.jobs import shapes
from billing.jobs.models import Job, LooseFile, Output
from config.embedded.environment import nowhere
from config.files import file_storage
from tests.egress.file_server import FileServer, giving
from tests.gpu.test_outputs import film
from tests.jobs.clock import now_plus
from tests.jobs.gallery import open_gallery, running
from tests.jobs.s3 import s3_server

BUCKET = "films"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 (boto3 has no types)
    """Keep films in a bucket, as STORAGE_URL would; return it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings.STORAGES = {
        **configured.STORAGES,
        "default": file_storage(f"s3://{BUCKET}/here?endpoint={endpoint}&region=us-east-1"),
    }
    settings.STORAGE_REDIRECTS = True
    found = boto3.resource("s3", endpoint_url=endpoint, region_name="us-east-1").Bucket(BUCKET)
    found.create()
    yield found
    found.objects.all().delete()


@pytest.fixture
def output(ada: Account, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> Output:  # noqa: ANN401 (as above)
    """Return a film of Ada's that came by the usual way."""
    gallery = open_gallery(monkeypatch)
    with FileServer() as server:
        server.plays["/film.mp4"] = giving(film())
        gallery.addresses.append(server.url())
        attempt = running(ada)
        jobs.collect(attempt_id=attempt.pk, now=now_plus())
    return Output.objects.get()


def keys(bucket: Any) -> list[str]:  # noqa: ANN401 (as above)
    return [entry.key for entry in bucket.objects.all()]


def lead(output: Output, method: str = "get") -> Any:  # noqa: ANN401 (Django's test response)
    path = str(shapes.OutputOut(output).data["url"]).removeprefix(configured.PUBLIC_URL)
    return getattr(Client(), method)(path)


def fetch(url: str, **headers: str) -> tuple[int, bytes, str]:
    with urlopen(Request(url, headers=headers), timeout=10) as answer:  # noqa: S310 (our own server)
        return answer.status, answer.read(), answer.headers["Content-Type"]


def test_a_film_lies_in_the_bucket_and_is_paid(output: Output, bucket: Any) -> None:  # noqa: ANN401 (as above)
    assert keys(bucket) == [f"here/{output.path}"]
    assert Job.objects.get().status == "succeeded"
    assert LooseFile.objects.count() == 0


def test_its_address_leads_to_one_that_ends_soon_and_serves_ranges(output: Output) -> None:
    answer = lead(output)

    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "private, no-store"
    url = answer.headers["Location"]
    asked = parse_qs(urlsplit(url).query)
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert asked["X-Amz-Expires"] == ["900"]
    assert output.job_id in asked["response-content-disposition"][0]
    assert fetch(url) == (200, film(), "video/mp4")
    assert fetch(url, Range="bytes=4-7")[:2] == (206, film()[4:8])
    assert lead(output, "head").status_code == 302


def test_it_ends_no_later_than_our_own_address(output: Output, settings: Settings) -> None:
    settings.OUTPUT_URL_SECONDS = 60

    asked = parse_qs(urlsplit(lead(output).headers["Location"]).query)

    assert asked["X-Amz-Expires"] == ["60"]


def test_a_film_whose_time_is_over_is_deleted_there_too(output: Output, bucket: Any) -> None:  # noqa: ANN401 (as above)
    Output.objects.filter(pk=output.pk).update(expires_at=now_plus(days=-1))

    jobs.sweep_files(now=now_plus())

    assert keys(bucket) == []
    assert lead(output).status_code == 404


def started_with(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=configured.BASE_DIR,
        env={"PATH": os.environ["PATH"], **nowhere(), "STORAGE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bucket_needs_no_more_than_its_name() -> None:
    assert started_with("s3://films").returncode == 0


@pytest.mark.parametrize(
    "url", ["https://films.example.com/", "s3:///films", "s3://films?acl=public-read", "films"]
)
def test_an_address_of_a_storage_that_means_nothing_refuses_to_start(url: str) -> None:
    done = started_with(url)

    assert done.returncode != 0
    assert "STORAGE_URL must be" in done.stderr
