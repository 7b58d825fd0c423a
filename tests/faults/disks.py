"""Small disks of memory, which can be filled to the last byte; only root may make them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_BALLAST: Final = "ballast"
_CHUNKS: Final = (1 << 20, 1 << 12, 1)  # bytes


def missing() -> str:
    """Say what stands in the way of a small disk; "": nothing does."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return "only root can mount a disk of memory; run it as root"
    with tempfile.TemporaryDirectory() as place:
        done = _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)
        if done.returncode != 0:
            return f"this root may mount nothing ({done.stderr.strip()}); run it outside"
        _run("umount", place)
    return ""


@contextmanager
def small_disk(place: Path, *, megabytes: int) -> Iterator[Path]:
    """Yield an empty disk at a new folder, which is gone with all that is on it afterwards."""
    place.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(place))
    assert place.is_mount(), place
    try:
        yield place
    finally:
        _run("umount", "--lazy", str(place))
        place.rmdir()


def fill(disk: Path) -> None:
    """Leave no byte free."""
    with (disk / _BALLAST).open("ab", buffering=0) as file:
        for chunk in _CHUNKS:
            try:
                while True:
                    file.write(bytes(chunk))
            except OSError:
                continue


def free(disk: Path) -> None:
    """Take the ballast away."""
    (disk / _BALLAST).unlink(missing_ok=True)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 (our own words)
