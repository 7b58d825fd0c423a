"""A base backup, an archive of the journal, and a new cluster made of both as of an instant."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.embedded.binaries import find_postgres
from config.embedded.folders import entered
from config.embedded.postgres import Postgres
from config.embedded.processes import spawn, stop
from tests.faults.field import Field

_PATIENCE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.1


class Archive:
    """A folder that the database copies each finished piece of its journal into."""

    def __init__(self, field: Field) -> None:
        """Make the folder; whoever runs the database owns it."""
        self.folder = field.folder / "archive"
        with entered(self.folder):
            pass
        # A piece that is there already is never written over: that would be another's.
        self.settings = {
            "archive_mode": "on",
            "archive_command": f"test ! -f {self.folder}/%f && cp %p {self.folder}/%f",
        }

    @contextmanager
    def kept(self, field: Field) -> Iterator[None]:
        """Have the database keep its journal while the block runs."""
        field.postgres.settings.update(self.settings)
        _restart(field)
        try:
            yield
        finally:
            for name in self.settings:
                field.postgres.settings.pop(name)
            _restart(field)

    def complete(self, field: Field) -> None:
        """Return when all that was written until now is in the archive.

        Raises:
            TimeoutError: it is not in time.
        """
        with field.superuser() as session:
            row = session.execute(
                "SELECT pg_walfile_name(pg_current_wal_lsn()), pg_switch_wal()"
            ).fetchone()
        assert row is not None, "it is one row"
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while not (self.folder / row[0]).exists():
            if time.monotonic() > ends_at:
                raise TimeoutError(f"{row[0]} did not come into the archive.")
            time.sleep(_LOOK_SECONDS)


def back_up(field: Field, name: str) -> Path:
    """Return the folder of a base backup, made while the database works.

    Raises:
        RuntimeError: it was not made; the log says why.
    """
    folder = field.folder / name
    programs = find_postgres()
    known = conninfo_to_dict(field.postgres.url)
    source = make_conninfo(**{key: str(known[key]) for key in ("host", "port", "user", "password")})
    with entered(folder) as place:
        copying = spawn(
            [
                *(programs.reachable_by(place.user) / "pg_basebackup", "-d", source),
                *("-D", f"{place.path}/cluster", "-X", "none", "--checkpoint=fast"),
            ],
            output=field.log,
            user=place.user,
            keep_open=[place.number],
        )
        try:
            if copying.wait(timeout=_PATIENCE_SECONDS) != 0:
                raise RuntimeError("No base backup was made; the log says why.")
        finally:
            stop(copying)
    return folder


def restore(field: Field, backup: Path, archive: Archive, *, until: datetime) -> Postgres:
    """Return a server that has all that was committed until then, and nothing after it.

    Raises:
        TimeoutError: it does not come up in time.
    """
    signal = backup / "cluster" / "recovery.signal"
    signal.touch()
    owner = backup.stat()
    shutil.chown(signal, owner.st_uid, owner.st_gid)
    settings = {
        **archive.settings,
        "restore_command": f"cp {archive.folder}/%f %p",
        "recovery_target_time": until.isoformat(),
        "recovery_target_action": "promote",
    }
    password = str(conninfo_to_dict(field.postgres.url)["password"])
    restored = Postgres(backup, find_postgres(), password=password, settings=settings)
    restored.start(field.log)
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    with psycopg.connect(restored.url, autocommit=True) as session:
        while session.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
            if time.monotonic() > ends_at:
                raise TimeoutError("The restored database does not take writes.")
            time.sleep(_LOOK_SECONDS)
    return restored


def _restart(field: Field) -> None:
    field.forget_connections()
    field.postgres.stop()
    field.postgres.start(field.log)
    field.wait_until_ready()
