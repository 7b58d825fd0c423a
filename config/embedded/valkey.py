"""A Redis-compatible server of our own: one folder, one free port of 127.0.0.1, one password."""

import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded.binaries import Programs
from config.embedded.folders import entered
from config.embedded.processes import CannotServe, free_port, spawn, stop

_START_SECONDS = 30
_BEAT_SECONDS = 0.05
_ONCE = Retry(NoBackoff(), 0)  # the loop below asks again, and sooner


class Valkey:
    """A server that ends with the process that started it."""

    def __init__(
        self, folder: Path, programs: Programs, *, password: str, throw_away: bool = False
    ) -> None:
        self._folder = folder
        self._programs = programs
        self._password = password
        self._throw_away = throw_away
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The address of the first database, password included."""
        return self.url_of(0)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The server's process."""
        assert self._process is not None, "start it first"
        return self._process

    def url_of(self, database: int) -> str:
        """Return the address of one of the 64 databases."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{database}"

    def start(self, output: int | IO[Any] | None = None) -> None:
        """Return when the server answers.

        Raises:
            CannotServe: it does not come up.
        """
        with entered(self._folder) as place, tempfile.TemporaryFile() as settings:
            programs = self._programs.reachable_by(place.user)
            self.port = self.port or free_port()  # started again: under its old address
            settings.write(self._settings(place.path).encode())
            settings.seek(0)
            self._process = spawn(
                [programs / self._programs.probe, "-"],  # so that no `ps` shows the password
                output=output,
                typed_in=settings,
                user=place.user,
                keep_open=[place.number],
            )
        self._wait()

    def stop(self) -> None:
        """End the server; what it had acknowledged is on disk."""
        if self._process is not None:
            stop(self._process, by=signal.SIGTERM)

    def _settings(self, folder: str) -> str:
        return "\n".join(
            [
                "bind 127.0.0.1",
                f"port {self.port}",
                f"requirepass {self._password}",
                f"dir {folder}",
                f"appendonly {'no' if self._throw_away else 'yes'}",
                'save ""',
                "databases 64",
                "maxmemory-policy noeviction",  # a queue must refuse, never forget
                "",
            ]
        )

    def _wait(self) -> None:
        for _beat in range(int(_START_SECONDS / _BEAT_SECONDS)):
            try:
                with redis.Redis.from_url(self.url, retry=_ONCE) as session:
                    session.ping()
            except redis.exceptions.ConnectionError as not_yet:
                try:
                    self.process.wait(timeout=_BEAT_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
                raise CannotServe(
                    f"The Redis-compatible server ended while it started in {self._folder}."
                ) from not_yet
            else:
                return
        self.stop()
        raise CannotServe("The Redis-compatible server did not answer in time.")
