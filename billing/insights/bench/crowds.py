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
from billing.insights.bench.figures import Effort, Report, reported
from billing.insights.bench.hands import Deed
from billing.insights.bench.scene import ACTOR, ORDER, Scene, Step, measured
from billing.jobs import services as jobs
from billing.jobs.models import Job
from billing.jobs.services import queueing

ACCOUNTS: Final = 1000
WHALE: Final = "bench-whale"
WEIGHT: Final = 4  # the whale's; the others' is 1
_COST: Final = 60_000_000
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

    def look(self) -> bool:
        """Look into the index, as whoever had to decide nothing."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM billing_job WHERE status = 'queued' AND lane = %s"
                " ORDER BY turn, id LIMIT 1",
                [self.job.lane],
            )
            return len(cursor.fetchall()) == 1

    def pick(self) -> bool:
        """Find who goes next."""
        return next(queueing.waiting(self.backend, now=self.scene.now)).status == "queued"

    def place(self) -> bool:
        """Tell where a job stands, and about when its turn comes."""
        return jobs.place_of(self.job, now=self.scene.now) is not None

    def submit(self) -> bool:
        """Order one more, and take that back."""
        point = transaction.savepoint()
        made = jobs.submit(account=self.scene.account, order=ORDER, actor=ACTOR, now=self.scene.now)
        transaction.savepoint_rollback(point)
        return made.status == "queued"


def run(*, waiting: int, effort: Effort, now: datetime) -> Report:
    """Measure with so many jobs in the queue; leave a sandbox account behind.

    Args:
        waiting: how many jobs wait.
    """
    scene = Scene.fresh(now)
    with transaction.atomic():
        job = jobs.submit(account=scene.account, order=ORDER, actor=ACTOR, now=now)
        queue = _Queue(scene, job, registry.serving(job.model, is_sandbox=True)[0])
        few: list[Step] = [("pick, few wait", Deed(queue.pick), None)]
        cases = measured(few, effort)
        many: list[Step] = [
            (_LIMIT, Deed(queue.look), None),
            ("pick", Deed(queue.pick), _LIMIT),
            ("place and time", Deed(queue.place), _LIMIT),
            ("submit", Deed(queue.submit), None),
        ]
        with crowd(job, jobs=waiting):
            cases += measured(many, effort)
        transaction.set_rollback(True)
    return reported(cases, f"{waiting:,} jobs wait.")
