"""The net under deliveries; what a test clock brings nearer; what is old enough to be forgotten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.transactions import require_transaction
from billing.webhooks import gateway, store
from billing.webhooks.models import Delivery, DeliveryAttempt, Event
from billing.webhooks.services import turning

# The outbox rings long before: later than this, its message must have died.
_OVERDUE: Final = timedelta(minutes=10)
# Who stands in a line is called by whom he waits for; this only helps should that have failed.
_FORGOTTEN: Final = timedelta(hours=1)
_SWEEP_BATCH: Final = 100
_FORGOTTEN_BATCH: Final = 10
_PRUNE_BATCH: Final = 500


@transaction.atomic(durable=True)
def sweep(*, now: datetime) -> int:
    """Ring again for deliveries that are long overdue: their message died. Return how many.

    And for who may pass the narrow gate, should the one before him have died in it.
    """
    waiting = Delivery.objects.select_for_update(skip_locked=True).order_by("next_at")
    in_line = Delivery.Waits.LINE
    overdue = [
        *waiting.filter(next_at__lte=now - _OVERDUE).exclude(waits_for=in_line)[:_SWEEP_BATCH],
        *waiting.filter(next_at__lte=now - _FORGOTTEN, waits_for=in_line)[:_FORGOTTEN_BATCH],
    ]
    for delivery in overdue:
        delivery.next_at, delivery.leased_until = now, None
        turning.ring(delivery.pk, now=now)
    Delivery.objects.bulk_update(overdue, ["next_at", "leased_until"])
    turning.let_slow_go(now=now)
    return len(overdue)


def pass_time(*, account_ids: Sequence[str], by: timedelta, now: datetime) -> int:
    """What is to be tried again for these sandbox accounts comes so much nearer; return how many.

    What has come due is tried now, once. Live accounts are left alone, whoever asks.

    Args:
        by: how far their clock has moved.
        now: the real instant.
    """
    require_transaction("webhooks.pass_time")
    waiting = list(store.to_try_again(account_ids))
    for delivery in waiting:
        assert delivery.next_at is not None
        delivery.next_at -= by
        if delivery.next_at <= now:
            turning.ring(delivery.pk, now=now)
    Delivery.objects.bulk_update(waiting, ["next_at"])
    return len(waiting)


@transaction.atomic(durable=True)
def prune(*, now: datetime) -> int:
    """Forget some of the events that are older than is kept, with all that was sent of them.

    Small, so that nobody waits for it. What is still on its way keeps its event. Return how many.
    """
    before = now - gateway.kept_for()
    old = Event.objects.filter(created_at__lt=before).exclude(deliveries__next_at__isnull=False)
    events = list(old.order_by("created_at").values_list("pk", flat=True)[:_PRUNE_BATCH])
    sent = Delivery.objects.select_for_update(skip_locked=True).filter(event__in=events)
    closed = [delivery.pk for delivery in sent.filter(next_at=None)]
    DeliveryAttempt.objects.filter(delivery__in=closed).delete()
    Delivery.objects.filter(pk__in=closed).delete()
    gone, _by_model = Event.objects.filter(pk__in=events, deliveries=None).delete()
    return gone
