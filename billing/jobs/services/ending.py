"""The one finaliser: verdict, credits and event in one transaction, whoever comes first (T4).

Every function here is a step: it runs inside the caller's transaction, on a job whose row the
caller has locked. Lock order: job, then attempt, then wallet, then what is known of backends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import structlog
from django.db import IntegrityError

from billing.accounts.models import Account
from billing.fleet import services as fleet
from billing.fleet.breaking import Sign
from billing.gpu import registry
from billing.gpu.costs import Cost, cost_of
from billing.gpu.errors import UnknownBackend
from billing.gpu.protocol import Status
from billing.jobs.lifecycle import FINAL, NEVER_TAKEN, FailureClass, JobStatus, check_move
from billing.jobs.models import Attempt, Job, Output
from billing.jobs.names import JOBS_TOPIC
from billing.jobs.orders import without_texts
from billing.jobs.services import settling
from billing.jobs.services.telling import tell
from billing.ledger import selectors as ledger
from billing.ledger.journal import SYSTEM
from billing.ledger.services import Actor
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.telemetry import meters, tracing
from billing.transactions import require_transaction
from plans import asking, periods
from plans.asking import Answer, Given, PreparedRows, Question, by_key

_DETAIL_LENGTH_MAX = 500
_LOOSE_NO_LONGER: Final = "DELETE FROM billing_loosefile WHERE path = ANY(%(paths)s::text[])"
_log = structlog.get_logger(__name__)


class IdOfAnother(Exception):
    """A backend gave an attempt the id of another: its word is not this one's, and moves nothing.

    Whoever catches it does so outside the transaction, which is rolled back by it.
    """


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """A file that lies in our storage and belongs to no job yet."""

    path: str
    mime: str
    bytes: int
    sha256: str
    milliseconds: int
    width: int
    height: int


def lock_job(job_id: str) -> Job:
    """Lock the job and return it as it is now, with its account and its hold."""
    require_transaction("jobs.lock_job")
    job = asking.row(Job, job_id, locked=True)
    _bring(job, *asking.ask(*_beside(job)))
    return job


def lock_attempt(attempt_id: str) -> tuple[Job, Attempt]:
    """Lock the attempt's job, then the attempt; return both as they are now."""
    require_transaction("jobs.lock_attempt")
    found = _job_of(attempt=attempt_id)
    if not found:
        raise Attempt.DoesNotExist(attempt_id)
    [job] = found
    *beside, answer = asking.ask(*_beside(job), _attempt.question(key=attempt_id))
    [attempt] = _attempt.rows(answer)
    _bring(job, *beside)
    attempt.job = job
    return job, attempt


def _beside(job: Job) -> tuple[Question, Question]:
    return (
        _account.question(key=job.account_id),
        ledger.hold_by_key.question(wallet=job.wallet_id, key=job.hold_id),
    )


def _bring(job: Job, account: Answer, hold: Answer) -> None:
    [job.account], [job.hold] = _account.rows(account), ledger.hold_by_key.rows(hold)


_job_of = PreparedRows(
    lambda: Job.objects.select_for_update(of=("self",)).filter(attempts=Given("attempt"))
)
_account = by_key(Account)
_attempt = by_key(Attempt, locked=True)


def backend_actor(attempt: Attempt) -> Actor:
    """Return who moves credits when a backend's word does."""
    return Actor("backend", attempt.backend)


def move(job: Job, target: JobStatus, **columns: object) -> None:
    """Take the job to `target`; the only writer of its status.

    Raises:
        IllegalMove: the table does not allow it.
    """
    check_move(JobStatus(job.status), target)
    job.status = target
    for name, value in columns.items():
        setattr(job, name, value)
    asking.change(job, "status", *columns)
    outbox.hint(JOBS_TOPIC, job.pk)


def start(job: Job, *, now: datetime) -> None:
    """The backend works on it; a repeat changes nothing."""
    if job.status == JobStatus.RUNNING or job.status in FINAL:
        return
    move(job, JobStatus.RUNNING, started_at=job.started_at or now)
    tell(job, "job.started", now=now)


def remember(attempt: Attempt, status: Status) -> None:
    """Keep by what its backend knows the attempt, and how to ask; what was kept before stays.

    Raises:
        IdOfAnother: the backend has given the id to another attempt.
    """
    provider_id = attempt.provider_id or status.provider_id
    note_id(attempt, provider_id, {**status.context, **attempt.context})


