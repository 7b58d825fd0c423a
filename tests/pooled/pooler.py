"""A PgBouncer of our own before a test's PostgreSQL, by the very settings that production has."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg

from config.embedded.folders import Entered, entered
from config.embedded.processes import CannotServe, free_port, spawn, stop

_SETTINGS: Final = Path(__file__).parents[2] / "docs" / "operations" / "pgbouncer.ini"
_MISSING: Final = "PgBouncer is missing; install it: apt install pgbouncer"
_START_SECONDS: Final = 30
_BEAT_SECONDS: Final = 0.05


class Pooler:
    """Lends the sessions of one server for a transaction each; it ends with who started it."""

    def __init__(self, folder: Path, *, server_url: str) -> None:
        self._folder = folder
        self._server = urlsplit(server_url)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The server's address by way of the pooler, password included."""
        host = f"{self._server.username}:{self._server.password}@127.0.0.1:{self.port}"
        return urlunsplit(self._server._replace(netloc=host))

    def start(self, output: int | IO[Any] | None = None) -> None:
        """Return when it lends sessions.

        Raises:
            CannotServe: it is not installed, or does not come up.
        """
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise CannotServe(_MISSING)
        self.port = free_port()
        with entered(self._folder) as place:
            for name, text in self._files(place).items():
                self._keep(name, text, place)
            self._process = spawn(
                [program, f"{place.path}/pgbouncer.ini"],
                output=output,
                user=place.user,
                keep_open=[place.number],
            )
        self._wait()

    def stop(self) -> None:
        """End it, whoever has a session."""
        if self._process is not None:
            stop(self._process)

    def _files(self, place: Entered) -> dict[str, str]:
        """Return the settings with this machine's addresses in place of production's."""
        here = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(self.port),
            "auth_file": f"{place.path}/userlist.txt",
            r"\*": f"host=127.0.0.1 port={self._server.port}",
        }
        text = _SETTINGS.read_text()
        for name, value in here.items():
            text, count = re.subn(rf"(?m)^({name}) = .*$", rf"\1 = {value}", text)
            assert count == 1, f"pgbouncer.ini says {name} {count} times"
        users = f'"{self._server.username}" "{self._server.password}"\n'
        return {"pgbouncer.ini": text, "userlist.txt": users}

    def _keep(self, name: str, text: str, place: Entered) -> None:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        if place.user is not None:
            shutil.chown(path, place.user.user_id, place.user.group_id)

    def _wait(self) -> None:
        assert self._process is not None, "it was just started"
        for _beat in range(int(_START_SECONDS / _BEAT_SECONDS)):
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError as not_yet:
                try:
                    self._process.wait(timeout=_BEAT_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
                raise CannotServe("PgBouncer ended while it started.") from not_yet
            else:
                return
        self.stop()
        raise CannotServe("PgBouncer lent no session in time.")
