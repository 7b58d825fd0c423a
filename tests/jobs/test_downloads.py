"""A finished file over HTTP: whole, in parts, and by the service's own address alone."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from billing.accounts.models import Account
from billing.jobs import shapes
from billing.jobs.models import Job, Output
from tests import factories
from tests.jobs.conftest import Ask

FILM = bytes(range(256)) * 1000
SPEC = {"model": "kling-v1-6", "inputs": {"prompt": "a kite"}}


@pytest.fixture
def output(ada: Account, ask: Ask, settings: Settings, tmp_path: Path) -> Output:
    """Return the file of a job of Ada's."""
    settings.MEDIA_ROOT = str(tmp_path)
    factories.give(ada, 100)
    job = Job.objects.get(pk=ask("post", "/v1/jobs", SPEC).json()["id"])
    return Output.objects.create(
        job=job,
        position=0,
        path=default_storage.save("film.mp4", ContentFile(FILM)),
        mime="video/mp4",
        bytes=len(FILM),
        sha256="ab" * 32,
        created_at=timezone.now(),
    )


def address(output: Output) -> str:
    return str(shapes.OutputOut(output).data["url"]).removeprefix(configured.PUBLIC_URL)


def fetch(output: Output, method: str = "get", **headers: str) -> Any:  # noqa: ANN401 (Django's test response)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return getattr(Client(), method)(address(output), headers=named)


@pytest.mark.parametrize("accept", ["*/*", "video/mp4", "text/html", "image/png"])
def test_a_file_comes_whole_whatever_a_player_accepts(output: Output, accept: str) -> None:
    answer = fetch(output, accept=accept)

    assert (answer.status_code, answer.getvalue()) == (200, FILM)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Length"] == str(len(FILM))
    assert f'filename="{output.job_id}.mp4"' in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "private, max-age=3600"


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=1000-1999", 1000, 1999),
        ("bytes=100000-", 100_000, 255_999),
        ("bytes=-3", 255_997, 255_999),
    ],
)
def test_a_part_comes_as_it_was_asked_for(
    output: Output, header: str, first: int, last: int
) -> None:
    answer = fetch(output, range=header)

    assert (answer.status_code, answer.getvalue()) == (206, FILM[first : last + 1])
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(FILM)}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.headers["Content-Type"] == "video/mp4"


def test_a_part_of_something_else_is_not_mixed_in(output: Output) -> None:
    etag = fetch(output, "head").headers["ETag"]

    assert fetch(output, range="bytes=0-9", if_range=etag).getvalue() == FILM[:10]
    assert fetch(output, range="bytes=0-9", if_range='"another"').getvalue() == FILM


def test_a_part_outside_of_the_file_is_refused(output: Output) -> None:
    answer = fetch(output, range=f"bytes={len(FILM)}-")

    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Range"] == f"bytes */{len(FILM)}"


def test_a_head_tells_of_the_file_and_sends_none_of_it(output: Output) -> None:
    answer = fetch(output, "head", range="bytes=0-9")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(FILM))
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_file_has_no_other_method(output: Output, method: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)(address(output))

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert default_storage.exists(output.path)


def test_an_absent_file_and_a_forged_address_are_the_same_nothing(
    output: Output, settings: Settings
) -> None:
    path = address(output)
    strange = signing.dumps(output.pk, salt="another use")
    absent = signing.dumps("out_absent", salt=shapes.OUTPUT_SALT)
    answers = [Client().get(f"/v1/outputs/{token}") for token in ("x", strange, absent)]
    default_storage.delete(output.path)
    answers += [Client().get(path), Client().head(path)]
    settings.OUTPUT_URL_SECONDS = -1
    answers.append(Client().get(path))

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}


def test_the_address_of_a_file_is_ours_whatever_host_a_caller_names(
    output: Output, ask: Ask, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://credits.example.com"
    settings.ALLOWED_HOSTS = ["*"]
    ask("post", f"/v1/jobs/{output.job_id}/cancel", {})
    token = ask("get", f"/v1/jobs/{output.job_id}").json()["outputs"][0]["url"]

    assert token.startswith("https://credits.example.com/v1/outputs/")
