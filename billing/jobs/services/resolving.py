"""A person decides about a job whose backend cannot, or will not, say what became of it.

Age alone is no verdict (ADR 16). When the deadline is over and nobody who can know has spoken,
an operator finds out elsewhere, at the vendor's console or on the telephone, and says it here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import structlog
from django.db import transaction

from billing.fleet.breaking import Sign
from billing.gpu import calls, registry
from billing.gpu.errors import UnknownBackend
from billing.gpu.protocol import BackendError, State, Status
from billing.jobs import selectors
from billing.jobs.errors import NotUnknown, NoVerdict, StillRunning, Unfounded
from billing.jobs.lifecycle import FailureClass, JobStatus
from billing.jobs.models import Attempt, Job
from billing.jobs.services import ending, hearing, queueing
from billing.jobs.services.dispatching import view_of
from billing.jobs.services.ending import IdOfAnother
from billing.ledger.services import Actor

_DETAIL_LENGTH_MAX: Final = 500
_log = structlog.get_logger(__name__)


class Verdict(StrEnum):
    """What a person has found out."""

    NEVER_RAN = "never_ran"  # the backend never had it
    LOST = "lost"  # it ran, and nothing is left of it
    SUCCEEDED = "succeeded"  # there is a video; where, or under which id, is said with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A person's word on one job.

    Attributes:
        provider_id: under which id the backend has it; it is asked by that.
        address: where its video is, as the adapter's own outputs are named.
        reason: how the person knows; operators read it, customers do not.
    """

    verdict: Verdict
    reason: str
    provider_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What there is to know before one decides.

    Attributes:
        answer: the backend's word now; "" when it gives none.
        back_micros: what would go back to the customer by NEVER_RAN or LOST.
    """

    job: Job
    attempt: Attempt
    answer: str
    back_micros: int


def look(*, job_id: str, provider_id: str = "", now: datetime) -> Outlook:
    """Ask the backend once more, and return what is known. Nothing moves.

    Raises:
        NotUnknown: the job waits for nobody.
    """
    attempt = _attempt_of(job_id, now)
    try:
        status = _ask(attempt, provider_id)
        answer = "" if status is None else " ".join(filter(None, (status.state, status.message)))
    except (BackendError, UnknownBackend) as refusal:
        answer = refusal.message
    return Outlook(
        job=attempt.job, attempt=attempt, answer=answer, back_micros=attempt.job.hold.amount_micros
    )


def resolve(*, job_id: str, finding: Finding, operator: str, now: datetime) -> Job:
    """End the job as a person has found out; a repeat is refused, for it has ended.

    NEVER_RAN and LOST give everything back. A success is stored first, as any other: its files
    are fetched as the adapter fetches, and without a usable one nothing moves; or the backend is
    asked by the id that the person names, and its answer counts.

    Raises:
        NotUnknown: the job waits for nobody. Unfounded: no reason, or neither id nor address of
            a success. StillRunning: the backend says that it works on it. NoVerdict: it has said
            nothing that ends the job, or the video cannot be used; it names the field that is
            wrong, and nothing is left of the try.
    """
    attempt = _attempt_of(job_id, now)
    if not finding.reason.strip():
        raise Unfounded("reason")
    if finding.verdict == Verdict.SUCCEEDED:
        _take(attempt, finding, operator, now)
    else:
        _give_back(attempt.pk, finding, operator, now)
    _write_down(attempt.pk, finding, operator)
    return Job.objects.select_related("account", "hold").get(pk=job_id)


def _attempt_of(job_id: str, now: datetime) -> Attempt:
    """Return the live attempt of a job that waits for a person.

    Raises:
        NotUnknown: it does not.
    """
    if not selectors.awaiting_a_person(now=now).filter(pk=job_id).exists():
        raise NotUnknown
    live = Attempt.objects.select_related("job__parent", "job__hold", "job__account")
    found = live.filter(job_id=job_id).exclude(state=Attempt.State.ENDED).first()
    if found is None:
        raise NotUnknown
    return found


def _take(attempt: Attempt, finding: Finding, operator: str, now: datetime) -> None:
    """Settle a success by the files at an address, or by what the backend says of an id."""
    if not (finding.address or finding.provider_id):
        raise Unfounded("provider_id")
    field = "address" if finding.address else "provider_id"
    try:
        if finding.address:
            _take_files(attempt, finding.address, operator, now)
        else:
            _take_word(attempt, finding.provider_id, now)
    except (BackendError, UnknownBackend) as refusal:
        raise NoVerdict(refusal.message, field=field) from None


def _take_files(attempt: Attempt, address: str, operator: str, now: datetime) -> None:
    status = Status(state=State.SUCCEEDED, outputs=(address,))
    actor = Actor("operator", operator)
    flaw = hearing.take_success(attempt.pk, status, actor=actor, now=now)
    if flaw:
        raise NoVerdict(flaw, field="address")


def _take_word(attempt: Attempt, provider_id: str, now: datetime) -> None:
    if ending.is_of_another(attempt, provider_id):
        raise NoVerdict("The id is another attempt's.", field="provider_id")
    answer = _ask(attempt, provider_id)
    if answer is None or answer.state == State.ABSENT:
        said = "" if answer is None else answer.message
        raise NoVerdict(said, field="provider_id")
    named = replace(answer, provider_id=answer.provider_id or provider_id)
    try:
        _name(attempt.pk, named)
    except IdOfAnother:
        raise NoVerdict("The id is another attempt's.", field="provider_id") from None
    if not hearing.apply_status(attempt.pk, named, now=now):
        raise NoVerdict("Its outputs are being copied at this moment.", field="provider_id")
    if answer.state in (State.QUEUED, State.RUNNING):
        raise StillRunning


@transaction.atomic(durable=True)
def _name(attempt_id: str, status: Status) -> None:
    """From now on the attempt is asked about by the id that a person has named.

    Raises:
        IdOfAnother: the backend has given it to another attempt.
    """
    _job, attempt = ending.lock_attempt(attempt_id)
    ending.note_id(attempt, status.provider_id, {**attempt.context, **status.context})


def _ask(attempt: Attempt, provider_id: str) -> Status | None:
    """Return what the backend says under the id, or else under ours; None: it cannot tell.

    Raises:
        BackendError: no usable answer. UnknownBackend: it is not configured any more.
    """
    backend, view = registry.backend_for(attempt.backend), view_of(attempt)
    view = replace(view, provider_id=provider_id or view.provider_id)
    if backend.caps.poll and view.provider_id:
        with calls.counted(attempt.backend, "poll"):
            return backend.poll(view)
    if not (backend.caps.find or backend.caps.list):
        return None
    with calls.counted(attempt.backend, "find"):
        return backend.find(view)


@transaction.atomic(durable=True)
def _give_back(attempt_id: str, finding: Finding, operator: str, now: datetime) -> None:
    job, attempt = ending.lock_attempt(attempt_id)
    if job.status != JobStatus.UNKNOWN or attempt.state == Attempt.State.ENDED:
        raise NotUnknown  # its word has come after all, while the person decided
    ending.end_attempt(attempt, outcome=finding.verdict.value, now=now)
    ending.fail_job(
        job,
        failure_class=FailureClass.BACKEND_ERROR,
        detail="The backend lost it; nothing came of it.",
        actor=Actor("operator", operator),
        now=now,
        charged=False,
    )
    ending.show(job, attempt, Sign.NOTHING, now=now)
    queueing.ring_next(attempt.backend, now=now)


def _write_down(attempt_id: str, finding: Finding, operator: str) -> None:
    """Keep who has decided and why, where operators read of the attempt."""
    said = f"{finding.verdict}, says {operator}: {finding.reason.strip()}"
    Attempt.objects.filter(pk=attempt_id).update(detail=said[:_DETAIL_LENGTH_MAX])
    _log.warning("job_resolved", attempt_id=attempt_id, verdict=finding.verdict.value, by=operator)
