"""Looks after top-ups for which nobody rang."""

from datetime import datetime
from typing import Final

from django.db import transaction

from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.topups import selectors
from billing.topups.models import TopUp

_BATCH: Final = 100


@transaction.atomic(durable=True)
def sweep(*, now: datetime) -> int:
    """Ring for who runs low, for what is in flight, and for what was paid; return how many."""
    low = selectors.running_low(now=now, limit=_BATCH)
    for account_id in low:
        outbox.post(TaskName.LOOK_AT_TOP_UP, now=now, account_id=account_id)
    late = set(selectors.to_go_on(now=now, limit=_BATCH))
    TopUp.objects.filter(pk__in=late, ring_at__isnull=False).update(ring_at=now + TopUp.PAUSE)
    for top_up_id in sorted({*late, *selectors.paid_meanwhile(now=now, limit=_BATCH)}):
        outbox.post(TaskName.PAY_TOP_UP, now=now, top_up_id=top_up_id)
    return len(low) + len(late)
