"""Publishes what happens to a job, in the transaction in which it happens."""

from datetime import datetime

from billing.jobs.models import Job
from billing.webhooks import services as webhooks
from plans.credits import format_micros


def tell(job: Job, event: str, *, now: datetime) -> None:
    """Publish `event` about `job` with its status and its credits as they now stand."""
    webhooks.publish(
        account=job.account,
        type=event,
        data={
            "job": job.pk,
            "status": str(job.status),
            "model": job.model,
            "credits": {
                "quoted": format_micros(job.quoted_micros),
                "captured": format_micros(job.charged_micros or 0),
            },
            "error_class": job.failure_class or None,
            "metadata": job.metadata,
        },
        now=now,
    )