def note_id(attempt: Attempt, provider_id: str, context: Mapping[str, str]) -> None:
    """From now on the backend is asked about the attempt by this id, and in this way.

    Raises:
        IdOfAnother: as `remember`. The database alone can tell it of two words at once.
    """
    if (provider_id, context) == (attempt.provider_id, attempt.context):
        return
    attempt.provider_id, attempt.context = provider_id, dict(context)
    try:
        asking.change(attempt, "provider_id", "context")
    except IntegrityError:
        report_strange_id(attempt)
        raise IdOfAnother from None


def is_of_another(attempt: Attempt, provider_id: str) -> bool:
    """Say whether the backend's id belongs to another attempt: its video is not this one's."""
    alike = Attempt.objects.filter(backend=attempt.backend, provider_id=provider_id)
    known = not provider_id or provider_id == attempt.provider_id
    return not known and alike.exclude(pk=attempt.pk).exists()


def report_strange_id(attempt: Attempt) -> None:
    """Tell operators that a backend has named an attempt by the id of another."""
    _log.error("id_of_another_attempt", attempt_id=attempt.pk, backend=attempt.backend)


def end_attempt(
    attempt: Attempt,
    *,
    outcome: str,
    now: datetime,
    detail: str = "",
    usage: Mapping[str, float] | None = None,
    is_charged: bool | None = None,
) -> None:
    """Close the attempt, and price what its backend spent on it. A repeat changes nothing.

    Args:
        usage: what the backend says that it spent, by unit; kept as it was reported.
        is_charged: whether the backend says that it charges for it; None: it does not say.
    """
    if attempt.state == Attempt.State.ENDED:
        return
    attempt.state = Attempt.State.ENDED
    attempt.outcome = outcome
    attempt.ended_at = now
    detail = without_texts(detail, attempt.job.inputs)
    attempt.detail = detail[:_DETAIL_LENGTH_MAX] or attempt.detail
    booked = _book(attempt, usage=usage or {}, is_charged=is_charged)
    asking.change(attempt, "state", "outcome", "ended_at", "detail", *booked)
    # Before the commit: one that is rolled back and made again is counted twice, which is seldom.
    seconds = (now - attempt.created_at).total_seconds()
    meters.attempt_ended(backend=attempt.backend, outcome=outcome, seconds=seconds)


def book_cost(
    attempt: Attempt, *, usage: Mapping[str, float], is_charged: bool | None, has_come: bool = False
) -> None:
    """Write down what an ended attempt spent and what that cost us, once it is known.

    Also of one that was given up and reports all the same: it costs us although nobody pays for
    it. What was booked stays, but for the nothing of one of which it was said that it never ran.

    Args:
        has_come: its video is there, whatever was said of it before.
    """
    booked = _book(attempt, usage=usage, is_charged=is_charged, has_come=has_come)
    if booked:
        asking.change(attempt, *booked)


def _book(
    attempt: Attempt, *, usage: Mapping[str, float], is_charged: bool | None, has_come: bool = False
) -> Sequence[str]:
    """Set what `book_cost` writes down, and return the names of these columns."""
    was_taken_for_nothing = has_come and attempt.outcome in NEVER_TAKEN
    if attempt.cost_micros is not None and not was_taken_for_nothing:
        return ()
    # PostgreSQL takes no NUL in a text, and a backend may name a unit as it likes.
    said = {name.replace("\x00", "")[:64]: str(amount) for name, amount in usage.items()}
    attempt.usage = said or attempt.usage
    cost = _cost(attempt, is_charged=is_charged, has_come=has_come)
    if cost is not None:
        attempt.cost_micros, attempt.cost_currency = cost.micros, cost.currency
        attempt.cost_lines = list(cost.lines)
    return "usage", "cost_micros", "cost_currency", "cost_lines"


def show(job: Job, attempt: Attempt, sign: Sign, *, now: datetime, reason: str = "") -> None:
    """Remember what the attempt has shown of its backend. The last lock of a commit."""
    fleet.note(
        attempt.backend,
        model=job.model,
        attempt_id=attempt.pk,
        sign=sign,
        reason=without_texts(reason, job.inputs),
        now=now,
    )


