"""Looks at mp4 files with ffmpeg, as anyone would; independent of our own reader."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]  # it ships no types


@dataclass(frozen=True)
class Film:
    """What ffmpeg says of a file."""

    seconds: float
    width: int
    height: int
    frames_per_second: int
    has_sound: bool


def look_at(path: Path) -> Film:
    said = _ffmpeg("-i", str(path)).stderr
    hours, minutes, seconds = re.findall(r"Duration: (\d+):(\d+):([\d.]+)", said)[0]
    width, height = re.findall(r"Video: h264.* (\d{3,4})x(\d{3,4})", said)[0]
    rate = re.findall(r"(\d+) fps", said)[0]
    return Film(
        seconds=int(hours) * 3600 + int(minutes) * 60 + float(seconds),
        width=int(width),
        height=int(height),
        frames_per_second=int(rate),
        has_sound="Audio: aac" in said,
    )


def picture_at(path: Path, seconds: float) -> bytes:
    """Return one frame, small, as raw bytes."""
    return _run(
        *("-ss", str(seconds), "-i", str(path), "-frames:v", "1"),
        *("-vf", "scale=64:36", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
    )


def _ffmpeg(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own arguments)
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def _run(*arguments: str) -> bytes:
    return subprocess.run(  # noqa: S603 (our own arguments)
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *arguments],
        capture_output=True,
        check=True,
    ).stdout
