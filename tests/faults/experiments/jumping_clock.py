"""F12: the database's clock jumps ahead and back, by hours and by weeks, while clients ask."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest import mock

from config.embedded import postgres
from config.embedded.processes import spawn
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

_LIBRARY: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_JUMPS: Final = (-3 * _HOUR, 25 * _HOUR, 40 * _DAY, -_DAY)  # from the real time, each
_AWAY_SECONDS: Final = 2.5
_WITHIN_SECONDS: Final = 5.0


def missing() -> str:
    """Say what is needed and absent."""
    return "" if _LIBRARY.exists() else "libfaketime is missing: apt install libfaketime"


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Let the clock jump and come back; so many times."""
    with _faked(field) as offset, field.load(f"F12 {random.random()}") as load:
        outcome = Outcome(load)
        for number in range(rounds):
            load.live_for(random.uniform(0.3, 1.5))
            began = time.monotonic()
            jump = _JUMPS[number % len(_JUMPS)]
            _set(offset, jump)
            _require(field, outcome, jump)
            load.live_for(_AWAY_SECONDS)
            _set(offset, 0)
            outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)
    return outcome


@contextmanager
def _faked(field: Field) -> Iterator[Path]:
    """Have the database's process believe a file about the time while the block runs."""
    offset = field.folder / "offset"
    _set(offset, 0)
    with mock.patch.object(postgres, "spawn", _spawner(offset)):
        _restart(field)
    try:
        yield offset
    finally:
        _restart(field)


def _spawner(offset: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Return what starts a server that is lied to.

    The library is loaded by the server alone: whoever starts it is root, and would keep it out of
    what he has made for it.
    """
    believed = {
        "LD_PRELOAD": _LIBRARY,
        "FAKETIME_TIMESTAMP_FILE": offset,
        "FAKETIME_NO_CACHE": 1,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1,
    }

    def started(command: Sequence[str | Path], **how: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 (of `spawn`)
        words = [f"{name}={value}" for name, value in believed.items()]
        return spawn([shutil.which("env") or "env", *words, *command], **how)

    return started


def _restart(field: Field) -> None:
    field.forget_connections()
    field.postgres.stop()
    field.postgres.start(field.log)
    field.wait_until_ready()


def _set(offset: Path, seconds: int) -> None:
    fresh = offset.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}\n")
    fresh.chmod(0o644)
    fresh.replace(offset)


def _require(field: Field, outcome: Outcome, jump: int) -> None:
    """See that the clock has really jumped."""
    with field.superuser() as session:
        row = session.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
    assert row is not None, "it is one row"
    if abs(float(row[0]) - time.time() - jump) > _HOUR / 2:
        outcome.breaches.append(f"the clock did not jump by {jump} s")


EXPERIMENT: Final = Experiment(
    "F12", "the database's clock jumps", 200, run, missing, ways=len(_JUMPS)
)
