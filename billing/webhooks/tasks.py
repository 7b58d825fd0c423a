"""What workers do for webhooks."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.outbox.tasks import errand
from billing.webhooks import services


@errand(TaskName.DELIVER_WEBHOOK)
def deliver(*, delivery_id: str, **_future: object) -> None:
    """Make one attempt. A receiver's failure is no failure of this: the next attempt is a row."""
    services.deliver(delivery_id, now=timezone.now())


@shared_task(name=TaskName.SWEEP_WEBHOOKS.value, acks_late=False, ignore_result=True, typing=False)
def sweep(**_future: object) -> None:
    """Find deliveries that nobody rings for any more. Lost or doubled, the next one makes good."""
    services.sweep(now=timezone.now())


@shared_task(name=TaskName.PRUNE_WEBHOOKS.value, acks_late=False, ignore_result=True, typing=False)
def prune(**_future: object) -> None:
    """Forget events that are older than is kept. Lost or doubled, the next one makes good."""
    services.prune(now=timezone.now())
