"""What Celery runs for subscriptions."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.subscriptions import services


@shared_task(
    name=TaskName.SWEEP_SUBSCRIPTIONS.value, acks_late=False, ignore_result=True, typing=False
)
def sweep_subscriptions(**_future: object) -> None:
    """End, move and convert what the catalog says by now. A missed run only delays."""
    services.sweep(now=timezone.now())
