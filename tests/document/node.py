"""Node as the tests need it: it comes as a wheel, its packages by their lock file."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
HERE: Final = Path(__file__).resolve().parent
FRONTEND: Final = ROOT / "docs" / "frontend"
_BIN: Final = Path(sys.executable).parent
_INSTALL_SECONDS: Final = 300
_RUN_SECONDS: Final = 180


def environment() -> dict[str, str]:
    """Return our environment, in which `node` and `npm` are those of the wheel."""
    return {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def installed(folder: Path) -> Path:
    """Return `folder` once it has the packages of its lock file; two at once take turns.

    What the packages would run by themselves when they are installed is not run.
    """
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    with (folder / "package.json").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        mark = folder / "node_modules" / ".linggan"
        if not mark.exists() or mark.read_text() != wanted:
            npm("ci", "--ignore-scripts", folder=folder)
            mark.write_text(wanted)
    return folder


def tool(name: str, *words: str, folder: Path = HERE, **variables: str) -> str:
    """Run a program of the folder's packages, and return what it said; it has to succeed."""
    program = installed(folder) / "node_modules" / ".bin" / name
    return node(str(program.resolve()), *words, folder=folder, **variables)


def node(*words: str, folder: Path = HERE, **variables: str) -> str:
    """Run a script, and return what it said; it has to succeed."""
    said = _run("node", *words, folder=folder, seconds=_RUN_SECONDS, **variables)
    assert said.returncode == 0, f"{said.stdout}\n{said.stderr}"
    return said.stdout


def npm(*words: str, folder: Path) -> str:
    """Run npm, and return what it said; it has to succeed."""
    said = _run("npm", *words, folder=folder, seconds=_INSTALL_SECONDS)
    assert said.returncode == 0, f"{said.stdout}\n{said.stderr}"
    return said.stdout


def _run(
    *command: str, folder: Path, seconds: float, **variables: str
) -> subprocess.CompletedProcess[str]:
    program = str(_BIN / command[0])
    return subprocess.run(  # noqa: S603 (our own words)
        [program, *command[1:]],
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
