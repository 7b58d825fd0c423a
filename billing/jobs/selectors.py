"""What there is to know of jobs. Nothing is written."""

from django.db.models import QuerySet

from billing.accounts.models import Account
from billing.http import problems
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Job


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


def position(queued: Job) -> int:
    """Return where a queued job stands among those for its model; 1 is next."""
    ahead = Job.objects.filter(
        status=JobStatus.QUEUED, model=queued.model, created_at__lt=queued.created_at
    )
    return ahead.count() + 1
