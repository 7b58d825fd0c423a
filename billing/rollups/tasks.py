"""What Celery runs for the sums of days."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.rollups import services


@shared_task(name=TaskName.ROLL_UP.value, acks_late=False, ignore_result=True, typing=False)
def roll_up(**_future: object) -> None:
    """The dashboard's days are as old as `subjects.EVERY` says; a missed run only delays them."""
    services.roll_up_due(now=timezone.now())
