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
    """Return what brought a migration after a commit, the newest first.

    Commits whose migrations did not stand in one line could not be deployed: they are one with the
    next one that could.
    """
    asked = ("log", "--reverse", "--format=%H %P", f"{since}..HEAD", "--", _FOLDER)
    found: list[Step] = []
    old = ""
    for line in _git(*asked).decode().splitlines():
        new, parent = line.split()[:2]
        old = old or parent
        if len(_names(new) - _before(new)) == 1:
            if names := sorted(_names(new) - _names(old)):
                found.insert(0, Step(names, old, new))
            old = ""
    return found


def _names(commit: str) -> set[str]:
    """Return the migrations that a commit has."""
    paths = _git("ls-tree", "--name-only", commit, f"{_FOLDER}/").decode().splitlines()
    return {Path(path).stem for path in paths if Path(path).name[:4].isdigit()}


def _before(commit: str) -> set[str]:
    """Return the migrations of a commit that another one follows."""
    asked = ("grep", "-hoE", "[0-9]{4}_[a-z0-9_]+[\"']\\)", commit, "--", _FOLDER)
    return {word.rstrip("\"')") for word in _git(*asked).decode().split()}


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
