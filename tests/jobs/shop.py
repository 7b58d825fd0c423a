"""A small platform of two models, and its people: what a story needs of it is put in by words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from billing.accounts.models import Account
from billing.insights import audit
from billing.jobs import services as jobs
from billing.jobs.models import Attempt, Job, Quote
from billing.jobs.orders import JobOrder
from billing.jobs.services import ending
from billing.jobs.services.ending import StoredOutput
from billing.jobs.services.ordering import Told
from billing.ledger.models import Entry, Hold
from billing.ledger.services import Actor
from billing.outbox.models import Message
from billing.webhooks.models import Event
from plans.catalog import publish

USER = Actor("user", "ada")
BACKEND = Actor("backend", "away")
_numbers = count()

HEAD = """
schema = 1
slug = "shop"
title = { en = "Shop", zh = "店" }
zone = "Asia/Shanghai"
burn_order = ["scope", "expires_at", "effective_at"]
"""
CREDIT = """
[credit]
name = { en = "credits", zh = "点" }
decimals = 2
rounding = "up"
"""
FREE = """
[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
  [plan.entitlements]
  concurrency = 100
"""
MODEL = """
[[model]]
code = "m"
name = { en = "M", zh = "M" }
  [model.dimensions]
  mode = { values = ["std", "pro"], default = "std" }
  resolution = { values = ["720p", "1080p"], default = "720p" }
  seconds = { min = 1, max = 30, default = 5 }
  tokens = { min = 0, max = 1000000, optional = true }
  draft = { values = [false, true], default = false }
  count = { min = 1, max = 4, default = 1 }
  lane = { values = ["standard", "relaxed", "night"], default = "standard" }
  [[model.task]]
  code = "text_to_video"
  [[model.task]]
  code = "final"
  requires = ["parent"]
  parent = { match = { draft = true }, within = "P14D", inherit = ["model", "seconds", "mode"] }
"""
RATE = """
[[rate]]
id = "second"
form = "per_unit"
basis = "seconds"
price = "2"
"""


def open_shop(
    *parts: str,
    head: str = "",
    credit: str = CREDIT,
    plans: str = FREE,
    models: str = MODEL,
    rates: str = RATE,
) -> None:
    """Put a catalog of these parts in force."""
    text = "\n".join((HEAD, head, credit, plans, models, rates, *parts))
    publish.publish(text, now=datetime.now(UTC))


def order_of(spec: Mapping[str, Any], **more: Any) -> JobOrder:  # noqa: ANN401 (fields of an order)
    """Return an order of the model `m`, with `spec` over it."""
    return JobOrder(spec={"model": "m", **spec}, inputs={"prompt": "a kite"}, **more)


def submit(account: Account, order: JobOrder | None = None, /, **spec: Any) -> Job:  # noqa: ANN401 (dimensions)
    """Place an order, as the edge does."""
    with transaction.atomic():
        return jobs.submit(
            account=account, order=order or order_of(spec), actor=USER, now=datetime.now(UTC)
        )


def quote(account: Account, order: JobOrder | None = None, /, **spec: Any) -> Told:  # noqa: ANN401 (dimensions)
    """Ask for a price, as the edge does."""
    return jobs.quote(account=account, order=order or order_of(spec))


def reasons(told: Told) -> list[str]:
    """Return the codes of all that stands in the way."""
    return [barrier.code for barrier in told.assessment.barriers]


def finish(
    job: Job,
    *,
    made: int | None = None,
    usage: Mapping[str, object] | None = None,
    plays: timedelta = timedelta(minutes=1),
) -> Job:
    """Have the backend report `made` outputs of the job; all that were ordered, if none is said.

    Args:
        plays: how long each of them is; by default longer than any that is ordered.
    """
    _send(job)
    made = job.outputs_ordered if made is None else made
    outputs = [_stored(job, place, plays=plays) for place in range(made)]
    with transaction.atomic():
        locked, attempt = ending.lock_attempt(job.attempts.get().pk)
        ending.end_attempt(attempt, outcome="succeeded", now=datetime.now(UTC))
        ending.succeed(locked, outputs, actor=BACKEND, now=datetime.now(UTC), usage=usage)
    return _checked(job)


def fail(job: Job, failure_class: str = "backend_error", **more: Any) -> Job:  # noqa: ANN401 (arguments)
    """Have the backend report a failure of that class."""
    _send(job)
    with transaction.atomic():
        locked, attempt = ending.lock_attempt(job.attempts.get().pk)
        ending.end_attempt(attempt, outcome="failed", now=datetime.now(UTC))
        ending.fail_job(
            locked,
            failure_class=failure_class,
            detail="no",
            actor=BACKEND,
            now=datetime.now(UTC),
            **more,
        )
    return _checked(job)


@transaction.atomic
def backdate(jobs_: Iterable[Job], *, by: timedelta) -> None:
    """Let jobs have been ordered so long ago: the database lets nobody else say that."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    chosen = Job.objects.filter(pk__in=[job.pk for job in jobs_])
    chosen.update(created_at=F("created_at") - by)


def facts_of(account: Account) -> tuple[Sequence[object], ...]:
    """Return all that an order could have moved, to compare before and after a refusal."""
    return (
        list(Job.objects.order_by("pk").values_list("pk", "status")),
        list(Hold.objects.order_by("pk").values_list("pk", "state")),
        list(Entry.objects.filter(wallet__account=account).order_by("seq").values_list("digest")),
        list(Message.objects.values_list("pk")),
        list(Event.objects.values_list("pk")),
        list(Attempt.objects.values_list("pk")),
    )


def lines(job: Job) -> list[tuple[str, int]]:
    """Return what a job was charged for."""
    return [(line["label"], line["micros"]) for line in job.charge_lines]


def quotes() -> int:
    """Return how many quotes were told."""
    return Quote.objects.count()


def _send(job: Job) -> None:
    now = datetime.now(UTC)
    Attempt.objects.create(
        job=job, number=1, backend="away", lease_until=now, check_at=now, created_at=now
    )
    Job.objects.filter(pk=job.pk).update(status="dispatched")


def _stored(job: Job, place: int, *, plays: timedelta = timedelta(minutes=1)) -> StoredOutput:
    return StoredOutput(
        path=f"outputs/{job.pk}/{next(_numbers)}-{place}.mp4",
        mime="video/mp4",
        bytes=1,
        sha256="0" * 64,
        milliseconds=plays // timedelta(milliseconds=1),
        width=1280,
        height=720,
    )


def _checked(job: Job) -> Job:
    """Return the job as it stands, once every rule of the database and of the audit was asked."""
    connection.check_constraints()
    assert [str(breach) for breach in audit.breaches()] == []
    return Job.objects.select_related("hold", "account").get(pk=job.pk)
