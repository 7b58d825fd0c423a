"""What workers do for alerts."""

from celery import shared_task
from django.utils import timezone

from billing.alerts import services
from billing.outbox.names import TaskName
from billing.outbox.tasks import errand


@errand(TaskName.SEND_ALERT)
def send(*, telling_id: str, **_future: object) -> None:
    """Make one attempt. A channel's failure is none of this: the next attempt is a row."""
    services.send(telling_id, now=timezone.now())


@shared_task(name=TaskName.EVALUATE_ALERTS.value, acks_late=False, ignore_result=True, typing=False)
def evaluate(**_future: object) -> None:
    """Measure each rule that is due. Lost or doubled, the next one makes good."""
    services.evaluate(now=timezone.now())


@shared_task(name=TaskName.SWEEP_ALERTS.value, acks_late=False, ignore_result=True, typing=False)
def sweep(**_future: object) -> None:
    """Find tellings that nobody rings for any more. Lost or doubled, the next one makes good."""
    services.sweep(now=timezone.now())
