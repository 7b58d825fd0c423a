"""ffmpeg looks at a stranger's film from inside a cage."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from billing.gpu import confined, stills
from billing.gpu.stills import NoStill, still_of
from tests.egress.file_server import FileServer

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {url}\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
    '<AdaptationSet><Representation id="1"><BaseURL>{url}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>"
)


@pytest.mark.parametrize("text", [PLAYLIST, CONCAT, DASH])
@pytest.mark.parametrize("scheme", ["http", "file"])
def test_a_list_of_other_places_is_not_followed(text: str, scheme: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"a secret")
    with FileServer() as canary:
        url = canary.url() if scheme == "http" else f"file:{secret}"
        film = tmp_path / "film.mp4"
        film.write_text(text.format(url=url))

        with pytest.raises(NoStill, match="ffmpeg ended"):
            still_of(film)

        assert canary.requests == []


def test_noise_is_no_picture(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(os.urandom(100_000))

    with pytest.raises(NoStill):
        still_of(film)


def _confined(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-I", "-S", confined.__file__, sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_confined_program_has_its_limits_from_the_first_instruction_on() -> None:
    asked = ", ".join(str(limit) for limit in confined.LIMITS)
    program = (
        f"import json, resource; print(json.dumps([resource.getrlimit(n) for n in [{asked}]]))"
    )

    found = json.loads(_confined(program).stdout)

    assert found == [[most, most] for most in confined.LIMITS.values()]
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] != confined.LIMITS[resource.RLIMIT_CPU]


@pytest.mark.parametrize(
    "program",
    ["bytearray(2 << 30)", "import tempfile; tempfile.TemporaryFile().write(bytes(9 << 20))"],
)
def test_who_wants_more_than_that_ends(program: str) -> None:
    assert _confined(program).returncode != 0


def test_a_film_that_takes_too_long_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stills, "_SECONDS_MAX", 0.2)
    monkeypatch.setattr(
        stills, "_command", lambda *_files: [sys.executable, "-c", "import time; time.sleep(60)"]
    )

    with pytest.raises(NoStill, match="too long"):
        still_of(tmp_path / "film.mp4")
