"""A real process that streams events: the command that `./run serve` and the containers use."""

import http.client
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.db import connection

from config.embedded.processes import free_port, spawn, stop
from config.embedded.serve import events_command

if TYPE_CHECKING:
    from subprocess import Popen

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120


class EventsServer:
    """One process on loopback, on the database of the tests."""

    def __init__(self, **variables: str) -> None:
        self.port = free_port()
        self.name = f"events-{self.port}"
        self._variables = variables
        self._folder = tempfile.TemporaryDirectory(prefix="linggan-events-")
        self._process: Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its first process."""
        assert self._process is not None
        return self._process.pid

    @property
    def said(self) -> str:
        """What it has written to its log."""
        return (Path(self._folder.name) / "server.log").read_text(errors="replace")

    def start(self) -> "EventsServer":
        """Return once it answers."""
        with (Path(self._folder.name) / "server.log").open("ab") as log:
            self._process = spawn(
                self._command(),
                environment={
                    **os.environ,
                    **_of_the_tests(),
                    "PGAPPNAME": self.name,
                    **self._variables,
                },
                output=log,
                folder=ROOT,
            )
        ends_at = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert time.monotonic() < ends_at, self.said
            time.sleep(0.05)
        return self

    def threads(self) -> int:
        """Return how many threads its one worker has."""
        (worker,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return len(list(Path(f"/proc/{worker}/task").iterdir()))

    def connections(self) -> int:
        """Return how many connections to the database it has."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [self.name]
            )
            (found,) = cursor.fetchone()
        return int(found)

    def terminate(self) -> None:
        """Ask it to end, and do not wait for it."""
        os.kill(self.pid, signal.SIGTERM)

    def stop(self) -> None:
        """End it as an operator would."""
        if self._process is not None:
            stop(self._process)
        self._folder.cleanup()

    def _command(self) -> list[str | Path]:
        return events_command(self.port)

    def _answers(self) -> bool:
        caller = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            caller.request("GET", "/healthz")
            return caller.getresponse().status == 200
        except OSError:
            return False
        finally:
            caller.close()


def _of_the_tests() -> dict[str, str]:
    """Return the variables by which it finds the database of these tests."""
    at = connection.settings_dict
    who = f"{quote(str(at['USER']), safe='')}:{quote(str(at['PASSWORD']), safe='')}"
    return {
        "DATABASE_URL": f"postgres://{who}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "DATABASE_CONN_MAX_AGE": "60",
    }
