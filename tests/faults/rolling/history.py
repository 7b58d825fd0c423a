"""Which commit brought each migration, and the code of a commit, out of git."""

import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from config.embedded.environment import ROOT

_FOLDER: Final = "billing/migrations"


@dataclass(frozen=True, slots=True)
class Step:
    """A commit that brought migrations, and the one before it.

    Attributes:
        names: as they were called then; a later join may have given them other numbers.
    """

    names: Sequence[str]
    old: str
    new: str


def missing() -> str:
    """Say what is needed and absent; "": nothing is."""
    if shutil.which("git") is None:
        return "git is missing: apt install git"
    if _git("rev-parse", "--is-shallow-repository").strip() != b"false":
        return "the history is not here: git fetch --unshallow"
    return ""


def steps(since: str) -> list[Step]:
    """Return what brought a migration after a commit, the newest first."""
    asked = ("log", "--diff-filter=A", "-M", "--format=>%H %P", "--name-only", f"{since}..HEAD")
    found: list[Step] = []
    for part in _git(*asked, "--", _FOLDER).decode().split(">")[1:]:
        head, *paths = part.split("\n")
        names = sorted(Path(path).stem for path in paths if path.endswith(".py"))
        new, old = head.split()[:2]
        if names:
            found.append(Step(names, old, new))
    return found


def lay_out(commit: str, folder: Path) -> Path:
    """Return a folder that has the code of a commit."""
    folder.mkdir()
    with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as packed:
        packed.extractall(folder, filter="data")
    return folder


def _git(*words: str) -> bytes:
    """Return what git says.

    Raises:
        SystemExit: it refuses.
    """
    done = subprocess.run(  # noqa: S603 (our own arguments)
        [shutil.which("git") or "git", *words], cwd=ROOT, capture_output=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"git: {done.stderr.decode().strip()}")
    return done.stdout
