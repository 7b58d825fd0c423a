"""How long films are kept: as the plan said at the order, and nobody's longer than that."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs import shapes
from billing.jobs.errors import OutputGone
from billing.jobs.models import Job, Output
from tests import factories
from tests.jobs import shop
from tests.jobs.clock import now_plus

KEEPING = shop.FREE.replace("concurrency = 100", 'concurrency = 100\n  keep_outputs = "P30D"')


@pytest.fixture(autouse=True)
def _own_files(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def kept(ada: Account) -> Output:
    """Return a film of Ada's, whose plan keeps films for thirty days, with its thumbnail."""
    shop.open_shop(plans=KEEPING)
    factories.give(ada, 1000)
    return _made(shop.submit(ada, draft=True))


def _made(job: Job) -> Output:
    output: Output = shop.finish(job).outputs.get()
    for name in ("film.mp4", "film.webp"):
        default_storage.save(f"outputs/{job.pk}/{name}", ContentFile(b"bytes"))
    Output.objects.filter(pk=output.pk).update(
        path=f"outputs/{job.pk}/film.mp4", thumbnail_path=f"outputs/{job.pk}/film.webp"
    )
    output.refresh_from_db()
    return output


def _exist(output: Output) -> list[bool]:
    folder = f"outputs/{output.job_id}"
    return [default_storage.exists(f"{folder}/{name}") for name in ("film.mp4", "film.webp")]


def _fetched(path: str) -> tuple[str, bytes]:
    answer: Any = Client().get(path)  # Django's test response
    assert answer.status_code == 200
    return answer.headers["Content-Type"], answer.getvalue()


def test_a_film_ends_as_the_plan_said_when_it_was_ordered(kept: Output, ada: Account) -> None:
    assert kept.expires_at is not None
    assert (kept.expires_at - kept.created_at).days == 30
    ordered = shop.submit(ada)
    shop.open_shop()  # from now on for ever

    assert shop.finish(ordered).outputs.get().expires_at is not None
    assert shop.finish(shop.submit(ada)).outputs.get().expires_at is None


def test_its_files_go_when_its_time_is_over_and_not_before(kept: Output) -> None:
    jobs.sweep_files(now=now_plus(days=29))
    assert _exist(kept) == [True, True]

    jobs.sweep_files(now=now_plus(days=31))

    kept.refresh_from_db()
    assert _exist(kept) == [False, False]
    assert kept.deleted_at is not None
    assert jobs.sweep_files(now=now_plus(days=32)) == 0
    assert list(audit.breaches()) == []


def test_what_is_kept_for_ever_stays(ada: Account) -> None:
    shop.open_shop()
    factories.give(ada, 1000)
    output = _made(shop.submit(ada))

    assert jobs.sweep_files(now=now_plus(days=36_000)) == 0
    assert _exist(output) == [True, True]


def test_the_api_tells_when_a_film_goes_and_that_it_is_gone(kept: Output) -> None:
    told = shapes.OutputOut(kept).data
    assert told["expires_at"] is not None
    film, still = (
        str(told[name]).removeprefix(configured.PUBLIC_URL) for name in ("url", "thumbnail_url")
    )
    assert _fetched(film) == ("video/mp4", b"bytes")
    assert _fetched(still) == ("image/webp", b"bytes")

    jobs.sweep_files(now=now_plus(days=31))

    kept.refresh_from_db()
    told = shapes.OutputOut(kept).data
    assert (told["url"], told["thumbnail_url"]) == (None, None)
    assert [Client().get(path).status_code for path in (film, still)] == [404, 404]


def test_an_address_of_a_thumbnail_opens_no_film(kept: Output) -> None:
    path = str(shapes.OutputOut(kept).data["thumbnail_url"]).removeprefix(configured.PUBLIC_URL)

    assert Client().get(path.removesuffix("/thumbnail")).status_code == 404


def test_what_was_deleted_is_not_continued(kept: Output, ada: Account) -> None:
    final = shop.order_of({"task": "final"}, parent_id=kept.job_id)
    assert shop.reasons(shop.quote(ada, final)) == []
    Output.objects.filter(pk=kept.pk).update(expires_at=now_plus(days=-1))
    before = shop.facts_of(ada)

    assert shop.reasons(shop.quote(ada, final)) == ["output_gone"]
    with pytest.raises(OutputGone):
        shop.submit(ada, final)

    assert shop.facts_of(ada) == before


def test_a_film_that_is_being_continued_is_kept_until_that_has_ended(
    kept: Output, ada: Account
) -> None:
    child = shop.submit(ada, shop.order_of({"task": "final"}, parent_id=kept.job_id))

    jobs.sweep_files(now=now_plus(days=31))
    assert _exist(kept) == [True, True]

    shop.finish(child)
    jobs.sweep_files(now=now_plus(days=31))
    assert _exist(kept) == [False, False]


def test_a_thumbnail_that_comes_during_the_deletion_goes_too(
    kept: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    Output.objects.filter(pk=kept.pk).update(thumbnail_path="")
    delete = default_storage.delete

    def delete_and_attach(path: str) -> None:
        delete(path)
        Output.objects.filter(pk=kept.pk).update(thumbnail_path=kept.thumbnail_path)

    with monkeypatch.context() as racing:
        racing.setattr(default_storage, "delete", delete_and_attach)
        jobs.sweep_files(now=now_plus(days=31))
    jobs.sweep_files(now=now_plus(days=31))

    kept.refresh_from_db()
    assert _exist(kept) == [False, False]
    assert kept.deleted_at is not None


def test_one_file_that_is_not_deleted_stops_no_other(
    kept: Output, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _made(shop.submit(ada))
    delete = default_storage.delete

    def refuse_one(path: str) -> None:
        if path == kept.path:
            raise OSError
        delete(path)

    monkeypatch.setattr(default_storage, "delete", refuse_one)
    jobs.sweep_files(now=now_plus(days=31))

    kept.refresh_from_db()
    assert kept.deleted_at is None
    assert _exist(other) == [False, False]
