"""What there is to know of jobs. Nothing is written."""

from dataclasses import dataclass

from django.db.models import QuerySet

from billing.accounts.models import Account
from billing.http import problems
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Job


@dataclass(frozen=True, slots=True)
class Place:
    """Where a queued job stands; position 1 is next."""

    lane: str
    position: int


def jobs(account: Account) -> QuerySet[Job]:
    """Return the account's jobs with what a reply shows, the newest first."""
    return (
        Job.objects.filter(account=account)
        .select_related("hold")
        .prefetch_related("outputs")
        .order_by("-id")
    )


def job(account: Account, job_id: str) -> Job:
    """Return one job of the account.

    Raises:
        NotFound: absent, or another's.
    """
    found = jobs(account).filter(pk=job_id).first()
    if found is None:
        raise problems.absent()
    return found


def place(queued: Job) -> Place | None:
    """Return where a queued job stands among those for its model; None once it is handed over."""
    if queued.status != JobStatus.QUEUED:
        return None
    ahead = Job.objects.filter(
        status=JobStatus.QUEUED, model=queued.model, created_at__lt=queued.created_at
    )
    return Place(lane=queued.dimensions.get("lane", "standard"), position=ahead.count() + 1)
