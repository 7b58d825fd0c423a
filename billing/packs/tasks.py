"""What Celery runs for packs."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.packs import services


@shared_task(name=TaskName.ACTIVATE_PACKS.value, acks_late=False, ignore_result=True, typing=False)
def activate_packs(**_future: object) -> None:
    """Begin the packs that nobody began in time; a missed run only delays what it writes."""
    services.activate_due(now=timezone.now())
