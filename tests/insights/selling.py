"""A shop whose jobs succeed at once, by a catalog that says what credits are worth."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import transaction

from billing.accounts.models import Account
from billing.gpu.protocol import Output, State, Status
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job
from billing.jobs.orders import JobOrder
from billing.jobs.services import hearing
from billing.ledger import services as ledger
from plans.catalog import publish
from plans.catalog.schema import Catalog
from tests import factories

USER = ledger.Actor("user", "ada")
WORTH = ("decimals = 2\n", 'decimals = 2\nworth = { amount = "0.1", currency = "CNY" }\n')
DEARER = ('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "12", 10 = "20" }')
CHEAPER = ('table = { 5 = "10", 10 = "20" }', 'table = { 5 = "10", 10 = "15" }')
COST = """
[cost]
currency = "CNY"
[[cost.rate]]
id = "gpu"
match = { model = "kling-v1-6" }
form = "per_unit"
basis = "seconds"
price = "0.05"
"""


def catalog(*changes: tuple[str, str], more: str = "") -> str:
    text = factories.KLING.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text + more


def read(text: str) -> Catalog:
    return publish.read(text).catalog


def film(*_args: object) -> Iterator[Output]:
    yield Output(
        file=io.BytesIO(b"film"), mime="video/mp4", bytes=4, milliseconds=60_000, width=16, height=9
    )


def sell(
    account: Account, *, usage: dict[str, float] | None = None, **spec: str | int | bool
) -> Job:
    """Sell a job and let it succeed."""
    job, attempt = order(account, **spec)
    word = Status(
        state=State.SUCCEEDED, outputs=("data:video/mp4;base64,ZmlsbQ==",), usage=usage or {}
    )
    hearing.apply_status(attempt.pk, word, now=datetime.now(UTC))
    job.refresh_from_db()
    assert job.status == "succeeded"
    return job


def order(account: Account, **spec: str | int | bool) -> tuple[Job, Attempt]:
    """Sell a job that a backend works on now."""
    ordered = JobOrder(
        spec={"model": "kling-v1-6", "mode": "std", "seconds": 5, **spec},
        inputs={"prompt": "a film"},
    )
    now = datetime.now(UTC)
    with transaction.atomic():
        job = jobs.submit(account=account, order=ordered, actor=USER, now=now)
    attempt = Attempt.objects.create(
        job=job,
        number=1,
        backend="away",
        lease_until=now,
        check_at=now,
        created_at=now,
        state="accepted",
        accepted_at=now,
    )
    Job.objects.filter(pk=job.pk).update(status="running", started_at=now)
    return job, attempt
