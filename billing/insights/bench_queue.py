"""Measures finding who goes next among many who wait, beside one bare look into the index.

The queue is made by SQL in a transaction that is rolled back: its jobs have no wallets and no
holds, so nothing of it could ever be committed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from billing.gpu import registry
from billing.insights import audit, bench
from billing.insights.bench import Report, Scene, Step
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.jobs.services import queueing
from billing.ledger.services import Actor
from plans import selectors as plans

ACCOUNTS: Final = 1000
WHALE: Final = "bench-whale"
WEIGHT: Final = 4  # the whale's; the others' is 1
_COST: Final = 60_000_000
_ACTOR: Final = Actor("system", "bench")
_ORDER: Final = JobOrder(
    spec={"model": "kling-v1-6", "mode": "std", "seconds": 5}, inputs={"prompt": "a bench"}
)
_COPIES: Final = """
    INSERT INTO billing_job ({columns})
    SELECT {values} FROM billing_job CROSS JOIN generate_series(0, %(last)s) AS n
    WHERE id = %(job)s
"""
_LIMIT: Final = "limit: one look into the index"
# What differs between the jobs of the queue; the rest is as in the one that they are copies of.
_OWN: Final = {
    "id": "'job_bench' || lpad(n::text, 7, '0')",
    "hold_id": "'bench-hold-' || n",
    "wallet_id": "CASE WHEN n %% 2 = 0 THEN %(whale)s ELSE 'bench-' || (n / 2) %% %(accounts)s END",
    "turn": (
        "CASE WHEN n %% 2 = 0 THEN (n / 2 + 1)::bigint * %(cost)s / %(weight)s"
        " ELSE (n / 2 / %(accounts)s + 1)::bigint * %(cost)s END"
    ),
}


@contextmanager
def crowd(job: Job, *, jobs: int) -> Iterator[None]:
    """Let so many more jobs like `job` wait, until the block is left: then none of it was.

    Every second one is the whale's; the others are of a thousand accounts in turn.
    """
    fields = Job._meta.local_concrete_fields  # noqa: SLF001 (the only way to know them)
    columns = [field.column for field in fields if field.column is not None]
    values = ", ".join(_OWN.get(column, column) for column in columns)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                _COPIES.format(columns=", ".join(columns), values=values),
                {
                    "whale": WHALE,
                    "accounts": ACCOUNTS,
                    "cost": _COST,
                    "weight": WEIGHT,
                    "last": jobs - 1,
                    "job": job.pk,
                },
            )
        yield
        transaction.set_rollback(True)


@dataclass(slots=True)
class _Queue:
    """The calls that are measured while so many wait."""

    scene: Scene
    job: Job
    backend: str

    def look(self) -> None:
        """Look into the index, as whoever had to decide nothing."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM billing_job WHERE status = 'queued' AND lane = %s"
                " ORDER BY turn, id LIMIT 1",
                [self.job.lane],
            )
            cursor.fetchall()

    def pick(self) -> None:
        """Find who goes next."""
        next(queueing.waiting(self.backend, now=self.scene.now))

    def place(self) -> None:
        """Tell where a job stands, and about when its turn comes."""
        jobs.place_of(self.job, now=self.scene.now)

    def submit(self) -> None:
        """Order one more, and take that back."""
        point = transaction.savepoint()
        jobs.submit(account=self.scene.account, order=_ORDER, actor=_ACTOR, now=self.scene.now)
        transaction.savepoint_rollback(point)


def run(*, waiting: int, calls: int, now: datetime) -> Report:
    """Measure with so many jobs in the queue; leave a sandbox account behind.

    Args:
        waiting: how many jobs wait.
        calls: calls of each case in each round.
    """
    scene = Scene(account=bench.rich_account(now), now=now, catalog=plans.current().catalog)
    with transaction.atomic():
        job = jobs.submit(account=scene.account, order=_ORDER, actor=_ACTOR, now=now)
        queue = _Queue(scene, job, registry.serving(job.model, is_sandbox=True)[0])
        few: list[Step] = [("pick, few wait", queue.pick, None)]
        cases = bench.measured(few, scene, calls=calls)
        many: list[Step] = [
            (_LIMIT, queue.look, None),
            ("pick", queue.pick, _LIMIT),
            ("place and time", queue.place, _LIMIT),
            ("submit", queue.submit, None),
        ]
        with crowd(job, jobs=waiting):
            cases += bench.measured(many, scene, calls=calls)
        transaction.set_rollback(True)
    return Report(calls=calls, cases=cases, mismatches=sum(1 for _breach in audit.breaches()))
