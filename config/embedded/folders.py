"""Folders of servers that do not run as root, below parents that they may not enter."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.embedded.processes import User


@dataclass(frozen=True)
class Entered:
    """A folder that is held open, so that its server needs no right on any parent."""

    number: int
    user: User | None

    @property
    def path(self) -> str:
        """The name under which a child that inherited the number finds the folder."""
        return f"/proc/self/fd/{self.number}"


@contextmanager
def entered(folder: Path) -> Iterator[Entered]:
    """Hold `folder` open for a child; it is made, private, if it is missing.

    For root the folder belongs to `nobody`, as whom the server then runs. Anybody else's
    servers run as themselves.
    """
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    facts = folder.stat()
    user = User(facts.st_uid, facts.st_gid) if os.geteuid() == 0 else None
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Entered(number, user)
    finally:
        os.close(number)
