"""Publishes what happens to a job, in the transaction in which it happens."""

from datetime import datetime

from billing.jobs.models import Job
from billing.webhooks import services as webhooks
from plans.asking import Given, Prepared
from plans.credits import format_micros


def tell(job: Job, event: str, *, now: datetime) -> None:
    """Publish `event` about `job` with its status and its credits as they now stand.

    Args:
        now: the real instant; a sandbox's event carries that of its wallet's clock.
    """
    webhooks.publish(
        account=job.account,
        type=event,
        data={
            "job": job.pk,
            "status": str(job.status),
            "model": job.model,
            "credits": {
                "quoted": format_micros(job.quoted_micros),
                "captured": format_micros((job.charged_micros or 0) - job.owed_micros),
                "owed": format_micros(job.owed_micros),
            },
            "error_class": job.failure_class or None,
            "member": job.member and job.member.account.external_id,
            "metadata": job.metadata,
        },
        now=_by_its_clock(job, now) if job.account.is_sandbox else now,
    )


def _by_its_clock(job: Job, now: datetime) -> datetime:
    [(offset,)] = _clock_offset(job=job.pk, wallet=job.wallet_id)
    at: datetime = now + offset
    return at


_clock_offset = Prepared(
    lambda: Job.objects.filter(pk=Given("job"), wallet=Given("wallet")).values_list(
        "wallet__clock_offset"
    )
)
