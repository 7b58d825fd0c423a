"""F13: the disk of the database is full to the last byte, and by turns that of the logs."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from config.embedded.binaries import find_postgres
from config.embedded.postgres import Postgres
from tests.faults import disks
from tests.faults.books import Told
from tests.faults.experiment import Experiment, Outcome
from tests.faults.field import Field

_DATA_MEGABYTES: Final = 256
_LOGS_MEGABYTES: Final = 4
_FULL_SECONDS: Final = 4.0
_UNFELT_SECONDS_MAX: Final = 40.0
_LOOK_SECONDS: Final = 0.2
_WITHIN_SECONDS: Final = 10.0
_ACKNOWLEDGED_MIN: Final = 5
# Its journal must not fill the small disk by itself.
_SETTINGS: Final = {"max_wal_size": "48MB", "min_wal_size": "32MB"}


def run(field: Field, rounds: int, random: Random) -> Outcome:
    """Fill a disk while clients ask, free it, and wait until all goes well; so many times."""
    with (
        disks.small_disk(field.folder / "small-logs", megabytes=_LOGS_MEGABYTES) as logs,
        disks.small_disk(field.folder / "small-data", megabytes=_DATA_MEGABYTES) as data,
        _moved(field, data),
        field.logging_to(logs),
        field.load(f"F13 {random.random()}") as load,
    ):
        outcome = Outcome(load)
        for number in range(rounds):
            load.live_for(random.uniform(0.5, 2.0))
            if number % 2:
                _fill_logs(outcome, logs)
            else:
                _fill_data(field, outcome, data, ends_segment=number % 4 == 0)
    field.wait_until_ready()
    return outcome


def _fill_data(field: Field, outcome: Outcome, data: Path, *, ends_segment: bool) -> None:
    """Fill the database's disk.

    Args:
        ends_segment: the journal needs a new file at once, for which there is no room either.
    """
    began = time.monotonic()
    before = _felt(field)
    disks.fill(data)
    if ends_segment:
        try:
            with field.superuser() as session:
                session.execute("SELECT pg_switch_wal()")
        except psycopg.Error:
            pass
    outcome.load.live_for(_FULL_SECONDS)
    ends_at = time.monotonic() + _UNFELT_SECONDS_MAX
    while _felt(field) == before and time.monotonic() < ends_at:
        outcome.load.live_for(_LOOK_SECONDS)
    if _felt(field) == before:
        outcome.breaches.append("nobody felt that the disk was full")
    disks.free(data)
    field.revive_database()
    outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)


def _felt(field: Field) -> int:
    """Return how often the server has found no room."""
    return (field.folder / "database.log").read_text(errors="replace").count("No space left")


def _fill_logs(outcome: Outcome, logs: Path) -> None:
    """Fill the disk of the logs: nothing of money may notice."""
    load = outcome.load
    began = time.monotonic()
    disks.fill(logs)
    load.live_for(_FULL_SECONDS)
    during = [one for one in list(load.books) if one.asked_at > began and one.heard_at]
    good = sum(one.at_first == Told.ACKNOWLEDGED for one in during)
    bad = sum(one.at_first == Told.UNKNOWN for one in during)
    if bad or good < _ACKNOWLEDGED_MIN:
        outcome.breaches.append(f"with a full disk of logs {good} were acknowledged, {bad} failed")
    disks.free(logs)
    outcome.recover(began, mended_at=time.monotonic(), within_seconds=_WITHIN_SECONDS)


@contextmanager
def _moved(field: Field, disk: Path) -> Iterator[None]:
    """Let the database lie on another disk while the block runs."""
    usual = field.postgres
    password = str(conninfo_to_dict(usual.url)["password"])
    small = Postgres(disk / "postgres", find_postgres(), password=password, settings=_SETTINGS)
    _move(field, usual, small)
    try:
        yield
    finally:
        shutil.rmtree(usual.folder / "cluster")
        _move(field, small, usual)


def _move(field: Field, source: Postgres, target: Postgres) -> None:
    """Stop one server, and start the other with what it has left."""
    source.stop()
    owner = source.folder.stat()
    target.folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(target.folder, owner.st_uid, owner.st_gid)
    shutil.copytree(source.folder / "cluster", target.folder / "cluster", symlinks=True)
    for path in [target.folder / "cluster", *(target.folder / "cluster").rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    target.start(field.log)
    field.take_over(target)


EXPERIMENT: Final = Experiment(
    "F13", "disk of data full, disk of logs full", 10, run, disks.missing, ways=3
)
