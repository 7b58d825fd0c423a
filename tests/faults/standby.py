"""A second PostgreSQL that follows the first, and is waited for at each commit."""

import os
import signal
import time
from pathlib import Path
from typing import Final

from config.embedded.postgres import Postgres
from tests.faults.field import Field
from tests.standbys import Standby

_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.05


def join(field: Field, name: str) -> Standby:
    """Return a copy of the database that follows it; from now on each commit waits for it.

    Args:
        name: of its folder, which does not exist yet.
    """
    url = field.postgres.url
    standby = Standby(field.folder / name, primary_url=url, throw_away=False)
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


def promote(field: Field, standby: Standby) -> None:
    """Let the standby be the database, and the door lead to it; nobody is waited for any more."""
    standby.promote()
    field.take_over(standby)


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
