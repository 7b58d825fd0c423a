"""What comes due by itself: requests that nobody decided on, compensations that stalled."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.corrections.models import Adjustment, Compensation
from billing.corrections.services.carrying import carry_out
from billing.sweeps import Sweep

_BATCH: Final = 100
# The outbox carries out what was approved; what is not done by then has lost its message.
_OVERDUE: Final = timedelta(minutes=10)


def sweep(*, now: datetime) -> int:
    """Requests whose time is over have expired, and what was left half-way goes on.

    Return with how many requests and accounts it dealt; 0: nothing was due.
    """
    number, run = _expire(now), Sweep("sweep_stumbled")
    stalled = Compensation.objects.filter(state="approved", decided_at__lte=now - _OVERDUE)
    for compensation_id in list(stalled.order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        with run.row(compensation_id=compensation_id):
            number += carry_out(compensation_id=compensation_id, now=now)
    return number


@transaction.atomic(durable=True)
def _expire(now: datetime) -> int:
    """Close the requests whose time is over; whoever decides at this moment comes first."""
    over = {"state": "requested", "expires_at__lte": now}
    adjustments = Adjustment.objects.select_for_update(of=("self",), skip_locked=True)
    compensations = Compensation.objects.select_for_update(of=("self",), skip_locked=True)
    due: list[Adjustment | Compensation] = [
        *adjustments.filter(**over).order_by("expires_at")[:_BATCH],
        *compensations.filter(**over).order_by("expires_at")[:_BATCH],
    ]
    for request in due:
        request.state, request.decided_at = "expired", now
        request.save(update_fields=["state", "decided_at"])
    return len(due)
