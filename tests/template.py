"""One database of a test run is migrated; what others need is copied from it.

Most of a migration is Django drawing all models anew for each of a thousand steps: twenty seconds
of a core, that every worker of pytest-xdist and every service on servers of its own spent again.
Tests of the migrations themselves make their own.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from config.embedded.binaries import find_postgres

_ROOT: Final = Path(__file__).resolve().parent.parent
_NAME: Final = "linggan_template"
_FOLDER: Final = "LINGGAN_TEST_TEMPLATE"
_SERVER: Final = "LINGGAN_TEST_TEMPLATE_SERVER"


def announce(folder: Path, *, server_url: str) -> None:
    """Let this process and its children find it, or make it, on the server of this database."""
    os.environ.update({_FOLDER: str(folder), _SERVER: server_url})


def is_announced() -> bool:
    """Say whether there is a server for it."""
    return _FOLDER in os.environ


def begin() -> subprocess.Popen[bytes]:
    """Begin to make it, beside whoever has something else to do."""
    return subprocess.Popen([sys.executable, "-m", __name__], cwd=_ROOT)  # noqa: S603 (our own)


def made() -> str:
    """Return its name when it is there: who asks first makes it, the others wait."""
    folder = Path(os.environ[_FOLDER])
    with (folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "template.sql").exists():
            _make(folder)
    return _NAME


def sow(url: str) -> None:
    """Fill a new, empty database with the template's tables and rows, if a test run has one."""
    if is_announced():
        made()
        dump = Path(os.environ[_FOLDER]) / "template.sql"
        _run([_program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-1", "-f", str(dump), url])


def _make(folder: Path) -> None:
    server = os.environ[_SERVER]
    with psycopg.connect(server, autocommit=True) as session:
        for verb in ("DROP DATABASE IF EXISTS {}", "CREATE DATABASE {}"):
            session.execute(sql.SQL(verb).format(sql.Identifier(_NAME)))
    url = f"{server.rpartition('/')[0]}/{_NAME}"
    # Who asks may be a service whose tables have an owner, elsewhere; here is no other role.
    here = {"DATABASE_URL": url, "DATABASE_OWNER_URL": "", "REPORTS_DATABASE_URL": ""}
    _run([sys.executable, "manage.py", "migrate", "--verbosity=0"], **here)
    half = folder / "template.half"
    _run([_program("pg_dump"), "--no-owner", "--no-privileges", "-f", str(half), url])
    half.rename(folder / "template.sql")


def _program(name: str) -> str:
    return str(find_postgres(debian=False).folder / name)


def _run(command: list[str], **variables: str) -> None:
    done = subprocess.run(  # noqa: S603 (built above)
        command,
        cwd=_ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    made()
