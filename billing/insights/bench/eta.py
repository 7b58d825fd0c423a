"""Compares what waiting jobs were told with when their turn came, in accelerated time.

Orders go through the real services, and so do their starts and ends; only the backends are
simulated: each job takes as long as a draw says. All of it is rolled back.
"""

import heapq
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.accounts.services import ensure_account
from billing.gpu import registry
from billing.ids import new_id
from billing.insights.bench.figures import Report
from billing.insights.bench.scene import ACTOR, CAUSE, ORDER
from billing.jobs import services as jobs
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Attempt
from billing.jobs.services import ending, queueing
from billing.jobs.services.ending import StoredOutput
from billing.ledger import services as ledger
from billing.ledger.services import GrantTerms
from plans import selectors as plans
from plans.credits import MICROS

_KNOWN: Final = 50  # jobs that are made first, so that a usual duration is known
_AT_ONCE: Final = 3  # orders of an account, one right after the other: they take turns with others
_SHORTEST, _LONGEST, _USUAL = 40.0, 120.0, 60.0  # seconds that a job takes
_LOAD: Final = 1.3  # so much more is ordered than can be made
_FLOOR: Final = 10.0  # a wait that is shorter counts as so many seconds, to compare with
_NINTH: Final = 8  # of the nine cuts into tenths


@dataclass(frozen=True, slots=True)
class Told:
    """What became of the times that were told.

    Attributes:
        orders: how many were placed, once the usual duration was known.
        told: how many of them were told a time.
        median_seconds, p90_seconds: how far off it was, sooner or later.
        median_percent, p90_percent: the same as a share of the real wait.
        later_percent: how many had to wait longer than they were told.
    """

    orders: int
    told: int
    median_seconds: float
    p90_seconds: float
    median_percent: float
    p90_percent: float
    later_percent: float


@dataclass(slots=True)
class _Simulation:
    """Backends that work as long as a draw says, and an instant that leaps to what is next."""

    backends: Sequence[str]
    draws: random.Random
    now: datetime
    asked: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)
    started: dict[str, datetime] = field(default_factory=dict)
    _ends: list[tuple[datetime, str]] = field(default_factory=list)

    def order(self, account: Account, at: datetime) -> None:
        """Let the account order at that instant, and be told when its turn comes."""
        self._until(at)
        job = jobs.submit(account=account, order=ORDER, actor=ACTOR, now=at)
        self.asked[job.pk] = (at, jobs.place_of(job, now=at).eta)
        self._fill()

    def finish(self) -> None:
        """Let all that waits be made."""
        while self._ends:
            self._until(self._ends[0][0])

    def _until(self, at: datetime) -> None:
        while self._ends and self._ends[0][0] <= at:
            self.now, attempt_id = heapq.heappop(self._ends)
            self._end(attempt_id)
            self._fill()
        self.now = at

    def _fill(self) -> None:
        for backend in self.backends:
            while queueing.free_slots(backend) > 0 and self._start(backend):
                pass

    def _start(self, backend: str) -> bool:
        chosen = next(queueing.waiting(backend, now=self.now), None)
        if chosen is None:
            return False
        turn = queueing.turn_at(backend, chosen, now=self.now)
        assert turn is not None, "it is the first in turn"
        queueing.take(turn)
        job = ending.lock_job(chosen.pk)
        attempt = Attempt.objects.create(
            job=job,
            number=1,
            backend=backend,
            state=Attempt.State.ACCEPTED,
            lease_until=self.now,
            check_at=self.now,
            created_at=self.now,
        )
        ending.move(job, JobStatus.DISPATCHED)
        ending.start(job, now=self.now)
        self.started[job.pk] = self.now
        takes = timedelta(seconds=self.draws.triangular(_SHORTEST, _LONGEST, _USUAL))
        heapq.heappush(self._ends, (self.now + takes, attempt.pk))
        return True

    def _end(self, attempt_id: str) -> None:
        job, attempt = ending.lock_attempt(attempt_id)
        ending.end_attempt(attempt, outcome="succeeded", now=self.now)
        output = StoredOutput(
            path=f"bench/{job.pk}.mp4",
            mime="video/mp4",
            bytes=1,
            sha256="0" * 64,
            milliseconds=5000,
            width=1280,
            height=720,
        )
        ending.succeed(job, [output], actor=ACTOR, now=self.now)


def run(*, orders: int, seed: int, now: datetime) -> Told:
    """Simulate so many orders, drawn by `seed`; nothing of it stays.

    Args:
        now: where the simulated time begins.
    """
    with transaction.atomic():
        model = str(ORDER.spec["model"])
        backends = registry.serving(model, is_sandbox=True)
        slots = sum(registry.concurrency(backend) for backend in backends)
        draws = random.Random(seed)  # noqa: S311 (a simulation, which can be repeated)
        simulation = _Simulation(backends, draws, now)
        mean = (_SHORTEST + _LONGEST + _USUAL) / 3 / slots
        at = now
        accounts = _accounts(_KNOWN + orders, now=now)
        for number, account in enumerate(islice(accounts, _KNOWN + orders)):
            at += timedelta(
                seconds=draws.expovariate(1 / mean if number < _KNOWN else _LOAD / mean)
            )
            if number == _KNOWN:
                simulation.finish()
                at = max(at, simulation.now)
                simulation.asked.clear()
            simulation.order(account, at)
        simulation.finish()
        transaction.set_rollback(True)
    return _told(simulation)


def _accounts(orders: int, *, now: datetime) -> Iterable[Account]:
    """Yield who orders, one order after the other; each can pay for its few."""
    for _account in range(-(-orders // _AT_ONCE)):
        account = ensure_account(new_id("bench"), zone="UTC", is_sandbox=True, now=now)
        ledger.grant(
            ledger.lock_wallet(account, catalog=plans.current().catalog),
            GrantTerms(amount_micros=1000 * MICROS, source="bench", fact="bench"),
            cause=CAUSE,
            actor=ACTOR,
        )
        yield from [account] * _AT_ONCE


def _told(simulation: _Simulation) -> Told:
    off: list[tuple[float, float]] = []  # seconds too early, and the real wait
    for job_id, (asked_at, eta) in simulation.asked.items():
        if eta is not None:
            real = simulation.started[job_id]
            off.append(((real - eta).total_seconds(), (real - asked_at).total_seconds()))
    seconds = [abs(early) for early, _wait in off]
    percent = [100 * abs(early) / max(wait, _FLOOR) for early, wait in off]
    return Told(
        orders=len(simulation.asked),
        told=len(off),
        median_seconds=statistics.median(seconds),
        p90_seconds=statistics.quantiles(seconds, n=10)[_NINTH],
        median_percent=statistics.median(percent),
        p90_percent=statistics.quantiles(percent, n=10)[_NINTH],
        later_percent=100 * sum(early > 0 for early, _wait in off) / len(off),
    )


def report(told: Told) -> Report:
    """Return in a sentence what became of the times."""
    note = (
        f"{told.told} of {told.orders} orders were told when their turn comes. It was off by "
        f"{told.median_seconds:.0f} s in the median ({told.median_percent:.0f}% of the wait), "
        f"by {told.p90_seconds:.0f} s in nine of ten ({told.p90_percent:.0f}%); "
        f"{told.later_percent:.0f}% waited longer than told."
    )
    return Report(rows=[told], notes=[note])