def succeed(
    job: Job,
    outputs: Sequence[StoredOutput],
    *,
    actor: Actor,
    now: datetime,
    usage: Mapping[str, object] | None = None,
) -> bool:
    """What came is stored: capture what it costs. A repeat changes nothing, and returns False.

    That is the quoted price, or that of what the backend used, where the catalog settles so; of
    fewer or shorter films than were ordered, what the catalog says of them. The rest goes back.

    After the credits have gone back, no credit moves any more: the late success is written
    down, and its files are the user's for free, as the catalog says.
    """
    if job.status == JobStatus.SUCCEEDED or job.late_success_at is not None:
        return False
    _keep(job, outputs, now)
    if job.status in FINAL:
        job.late_success_at = now
        job.save(update_fields=["late_success_at"])
        _log.warning("late_success", job_id=job.pk, status=job.status)
        return True
    films = [output.milliseconds for output in outputs]
    with tracing.span("settle", facts={"job_id": job.pk, "account_id": job.account_id}):
        charge = settling.success(job, films=films, usage=usage or {}, actor=actor)
    move(
        job,
        JobStatus.SUCCEEDED,
        started_at=job.started_at or now,
        finished_at=now,
        progress_percent=100,
        **charge,
    )
    tell(job, "job.succeeded", now=now)
    if job.account.is_followed:
        outbox.post(TaskName.LOOK_AT_REFERRAL, now=now, account_id=job.account_id)
    return True


def fail_job(
    job: Job,
    *,
    failure_class: str,
    detail: str,
    actor: Actor,
    now: datetime,
    target: JobStatus = JobStatus.FAILED,
    charged: bool = True,
    usage: Mapping[str, object] | None = None,
) -> None:
    """End the job without success; credits and counted units by the catalog's failure policy.

    A job that has ended already stays as it is, and nothing moves.

    Args:
        failure_class: one of `FailureClass`.
        charged: False gives everything back whatever the policy says (an operator's goodwill).
        usage: what the backend says that it used until then; None: none had the job.
    """
    if job.status in FINAL:
        return
    with tracing.span("settle", facts={"job_id": job.pk, "account_id": job.account_id}):
        charge = settling.failure(job, failure_class, charged=charged, usage=usage, actor=actor)
    move(
        job,
        target,
        finished_at=now,
        failure_class=FailureClass(failure_class).value,
        failure_detail=without_texts(detail, job.inputs)[:_DETAIL_LENGTH_MAX],
        **charge,
    )
    tell(job, "job.canceled" if target == JobStatus.CANCELED else "job.failed", now=now)


def cancel_queued(job: Job, *, actor: Actor = SYSTEM, now: datetime) -> None:
    """End a job that no backend has: the customer's wish is enough."""
    fail_job(
        job,
        failure_class=FailureClass.CANCELED_QUEUED,
        detail="",
        actor=actor,
        now=now,
        target=JobStatus.CANCELED,
    )


def _cost(attempt: Attempt, *, is_charged: bool | None, has_come: bool) -> Cost | None:
    """Return what the attempt cost; one that the backend never took is charged by nobody."""
    try:
        rows = registry.costs(attempt.backend)
    except UnknownBackend:
        return None
    never_taken = not has_come and attempt.accepted_at is None and attempt.outcome in NEVER_TAKEN
    return cost_of(
        rows,
        model=attempt.job.model,
        usage=attempt.usage,
        is_charged=False if never_taken else is_charged,
    )


def _keep(job: Job, outputs: Sequence[StoredOutput], now: datetime) -> None:
    """Give the files to the job: they are loose no longer, and it is known when they go."""
    expires_at = periods.add_period(now, job.keep_outputs) if job.keep_outputs else None
    kept = [
        Output(
            job=job,
            position=position,
            path=stored.path,
            mime=stored.mime,
            seconds=Decimal(stored.milliseconds) / 1000,
            width=stored.width,
            height=stored.height,
            bytes=stored.bytes,
            sha256=stored.sha256,
            created_at=now,
            expires_at=expires_at,
        )
        for position, stored in enumerate(outputs)
    ]
    asking.create(*kept)
    asking.tell((_LOOSE_NO_LONGER, {"paths": [output.path for output in kept]}))
    for output in kept:
        outbox.post(TaskName.MAKE_THUMBNAIL, now=now, output_id=output.pk)
