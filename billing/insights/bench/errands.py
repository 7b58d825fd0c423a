"""From a committed order to the call of its backend: outbox, broker, worker, backend.

Beside it a bare Celery task through the same broker, sent at the same pace by a process of its own
to a worker of the same shape.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings

from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Report, percentiles
from billing.insights.bench.hands import Deed, Hands
from billing.insights.bench.place import BACKEND
from billing.insights.bench.programs import Program, surroundings, wait_for_port
from billing.insights.bench.scene import Scene
from billing.jobs.models import Attempt
from billing.outbox.names import QUEUES

PROCESSES: Final = 4
_BARE_QUEUE: Final = "bench"
_P99_GOAL_MS: Final = 250.0
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1
_FEW: Final = 3  # that go ahead, so that nobody pays for the first time


@dataclass(frozen=True, slots=True)
class Errand:
    """How long after it was sent something was there.

    Attributes:
        per_second: at which pace they were sent.
        lost: how many had not come a minute after the last was sent.
    """

    name: str
    sent: int
    per_second: float
    p50_ms: float
    p99_ms: float
    last_ms: float
    lost: int


def run(asked: Asked) -> Report:
    """Order at `asked.rate` a second, or at what this machine bears."""
    with tempfile.TemporaryDirectory(prefix="linggan-bench-") as folder:
        ours = _through_the_outbox(asked, Path(folder) / "backend")
        limit = _bare(ours.per_second, ours.sent, Path(folder) / "bare")
    verdict = "met" if ours.p99_ms <= _P99_GOAL_MS and not ours.lost else "missed"
    note = (
        f"{asked.rate:g} a second were wanted, {ours.per_second:.0f} were sent; p99 "
        f"{ours.p99_ms:.0f} ms, goal {_P99_GOAL_MS:.0f} ms: {verdict}."
    )
    return Report(rows=[limit, ours], notes=[note], mismatches=ours.lost + limit.lost)


@contextmanager
def backend(file: Path) -> Iterator[None]:
    """Have the bench's own backend take orders until the block ends."""
    port = urlsplit(settings.BACKENDS[BACKEND]["url"]).port
    assert port is not None, "the bench has chosen it"
    with Program(["-m", "billing.insights.bench.backend", str(port), str(file)]):
        wait_for_port(port)
        yield


def worker() -> Program:
    """Start a worker as `./run serve` does."""
    return Program(
        _worker("config.celery", ",".join(sorted(set(QUEUES.values())))), **surroundings()
    )


def _worker(app: str, queues: str) -> list[str]:
    return [
        *("-m", "celery", "-A", app, "worker", "--pool", "threads", "--concurrency", "4"),
        *("--queues", queues, "--without-gossip", "--without-mingle", "--loglevel", "ERROR"),
    ]


def _through_the_outbox(asked: Asked, file: Path) -> Errand:
    with backend(file), worker():
        Scene.fresh(asked.now).submit()
        _wait_for(file, 1)  # the worker is there
        before = set(_arrivals(file))
        commits = file.with_suffix(".commits")
        make = partial(_paced, asked.now, asked.rate / PROCESSES, commits)
        with Hands(make, processes=PROCESSES) as hands:
            effort = asked.effort
            turn = hands.turn(replace(effort, seconds=effort.seconds * effort.rounds))
        sent = len(turn.latencies)
        _wait_for(file, len(before) + sent)
    came = {key: at for key, at in _arrivals(file).items() if key not in before}
    committed = {key: float(at) for at, key in map(str.split, _lines(commits))}
    attempts = Attempt.objects.filter(pk__in=came).values_list("pk", "job_id")
    waited = [came[key] - committed[job] for key, job in attempts if job in committed]
    p50_ms, p99_ms = percentiles(waited)
    last_ms = max(waited, default=0.0) * 1000
    pace = sent / turn.seconds
    name = "outbox, worker, backend"
    return Errand(name, sent, pace, p50_ms, p99_ms, last_ms, sent - len(waited) + turn.wrong)


def _bare(rate: float, count: int, file: Path) -> Errand:
    line = _worker("billing.insights.bench.bare", _BARE_QUEUE)
    room = {"REDIS_URL": settings.REDIS_URL, "BENCH_FILE": str(file)}
    send = ["-m", "billing.insights.bench.bare"]
    with Program(line, **room):
        with Program([*send, "1000", str(_FEW)], **room):
            _wait_for(file, _FEW)
        with Program([*send, str(rate), str(count)], **room) as sender:
            sender.wait(count / rate + _PATIENCE_SECONDS)
            _wait_for(file, _FEW + count)
    waited = [float(told.split()[1]) for told in _lines(file)[_FEW:]]
    p50_ms, p99_ms = percentiles(waited)
    last_ms = max(waited, default=0.0) * 1000
    name = "limit: a bare Celery task"
    return Errand(name, count, rate, p50_ms, p99_ms, last_ms, count - len(waited))


def _paced(now: datetime, rate: float, commits: Path, _number: int) -> Deed:
    """Return a deed that orders on an account of its own, so often a second at most.

    Args:
        commits: the file in which each order stands, and when it was committed.
    """
    scene = Scene.fresh(now)
    due = [time.perf_counter()]

    def order() -> bool:
        ahead = due[0] - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)  # noqa: TID251 (the pace is what was asked for)
        due[0] = max(due[0], time.perf_counter() - 1 / rate) + 1 / rate
        is_right = scene.submit()
        with commits.open("a") as file:
            file.write(f"{time.time():.6f} {scene.open_jobs.pop()}\n")
        return is_right

    return Deed(order)


def _arrivals(file: Path) -> Mapping[str, float]:
    """Return when each order came first."""
    found: dict[str, float] = {}
    for line in _lines(file):
        at, key = line.split()
        found.setdefault(key, float(at))
    return found


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _wait_for(file: Path, count: int) -> None:
    """Return once so many lines are there, or after a minute in which none came."""
    seen, until = 0, time.monotonic() + _PATIENCE_SECONDS
    while seen < count and time.monotonic() < until:
        now = len(_lines(file))
        if now > seen:
            seen, until = now, time.monotonic() + _PATIENCE_SECONDS
        time.sleep(_LOOK_SECONDS)  # noqa: TID251 (another process writes)
