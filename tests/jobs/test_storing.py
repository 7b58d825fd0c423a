"""Copy first, then settle: what cannot be copied now moves no credit, and is asked for again."""

import gzip
from collections.abc import Iterator

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings

from billing.accounts.models import Account
from billing.gpu.protocol import BackendError
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job, LooseFile, Output
from billing.jobs.services import hearing, storing
from billing.ledger.models import Hold
from billing.outbox.models import Message
from tests import factories
from tests.egress.file_server import (
    FileServer,
    Play,
    dripping,
    flooding,
    giving,
    leading,
    resetting,
    saying,
    silent,
)
from tests.gpu.test_outputs import film
from tests.jobs import shop
from tests.jobs.clock import now_plus
from tests.jobs.gallery import Gallery, moved, open_gallery, running

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x01\x08\x02\x00\x00\x00"
    b"\x00\x00\x00\x00" + b"\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as serving:
        serving.plays["/film.mp4"] = giving(film())
        yield serving


@pytest.fixture
def gallery(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Gallery:
    opened = open_gallery(monkeypatch)
    opened.addresses.append(server.url())
    return opened


@pytest.fixture
def attempt(ada: Account, gallery: Gallery) -> Attempt:
    return running(ada)


def collect(attempt: Attempt, **later: float) -> None:
    jobs.collect(attempt_id=attempt.pk, now=now_plus(**later))


def stored_files(attempt: Attempt) -> list[str]:
    try:
        return default_storage.listdir(f"outputs/{attempt.job_id}")[1]
    except FileNotFoundError:
        return []


def test_a_film_that_is_downloaded_is_stored_and_then_paid(attempt: Attempt) -> None:
    collect(attempt)

    output = Output.objects.get()
    with default_storage.open(output.path) as kept:
        assert kept.read() == film()
    assert (output.mime, output.bytes, output.width) == ("video/mp4", len(film()), 640)
    assert Job.objects.get().status == "succeeded"
    assert Hold.objects.get().captured_micros > 0
    assert LooseFile.objects.count() == 0
    assert Message.objects.get(task="jobs.make_thumbnail").arguments == {"output_id": output.pk}
    assert list(audit.breaches()) == []


@pytest.mark.parametrize(
    "play",
    [
        saying("503 Later", b"<html>"),
        saying("403 Forbidden", b"<Error>Request has expired</Error>"),
        saying("200 OK", film(), length=len(film()) + 1),
        *(silent, dripping, resetting),
    ],
)
def test_a_download_that_fails_moves_nothing_and_is_tried_again(
    attempt: Attempt, gallery: Gallery, server: FileServer, play: Play
) -> None:
    server.plays["/film.mp4"] = play
    if play in {silent, dripping}:
        gallery.hasty.add(server.url())
    before = moved()

    with pytest.raises(BackendError, match="could not be fetched"):
        collect(attempt)

    attempt.refresh_from_db()
    assert moved() == before
    assert (attempt.state, Output.objects.count(), stored_files(attempt)) == ("accepted", 0, [])
    assert attempt.output_since is not None
    assert attempt.check_at > now_plus(seconds=10)

    server.plays["/film.mp4"] = giving(film())
    gallery.hasty.clear()
    collect(attempt, minutes=50)

    assert Job.objects.get().status == "succeeded"
    assert Attempt.objects.count() == 1
    assert list(audit.breaches()) == []


def test_when_their_time_is_over_the_credits_go_back(
    attempt: Attempt, ada: Account, server: FileServer
) -> None:
    free = factories.free_micros(ada) + Hold.objects.get().amount_micros
    server.plays.clear()
    with pytest.raises(BackendError):
        collect(attempt)
    with pytest.raises(BackendError):
        collect(attempt, minutes=59)
    assert Hold.objects.get().state == "open"

    collect(attempt, minutes=61)

    job = Job.objects.get()
    assert (job.status, job.failure_class) == ("failed", "backend_error")
    assert "could not be fetched" in job.failure_detail
    assert factories.free_micros(ada) == free
    assert (Attempt.objects.count(), Output.objects.count()) == (1, 0)


@pytest.mark.parametrize("kept_seconds", [30 * 86_400, None])
def test_a_dead_address_holds_credits_for_six_hours_at_most(
    attempt: Attempt, gallery: Gallery, server: FileServer, kept_seconds: int | None
) -> None:
    gallery.kept_seconds.append(kept_seconds)
    server.plays["/film.mp4"] = saying("410 Gone")
    for minutes in (0, 359):
        with pytest.raises(BackendError):
            collect(attempt, minutes=minutes)
    assert Hold.objects.get().state == "open"

    collect(attempt, minutes=361)

    assert (Job.objects.get().status, Hold.objects.get().state) == ("failed", "released")


@pytest.mark.parametrize(
    "play",
    [
        giving(PNG),
        saying("200 OK", length=100 * 1024 * 1024),
        flooding,
        leading("http://169.254.169.254/latest/meta-data"),
        leading("file:///etc/passwd"),
    ],
)
def test_what_is_no_film_is_never_stored_and_never_paid(
    attempt: Attempt, ada: Account, server: FileServer, play: Play, settings: Settings
) -> None:
    settings.OUTPUT_BYTES_MAX = 1024 * 1024
    free = factories.free_micros(ada) + Hold.objects.get().amount_micros
    server.plays["/film.mp4"] = play

    collect(attempt)

    assert_nothing_came(attempt, ada, free)


@pytest.mark.parametrize(
    "play",
    [
        giving(b"<!doctype html><title>Sign in</title>" + b" " * 5000),
        giving(b'{"code": "InternalError"}'),
        giving(b"#!/bin/sh\nrm -rf /\n"),
        giving(film()[:-1]),
        giving(b""),
        giving(gzip.compress(film()), "Content-Encoding: gzip"),
        giving(gzip.compress(bytes(20_000_000)), "Content-Encoding: gzip"),
    ],
)
def test_what_comes_in_the_place_of_a_film_is_asked_for_again_and_then_believed(
    attempt: Attempt, ada: Account, server: FileServer, play: Play, settings: Settings
) -> None:
    settings.OUTPUT_BYTES_MAX = 1024 * 1024
    free = factories.free_micros(ada) + Hold.objects.get().amount_micros
    server.plays["/film.mp4"] = play
    before = moved()

    for minutes in (0, 9):
        with pytest.raises(BackendError, match="not a usable mp4"):
            collect(attempt, minutes=minutes)
    assert (moved(), stored_files(attempt), LooseFile.objects.count()) == (before, [], 0)

    collect(attempt, minutes=11)
    assert_nothing_came(attempt, ada, free)


def test_a_film_that_comes_after_a_page_of_its_store_is_the_customers(
    attempt: Attempt, server: FileServer
) -> None:
    server.plays["/film.mp4"] = giving(b"")
    with pytest.raises(BackendError):
        collect(attempt)
    server.plays["/film.mp4"] = giving(film())

    collect(attempt, minutes=1)

    assert (Job.objects.get().status, Output.objects.count()) == ("succeeded", 1)


def assert_nothing_came(attempt: Attempt, account: Account, free_micros: int) -> None:
    assert (Job.objects.get().status, Hold.objects.get().captured_micros) == ("failed", 0)
    assert factories.free_micros(account) == free_micros
    assert (stored_files(attempt), LooseFile.objects.count()) == ([], 0)


def test_a_part_that_cannot_be_fetched_keeps_the_others_back(
    ada: Account, gallery: Gallery, server: FileServer
) -> None:
    shop.open_shop()
    attempt = running(ada, model="m", count=2)
    gallery.addresses.append(server.url("/second.mp4"))
    before = moved()

    with pytest.raises(BackendError):
        collect(attempt)
    assert (moved(), stored_files(attempt), LooseFile.objects.count()) == (before, [], 0)

    collect(attempt, minutes=61)  # the second will not come any more
    job = Job.objects.get()
    assert (job.status, job.outputs_made, len(stored_files(attempt))) == ("succeeded", 1, 1)


def test_a_sweep_has_films_copied_by_another_and_does_not_wait(attempt: Attempt) -> None:
    before = moved()

    jobs.sweep(now=now_plus(seconds=5))
    jobs.sweep(now=now_plus(seconds=30))

    assert moved() == before
    message = Message.objects.get(task="jobs.collect_outputs")
    assert message.arguments == {"attempt_id": attempt.pk}


def test_what_a_dead_worker_left_is_deleted_a_day_later(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_facts: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(hearing, "_capture", die)
        with pytest.raises(KeyboardInterrupt):
            collect(attempt)
    left = LooseFile.objects.get()
    collect(attempt)
    kept = Output.objects.get()
    assert len(stored_files(attempt)) == 2

    jobs.sweep_files(now=now_plus(hours=23))
    assert default_storage.exists(left.path)

    jobs.sweep_files(now=now_plus(hours=25))
    assert not default_storage.exists(left.path)
    assert default_storage.exists(kept.path)
    assert LooseFile.objects.count() == 0


def test_a_file_that_is_not_deleted_now_is_remembered(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    storing.announce("outputs/x/y.mp4", now=now_plus())

    def refuse(_path: str) -> None:
        raise OSError

    with monkeypatch.context() as refusing:
        refusing.setattr(default_storage, "delete", refuse)
        storing.discard(["outputs/x/y.mp4"])
        assert jobs.sweep_files(now=now_plus(days=2)) == 1
    assert LooseFile.objects.count() == 1

    jobs.sweep_files(now=now_plus(days=2, hours=1))
    assert LooseFile.objects.count() == 0
