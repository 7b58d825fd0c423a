"""A PostgreSQL server of our own: one folder, one free port of 127.0.0.1, one password."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import psycopg
from psycopg import sql

from config.embedded.binaries import Programs
from config.embedded.folders import Entered, entered
from config.embedded.processes import CannotServe, free_port, spawn, stop

_OWNER: Final = "linggan"  # of the database and all that is in it; the database is called so too
_APPLICATION: Final = "linggan_app"
_START_SECONDS = 60
_BEAT_SECONDS = 0.05
_ALWAYS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path would be too long in a deep folder
    "max_connections": "200",
    "max_wal_size": "256MB",
    "log_min_error_statement": "panic",  # a statement may hold what a log must not
}
# Nothing in it is worth a disk's time: it is thrown away when the tests end.
_THROW_AWAY: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """A server that ends with the process that started it."""

    def __init__(
        self,
        folder: Path,
        programs: Programs,
        *,
        password: str,
        application_password: str | None = None,
        throw_away: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Remember where it is.

        Args:
            password: the owner's, who may do anything.
            application_password: of the role that owns nothing; None: no such role is made.
            settings: what it is told beyond, or against, the usual at each start.
        """
        self.settings = dict(settings or {})
        self.folder = folder
        self._programs = programs
        self._password = password
        self._application_password = application_password
        self._throw_away = throw_away
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The address of the database for its owner, password included."""
        return self._address(_OWNER)

    @property
    def application_url(self) -> str:
        """The address of the database for the application, password included."""
        return f"postgres://{_APPLICATION}:{self._application_password}@{self._where(_OWNER)}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's first process."""
        assert self._process is not None, "start it first"
        return self._process

    def start(self, output: int | IO[Any] | None = None) -> None:
        """Return when the database answers; its cluster is made at the first start.

        Raises:
            CannotServe: the cluster cannot be made or the server does not come up.
        """
        with entered(self.folder) as place:
            programs = self._programs.reachable_by(place.user)
            if not (self.folder / "cluster").exists():
                self._make_cluster(programs, place)
            self._clear_the_way()
            self.port = self.port or free_port()  # started again: under its old address
            settings = {**_ALWAYS, **(_THROW_AWAY if self._throw_away else {}), **self.settings}
            chosen = [f"--{name}={value}" for name, value in settings.items()]
            where = ["-D", f"{place.path}/cluster", f"--port={self.port}"]
            self._process = spawn(
                [programs / "postgres", *where, *chosen],
                environment=_plain_environment(),
                output=output,
                user=place.user,
                keep_open=[place.number],
                last_word=signal.SIGINT,  # "fast": sessions end, the cluster is shut down clean
            )
        self._wait()

    def stop(self) -> None:
        """End the server as PostgreSQL's "fast" shutdown does."""
        if self._process is not None:
            stop(self._process, by=signal.SIGINT, patience_seconds=30)

    def _address(self, database: str) -> str:
        return f"postgres://{_OWNER}:{self._password}@{self._where(database)}"

    def _where(self, database: str) -> str:
        return f"127.0.0.1:{self.port}/{database}"

    def _make_cluster(self, programs: Path, place: Entered) -> None:
        """Make the cluster under another name first, so that a half-made one is never used."""
        half = self.folder / "half-made"
        shutil.rmtree(half, ignore_errors=True)
        secret = self.folder / "password"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if place.user is not None:
            os.chown(secret, place.user.user_id, place.user.group_id)
        command: list[str | Path] = [
            *(programs / "initdb", "-D", f"{place.path}/{half.name}", "-U", _OWNER),
            *("--auth=scram-sha-256", f"--pwfile={place.path}/{secret.name}"),
            *("--encoding=UTF8", "--locale=C.UTF-8"),
            *(["--no-sync"] if self._throw_away else []),
        ]
        making = spawn(
            command,
            environment=_plain_environment(),
            output=subprocess.PIPE,
            user=place.user,
            keep_open=[place.number],
        )
        try:
            said = making.communicate()[0].decode(errors="replace")
        finally:
            stop(making)
            secret.unlink()
        if making.returncode != 0:
            shutil.rmtree(half, ignore_errors=True)
            raise CannotServe(_why_not(self.folder, said))
        half.rename(self.folder / "cluster")

    def _clear_the_way(self) -> None:
        """Wait for an earlier server that is still shutting down; forget one that crashed."""
        notice = self.folder / "cluster" / "postmaster.pid"
        for _beat in range(int(_START_SECONDS / _BEAT_SECONDS)):
            if not notice.exists():
                return
            number = notice.read_text().split("\n", maxsplit=1)[0].strip()
            if not _is_postgres(number):
                notice.unlink(missing_ok=True)
                return
            threading.Event().wait(_BEAT_SECONDS)
        raise CannotServe(f"An earlier PostgreSQL still uses {self.folder}; end it first.")

    def _wait(self) -> None:
        """Return when the database exists and answers, and the application's role with it."""
        for _beat in range(int(_START_SECONDS / _BEAT_SECONDS)):
            try:
                with psycopg.connect(self._address("postgres"), autocommit=True) as session:
                    self._complete(session)
            except psycopg.OperationalError as not_yet:
                try:
                    self.process.wait(timeout=_BEAT_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
                raise CannotServe(
                    f"PostgreSQL ended while it started in {self.folder}."
                ) from not_yet
            else:
                return
        self.stop()
        raise CannotServe(f"PostgreSQL did not answer within {_START_SECONDS} seconds.")

    def _complete(self, session: psycopg.Connection[Any]) -> None:
        """Make what is missing: the database, and a role with the application's password."""
        asked = session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_OWNER])
        if asked.fetchone() is None:
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_OWNER)))
        if self._application_password is None:
            return
        asked = session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [_APPLICATION])
        verb = "CREATE" if asked.fetchone() is None else "ALTER"
        session.execute(
            sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                sql.SQL(verb), sql.Identifier(_APPLICATION), sql.Literal(self._application_password)
            )
        )


def _plain_environment() -> dict[str, str]:
    """Return an environment in which no PG* variable of the caller changes what happens."""
    kept = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _is_postgres(number: str) -> bool:
    """Say whether a process of this number is a PostgreSQL: numbers are used again."""
    try:
        command = Path("/proc", number, "cmdline").read_bytes()
    except OSError:
        return False
    return command.split(b"\0", maxsplit=1)[0].endswith(b"/postgres")


def _why_not(folder: Path, said: str) -> str:
    if "No space left" in said:
        return f"The disk of {folder} is full; free some space, or choose another --data-dir."
    lines = [line for line in said.splitlines() if "error" in line.lower()] or said.splitlines()
    return f"PostgreSQL's cluster could not be made in {folder}: {' '.join(lines[-1:]).strip()}"
