"""Takes one picture out of a film, by ffmpeg in a process that may do little else.

The film is a stranger's. Its format is given, not guessed, so that a playlist is not read as
one; no protocol but `file` is open to it, so that it names no other place; time, memory and
files are limited, and there is nothing to read from, neither an input nor the environment.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types

from billing.gpu import confined
from billing.gpu.pictures import NotPicture, read_picture
from billing.transactions import forbid_transaction

SIDE_MAX: Final = 480
_SECONDS_MAX: Final = 30
# Of the first frames the most usual one: a film often begins in the dark.
_FRAMES_COMPARED: Final = 24
_REASON_LENGTH_MAX: Final = 300


class NoStill(Exception):
    """The film shows no picture, or not within the limits."""


def still_of(film: Path) -> bytes:
    """Return a picture of the mp4 in the file `film` as WebP, no side longer than 480 pixels.

    Its folder must be the caller's own: files are written beside it.

    Raises:
        NoStill: ffmpeg finds none, or needs more than it may have.
    """
    forbid_transaction("gpu.still_of")
    still, said = film.with_name("still.webp"), film.with_name("said.txt")
    try:
        with said.open("wb") as words:
            done = subprocess.run(  # noqa: S603 (our own arguments; the film is only a file name)
                _command(film, still),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                cwd=film.parent,
                env={},
                timeout=_SECONDS_MAX,
                check=False,
            )
        if done.returncode != 0:
            raise NoStill(f"ffmpeg ended with {done.returncode}: {_beginning(said)}")
        picture = still.read_bytes()
        read_picture(picture)
    except subprocess.TimeoutExpired:
        raise NoStill("ffmpeg took too long.") from None
    except (FileNotFoundError, NotPicture):
        raise NoStill(f"ffmpeg made no picture: {_beginning(said)}") from None
    return picture


def _command(film: Path, still: Path) -> list[str]:
    shrink = (
        f"scale=w='min({SIDE_MAX},iw)':h='min({SIDE_MAX},ih)'"
        ":force_original_aspect_ratio=decrease:force_divisible_by=2"
    )
    return [
        *(sys.executable, "-I", "-S", confined.__file__, imageio_ffmpeg.get_ffmpeg_exe()),
        *("-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-threads", "1"),
        *("-protocol_whitelist", "file", "-f", "mp4", "-i", f"file:{film}"),
        *("-map", "0:v:0", "-frames:v", "1", "-filter_threads", "1"),
        *("-vf", f"{shrink},thumbnail={_FRAMES_COMPARED}"),
        *("-threads", "1", "-c:v", "libwebp", "-quality", "75", "-f", "webp", f"file:{still}"),
    ]


def _beginning(said: Path) -> str:
    with said.open("rb") as words:
        return words.read(_REASON_LENGTH_MAX).decode("utf-8", "replace").strip()
