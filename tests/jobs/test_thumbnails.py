"""A film's small picture: made after the end, by real ffmpeg, and never at the job's cost."""

import subprocess
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_django import Settings

from billing.accounts.models import Account
from billing.gpu.pictures import read_picture
from billing.jobs import services as jobs
from billing.jobs.models import LooseFile, Output
from billing.jobs.services import picturing
from tests import factories
from tests.gpu.test_outputs import film
from tests.jobs import shop
from tests.jobs.clock import now_plus
from tests.jobs.gallery import moved


@pytest.fixture
def output(ada: Account, settings: Settings, tmp_path: Path) -> Output:
    """Return a real film of Ada's, which begins in the dark."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    file = tmp_path / "film.mp4"
    subprocess.run(  # noqa: S603 (our own arguments)
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i"),
            *("testsrc=s=640x360:r=12:d=1", "-pix_fmt", "yuv420p", str(file)),
        ],
        check=True,
    )
    shop.open_shop()
    factories.give(ada, 100)
    made: Output = shop.finish(shop.submit(ada)).outputs.get()
    default_storage.save(made.path, ContentFile(file.read_bytes()))
    return made


def test_a_film_gets_one_small_picture(output: Output) -> None:
    jobs.make_thumbnail(output_id=output.pk, now=now_plus())
    jobs.make_thumbnail(output_id=output.pk, now=now_plus())

    output.refresh_from_db()
    with default_storage.open(output.thumbnail_path) as stored:
        picture = read_picture(stored.read())
    assert (picture.mime, picture.width, picture.height) == ("image/webp", 480, 270)
    folder = f"outputs/{output.job_id}"
    assert len([name for name in default_storage.listdir(folder)[1] if ".webp" in name]) == 1
    assert LooseFile.objects.count() == 0


def test_a_film_that_shows_nothing_stays_without_and_is_paid_all_the_same(output: Output) -> None:
    default_storage.delete(output.path)
    default_storage.save(output.path, ContentFile(film()))
    before = moved()

    jobs.make_thumbnail(output_id=output.pk, now=now_plus())

    output.refresh_from_db()
    assert output.thumbnail_path == ""
    assert (moved(), LooseFile.objects.count()) == (before, 0)


def test_of_two_pictures_at_once_one_stays(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    attach = picturing._attach

    def second_first(output_id: str, path: str) -> bool:
        monkeypatch.setattr(picturing, "_attach", attach)
        jobs.make_thumbnail(output_id=output_id, now=now_plus())
        return attach(output_id, path)

    monkeypatch.setattr(picturing, "_attach", second_first)
    jobs.make_thumbnail(output_id=output.pk, now=now_plus())

    output.refresh_from_db()
    folder = f"outputs/{output.job_id}"
    pictures = [name for name in default_storage.listdir(folder)[1] if ".webp" in name]
    assert pictures == [output.thumbnail_path.rsplit("/", 1)[1]]
    assert LooseFile.objects.count() == 0


def test_a_film_that_is_gone_gets_none(output: Output) -> None:
    Output.objects.filter(pk=output.pk).update(expires_at=now_plus(), deleted_at=now_plus())
    default_storage.delete(output.path)

    jobs.make_thumbnail(output_id=output.pk, now=now_plus())

    output.refresh_from_db()
    assert output.thumbnail_path == ""
