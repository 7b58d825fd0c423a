"""What comes due by itself: requests that nobody decided on, compensations that stalled."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.corrections.models import Adjustment, CampaignRun, Compensation
from billing.corrections.services.carrying import carry_out
from billing.corrections.services.giving import carry_out_run
from billing.sweeps import Sweep, fairly

_BATCH: Final = 100
# The outbox carries out what was approved; what is not done by then has lost its message.
_OVERDUE: Final = timedelta(minutes=10)


def sweep(*, now: datetime) -> int:
    """Requests whose time is over have expired, and what was left half-way goes on.

    Return with how many requests and accounts it dealt; 0: nothing was due.
    """
    number, run = _expire(now), Sweep("sweep_stumbled")
    stalled = Compensation.objects.filter(state="approved", decided_at__lte=now - _OVERDUE)
    for compensation in fairly(stalled.order_by("pk"), limit=_BATCH):
        with run.row(compensation_id=compensation.pk):
            number += carry_out(compensation_id=compensation.pk, now=now)
    runs = CampaignRun.objects.filter(state="approved", decided_at__lte=now - _OVERDUE)
    for campaign in fairly(runs.order_by("pk"), limit=_BATCH):
        with run.row(run_id=campaign.pk):
            number += carry_out_run(run_id=campaign.pk, now=now)
    return number


@transaction.atomic(durable=True)
def _expire(now: datetime) -> int:
    """Close the requests whose time is over; whoever decides at this moment comes first."""
    over = {"state": "requested", "expires_at__lte": now}
    adjustments = Adjustment.objects.select_for_update(of=("self",), skip_locked=True)
    compensations = Compensation.objects.select_for_update(of=("self",), skip_locked=True)
    runs = CampaignRun.objects.select_for_update(of=("self",), skip_locked=True)
    due: list[Adjustment | Compensation | CampaignRun] = [
        *adjustments.filter(**over).order_by("expires_at")[:_BATCH],
        *compensations.filter(**over).order_by("expires_at")[:_BATCH],
        *runs.filter(**over).order_by("expires_at")[:_BATCH],
    ]
    for request in due:
        request.state, request.decided_at = "expired", now
        request.save(update_fields=["state", "decided_at"])
    return len(due)
