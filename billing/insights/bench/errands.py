"""From a committed errand to the call of its backend: outbox, broker, worker, backend.

Beside it a bare Celery task through the same broker, sent at the same pace by a process of its own
to a worker of the same shape. Then the same with the order's own submit, and with the nudge lost:
the broker hears nothing, and only the sweep finds what was committed.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from billing.insights.bench.asked import Asked
from billing.insights.bench.figures import Effort, Report, percentiles
from billing.insights.bench.hands import Deed, Hands, MakeDeed
from billing.insights.bench.place import BACKEND
from billing.insights.bench.programs import Program, surroundings, wait_for_port
from billing.insights.bench.scene import Scene
from billing.jobs.models import Attempt, Job
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import QUEUES, TaskName

PROCESSES: Final = 4
NUDGED: Final = "outbox, worker, backend"
ORDERED: Final = "submit, outbox, worker, backend"
SWEPT: Final = "nudge lost: outbox, sweep, worker, backend"
_BARE: Final = "limit: a bare Celery task"
_BARE_QUEUE: Final = "bench"
_P99_GOAL_MS: Final = 250.0
_SWEEP_GOAL_MS: Final = 15_000.0
_SLOWEST: Final = 5.0  # a second; a pace that is below it is not looked for
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1
_STUCK_SECONDS: Final = 60.0
_FEW: Final = 3  # that go ahead, so that nobody pays for the first time
_LATER: Final = timedelta(hours=1)
Send: TypeAlias = Callable[[], str]  # commits an errand, and returns whose it is


@dataclass(frozen=True, slots=True)
class Errand:
    """How long after it was sent something was there.

    Attributes:
        per_second: at which pace they were sent.
        lost: how many could not be sent, or had not come after a minute in which none came.
    """

    name: str
    sent: int
    per_second: float
    p50_ms: float
    p99_ms: float
    last_ms: float
    lost: int


def run(asked: Asked) -> Report:
    """Send at `asked.rate` a second, and half as fast until the goal is met; then sweep at that."""
    with tempfile.TemporaryDirectory(prefix="linggan-bench-") as folder, ExitStack() as stack:
        road = _Road(asked, Path(folder))
        stack.enter_context(backend(road.arrivals))
        for _number in range(asked.workers):
            stack.enter_context(worker())
        stack.enter_context(_scheduler(road.folder))
        Scene.fresh(asked.now).submit()
        _wait_for(partial(_arrivals, road.arrivals), 1)  # the worker is there
        rows: list[Errand] = []
        rate = asked.rate
        while not rows or (_is_late(rows[-1]) and rate >= 2 * _SLOWEST):
            rate = rate / 2 if rows else rate
            ours = road.errands(NUDGED, rate)
            rows += [_bare(ours, road.folder / f"bare-{rate:g}"), ours]
        borne = rows[-1]
        rows += [road.orders(rate), road.errands(SWEPT, rate, is_nudged=False)]
        twice = road.twice()
    notes = _notes(asked.rate, rows[1], borne, rows[-1])
    if twice:
        notes.append(f"{twice} orders came to the backend for a job that it had, or for none.")
    return Report(rows=rows, notes=notes, mismatches=sum(one.lost for one in rows) + twice)


def _is_late(errand: Errand) -> bool:
    return bool(errand.lost) or errand.p99_ms > _P99_GOAL_MS


def _notes(rate: float, first: Errand, borne: Errand, swept: Errand) -> list[str]:
    verdict = "missed" if _is_late(first) else "met"
    told = f"{rate:g} a second were wanted, {first.per_second:.0f} were sent"
    notes = [f"{told}; p99 {first.p99_ms:,.0f} ms, goal {_P99_GOAL_MS:.0f} ms: {verdict}."]
    if borne is not first and not _is_late(borne):
        notes.append(f"The goal was met at {borne.per_second:.0f} a second: {borne.p99_ms:.0f} ms.")
    verdict = "met" if swept.last_ms <= _SWEEP_GOAL_MS and not swept.lost else "missed"
    notes.append(
        f"A sweep alone found the last after {swept.last_ms / 1000:.1f} s, "
        f"goal {_SWEEP_GOAL_MS / 1000:.0f} s: {verdict}."
    )
    return notes


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


def _scheduler(folder: Path) -> Program:
    """Start what rings the sweeps, as `./run serve` does."""
    command = ["-m", "celery", "-A", "config.celery", "beat", "--loglevel", "ERROR"]
    return Program(
        [*command, "--schedule", str(folder / "beat"), "--pidfile", ""], **surroundings()
    )


@dataclass(frozen=True, slots=True)
class _Road:
    """The way from the outbox to the backend, and what went along it."""

    asked: Asked
    folder: Path

    @property
    def arrivals(self) -> Path:
        """Where the backend notes what was ordered."""
        return self.folder / "backend"

    def errands(self, name: str, rate: float, *, is_nudged: bool = True) -> Errand:
        """Send for jobs that were ordered before: their submit is not in the figure.

        Args:
            is_nudged: whether the broker is told after each commit; else each sender is as if it
                died right after its commit.
        """
        effort = self._effort(rate)
        assert effort.calls is not None, "it was reckoned"
        waiting = _waiting(PROCESSES * effort.calls)

        def make(number: int) -> Send:
            mine = iter(waiting[number::PROCESSES])
            return lambda: _post(next(mine), is_nudged=is_nudged)

        return self._sent(name, rate, make, effort)

    def orders(self, rate: float) -> Errand:
        """Order at this pace, or at what four processes bear."""

        def make(_number: int) -> Send:
            return partial(_order, Scene.fresh(_real_now()))

        return self._sent(ORDERED, rate, make, self._effort(rate))

    def twice(self) -> int:
        """Return how many orders came to the backend for a job that it had, or for none."""
        orders = [line.split()[1] for line in _lines(self.arrivals)]
        jobs = Attempt.objects.filter(pk__in=orders).values_list("job_id").distinct().count()
        return len(orders) - jobs

    def _effort(self, rate: float) -> Effort:
        """Return what a process does to keep its share of the pace; a slow one gets its time."""
        effort = self.asked.effort
        span = effort.seconds * effort.rounds
        calls = max(1, round(rate * span / PROCESSES))
        return replace(effort, seconds=span + _PATIENCE_SECONDS, calls=effort.calls or calls)

    def _sent(self, name: str, rate: float, make: Callable[[int], Send], effort: Effort) -> Errand:
        before = set(_arrivals(self.arrivals))
        commits = self.folder / f"{name.partition(':')[0]} {rate:g}"
        with Hands(_paced(make, rate / PROCESSES, commits), processes=PROCESSES) as hands:
            turn = hands.turn(effort)
        committed = {job: float(at) for at, job in map(str.split, _lines(commits))}
        _wait_for(partial(_arrivals, self.arrivals), len(before) + len(committed))
        came = {key: at for key, at in _arrivals(self.arrivals).items() if key not in before}
        attempts = Attempt.objects.filter(pk__in=came).values_list("pk", "job_id")
        waited = [came[key] - committed[job] for key, job in attempts if job in committed]
        # Nobody makes them: those who ask how far they are would only be in the next one's way.
        Attempt.objects.filter(pk__in=came).update(check_at=_real_now() + _LATER)
        sent = len(turn.latencies)
        return _errand(name, sent, sent / turn.seconds, waited)


def _bare(ours: Errand, file: Path) -> Errand:
    """Send as many bare tasks at the same pace."""
    line = _worker("billing.insights.bench.bare", _BARE_QUEUE)
    room = {"REDIS_URL": settings.REDIS_URL, "BENCH_FILE": str(file)}
    send = ["-m", "billing.insights.bench.bare"]
    with Program(line, **room):
        with Program([*send, "1000", str(_FEW)], **room):
            _wait_for(partial(_lines, file), _FEW)
        with Program([*send, str(ours.per_second), str(ours.sent)], **room) as sender:
            sender.wait(ours.sent / ours.per_second + _PATIENCE_SECONDS)
            _wait_for(partial(_lines, file), _FEW + ours.sent)
    waited = [float(told.split()[1]) for told in _lines(file)[_FEW:]]
    return _errand(_BARE, ours.sent, ours.per_second, waited)


def _errand(name: str, sent: int, per_second: float, waited: Sequence[float]) -> Errand:
    p50_ms, p99_ms = percentiles(waited)
    last_ms = max(waited, default=0.0) * 1000
    return Errand(name, sent, per_second, p50_ms, p99_ms, last_ms, sent - len(waited))


def _waiting(count: int) -> Sequence[str]:
    """Return so many jobs that wait for their instant; their first errands are done."""
    scene = Scene.fresh(_real_now())
    for _job in range(count):
        scene.now = _real_now()
        scene.submit(dispatch_at=scene.now + _LATER)
    first = Message.objects.filter(task=TaskName.DISPATCH_JOB, ring_at__isnull=False)
    before, since = first.count(), time.monotonic()
    while before:
        time.sleep(_LOOK_SECONDS)  # noqa: TID251 (a worker does them)
        left = first.count()
        if left < before:
            before, since = left, time.monotonic()
        elif time.monotonic() - since > _STUCK_SECONDS:
            raise RuntimeError(f"The worker does nothing any more; {left} errands are left.")
    return scene.open_jobs


def _post(job_id: str, *, is_nudged: bool) -> str:
    """Commit what has a worker hand the job over."""
    with transaction.atomic(durable=True):
        now = _real_now()
        Job.objects.filter(pk=job_id).update(dispatch_at=now)
        outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job_id)
        if not is_nudged:
            connection.run_on_commit.clear()  # as if this process died right after its commit
    return job_id


def _order(scene: Scene) -> str:
    scene.now = _real_now()
    assert scene.submit(), "it was priced"
    return scene.open_jobs.pop()


def _real_now() -> datetime:
    return timezone.now()  # noqa: TID251 (workers live in real time, and so does what they are sent)


def _paced(make: Callable[[int], Send], rate: float, commits: Path) -> MakeDeed:
    """Return deeds that send so often a second at most, each process in its turn.

    Args:
        commits: the file in which each job stands, and when its errand was committed.
    """

    def deed(number: int) -> Deed:
        send = make(number)
        due: list[float] = []

        def call() -> bool:
            now = time.perf_counter()
            instant = due.pop() if due else now + number / rate / PROCESSES
            time.sleep(max(0.0, instant - now))  # noqa: TID251 (the pace is what was asked for)
            due.append(max(instant, now - 1 / rate) + 1 / rate)
            job_id = send()
            with commits.open("a") as file:
                file.write(f"{time.time():.6f} {job_id}\n")
            return True

        return Deed(call)

    return deed


def _arrivals(file: Path) -> Mapping[str, float]:
    """Return when each order came first."""
    found: dict[str, float] = {}
    for line in _lines(file):
        at, key = line.split()
        found.setdefault(key, float(at))
    return found


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _wait_for(came: Callable[[], Sized], count: int) -> None:
    """Return once so many have come, or after a minute in which none came."""
    seen, until = 0, time.monotonic() + _PATIENCE_SECONDS
    while seen < count and time.monotonic() < until:
        now = len(came())
        if now > seen:
            seen, until = now, time.monotonic() + _PATIENCE_SECONDS
        time.sleep(_LOOK_SECONDS)  # noqa: TID251 (another process writes)
