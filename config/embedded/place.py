"""The data folder: who uses it, what it remembers, and what its running servers are called."""

import fcntl
import json
import os
import pwd
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from config.embedded import secrecy
from config.embedded.processes import CannotServe, free_port, port_is_free

DEFAULT: Final = Path(__file__).resolve().parent.parent.parent / "var"
_NEEDED_BYTES = 256 * 1024 * 1024
_BEAT_SECONDS = 0.1
_PATIENCE_SECONDS = 90


class Place:
    """One data folder. Its memory is `embedded.json`, which only its owner can read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._memory = folder / "embedded.json"

    def open(self) -> None:
        """Make the folder if it is missing, and its secrets with it.

        Raises:
            CannotServe: it cannot be written, is another user's, or its disk is nearly full.
        """
        try:
            if not self.folder.exists():
                self.folder.mkdir(mode=0o700, parents=True)
            owner = self.folder.stat().st_uid
            if owner != os.geteuid():  # root too: what it writes, the owner could not read
                raise CannotServe(
                    f"The data folder {self.folder} belongs to {_name(owner)}; "
                    "become that user, or choose another --data-dir."
                )
            probe = self.folder / f".probe-{os.getpid()}"
            probe.write_bytes(b"?")
            probe.unlink()
            free = shutil.disk_usage(self.folder).free
            if free < _NEEDED_BYTES:
                raise CannotServe(
                    f"Only {free >> 20} MB are free on the disk of {self.folder} and "
                    f"{_NEEDED_BYTES >> 20} MB are needed; free some, or choose another --data-dir."
                )
        except OSError as refusal:
            raise CannotServe(
                f"The data folder {self.folder} cannot be written ({refusal.strerror}); "
                "choose another with --data-dir."
            ) from refusal

    @contextmanager
    def taken(self, by: str) -> Iterator[bool]:
        """Hold the folder for `by` while the block runs; give False when somebody else has it."""
        with (self.folder / "lock").open("a+") as lock:
            if not _lock(lock, patience_seconds=1):  # a passer-by only looks for a moment
                yield False
                return
            lock.truncate(0)
            lock.write(f"{by} (process {os.getpid()})")
            lock.flush()
            yield True

    def is_free(self) -> bool:
        """Say whether nobody holds the folder."""
        with (self.folder / "lock").open("a+") as lock:
            return _lock(lock, patience_seconds=0)

    def holder(self) -> str:
        """Return who holds the folder, or held it last."""
        return (self.folder / "lock").read_text() or "another program"

    @contextmanager
    def visited(self) -> Iterator[None]:
        """Keep borrowed servers up while the block runs."""
        with (self.folder / "visitors").open("a") as visitors:
            fcntl.flock(visitors, fcntl.LOCK_SH)
            yield

    def wait_for_visitors(self) -> None:
        """Return when nobody borrows the servers any more."""
        with (self.folder / "visitors").open("a") as visitors:
            fcntl.flock(visitors, fcntl.LOCK_EX)

    def secrets(self) -> dict[str, str]:
        """Return the folder's secrets, made at the first call, or at that of a newer version."""
        memory = self._read()
        kept: dict[str, str] | None = memory.get("secrets")
        made = secrecy.make() if kept is None else {**kept, **secrecy.missing_from(kept)}
        if made != kept:
            self._write({**memory, "secrets": made})
        return made

    def forget(self, secret: str) -> None:
        """Keep a secret no longer, once a person has seen it."""
        memory = self._read()
        memory["secrets"].pop(secret, None)
        self._write(memory)

    def port(self, name: str) -> int:
        """Return the port of the server of this name: the same at each start, while it is free.

        So pages of it that are open in a browser outlive a restart.
        """
        memory = self._read()
        kept: dict[str, int] = memory.get("ports", {})
        if name in kept and port_is_free(kept[name]):
            return kept[name]
        chosen = free_port()
        self._write({**memory, "ports": {**kept, name: chosen}})
        return chosen

    def announce(self, variables: dict[str, str] | None) -> None:
        """Tell other programs of this user how to reach the running servers; None: they end."""
        memory = self._read()
        memory["running"] = variables and {"by": self.holder(), "variables": variables}
        self._write(memory)

    def running(self) -> dict[str, str] | None:
        """Return what the present holder announced; what a crashed one left does not count."""
        announced = self._read().get("running")
        if announced is None or announced["by"] != self.holder():
            return None
        variables: dict[str, str] = announced["variables"]
        return variables

    def wait_for_announcement(self) -> dict[str, str] | None:
        """Return the variables of the servers that another program is starting; None: it ended."""
        for _beat in range(int(_PATIENCE_SECONDS / _BEAT_SECONDS)):
            announced = self.running()
            if announced is not None:
                return announced
            if self.is_free():
                return None
            threading.Event().wait(_BEAT_SECONDS)
        raise CannotServe(f"{self.holder()} holds {self.folder}, but its servers do not come up.")

    def _read(self) -> dict[str, Any]:
        try:
            memory: dict[str, Any] = json.loads(self._memory.read_text())
        except FileNotFoundError:
            return {}
        return memory

    def _write(self, memory: dict[str, Any]) -> None:
        """Replace the memory at once; nobody else can ever read it."""
        fresh = self._memory.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(memory, indent=1))
        fresh.replace(self._memory)


def _name(user_id: int) -> str:
    """Return what people call a user."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"user {user_id}"


def _lock(file: IO[str], *, patience_seconds: float) -> bool:
    """Lock `file` for as long as it stays open, and say whether that was possible."""
    for _beat in range(1 + int(patience_seconds / _BEAT_SECONDS)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            threading.Event().wait(_BEAT_SECONDS)
        else:
            return True
    return False
