"""Programs that the bench starts on loopback itself, and what they use of the machine."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from django.conf import settings
from django.db import connection

_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.05
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Use:
    """What a process uses.

    Attributes:
        cpu_ms: of a processor, since it began.
        rss_kib: of memory; `pss_kib` counts what it shares with others only in part.
    """

    cpu_ms: float
    rss_kib: int
    pss_kib: int


class Program:
    """One program of ours that runs until the block ends, or until it is stopped."""

    def __init__(self, command: Sequence[str], **variables: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (built by the bench)
            [sys.executable, *command],
            env={**os.environ, **variables},
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        """Go on."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        self.stop()

    def workers(self) -> list[int]:
        """Return the ids of the processes that serve: its children, or itself."""
        me = self._process.pid
        children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
        return [int(child) for child in children] or [me]

    def worker(self) -> Use:
        """Return what the first process that serves uses."""
        return use_of(self.workers()[0])

    def wait(self, seconds: float) -> None:
        """Return once it has ended by itself, or after so many seconds."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def use_of(pid: int) -> Use:
    """Return what a process uses."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    sizes = dict.fromkeys(("Rss", "Pss"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _colon, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0])
    cpu_ms = (int(fields[11]) + int(fields[12])) * 1000 / _TICKS
    return Use(cpu_ms=cpu_ms, rss_kib=sizes["Rss"], pss_kib=sizes["Pss"])


def free_port() -> int:
    """Return a port of loopback that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    """Return once somebody takes connections there.

    Raises:
        TimeoutError: nobody does within a minute.
    """
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(_LOOK_SECONDS)  # noqa: TID251 (a program needs a moment to start)
    raise TimeoutError(f"Nobody listens on port {port}.")


def surroundings() -> dict[str, str]:
    """Return the variables that lead a program to the database and the backends of this process."""
    said = connection.settings_dict
    user, word, host = (quote(str(said[key]), safe="") for key in ("USER", "PASSWORD", "HOST"))
    return {
        "DATABASE_URL": f"postgres://{user}:{word}@{host}:{said['PORT']}/{said['NAME']}",
        "DATABASE_OWNER_URL": "",
        "BACKENDS": json.dumps(settings.BACKENDS),
    }
