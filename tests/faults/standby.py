"""A second PostgreSQL that follows the first, and is waited for at each commit."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.embedded.binaries import find_postgres
from config.embedded.folders import entered
from config.embedded.postgres import Postgres
from config.embedded.processes import spawn, stop
from tests.faults.field import Field

_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.05


def join(field: Field, name: str) -> Postgres:
    """Return a copy of the database that follows it; from now on each commit waits for it.

    Args:
        name: of its folder, which does not exist yet.
    """
    folder = field.folder / name
    programs = find_postgres()
    known = conninfo_to_dict(field.postgres.url)
    source = make_conninfo(
        **{key: str(known[key]) for key in ("host", "port", "user", "password")},
        application_name="standby",
    )
    with entered(folder) as place:
        copying = spawn(
            [
                *(programs.reachable_by(place.user) / "pg_basebackup", "-d", source),
                *("-D", f"{place.path}/cluster", "-R", "-X", "stream", "--checkpoint=fast"),
            ],
            output=field.log,
            user=place.user,
            keep_open=[place.number],
        )
        _wait_for(copying)
    standby = Postgres(folder, programs, password=str(known["password"]))
    standby.start(field.log)
    with field.superuser() as session:
        session.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        session.execute("SELECT pg_reload_conf()")
    _wait_until_in_step(field)
    return standby


def crash(postgres: Postgres) -> None:
    """Kill all processes of a server that was started here, as when its machine dies."""
    first = postgres.process.pid
    children = [int(word) for word in _children_of(first)]
    os.kill(first, signal.SIGKILL)
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue
    postgres.process.wait()


def promote(field: Field, standby: Postgres) -> None:
    """Let the standby be the database, and the door lead to it; nobody is waited for any more."""
    with psycopg.connect(standby.url, autocommit=True) as session:
        session.execute("SELECT pg_promote(wait => true)")
    field.take_over(standby)


def _wait_for(copying: subprocess.Popen[bytes]) -> None:
    """Return when the copy is made.

    Raises:
        RuntimeError: it was not.
    """
    try:
        if copying.wait(timeout=_PATIENCE_SECONDS) != 0:
            raise RuntimeError("The database could not be copied; its log says why.")
    finally:
        stop(copying)


def _children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _wait_until_in_step(field: Field) -> None:
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends_at:
        with field.superuser() as session:
            row = session.execute("SELECT sync_state FROM pg_stat_replication").fetchone()
        if row == ("sync",):
            return
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError("The standby is not in step.")
