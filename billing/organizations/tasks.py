"""What Celery runs for organizations."""

from celery import shared_task

from billing.organizations import services
from billing.outbox.names import TaskName


@shared_task(
    name=TaskName.COLLECT_ALLOTMENTS.value, acks_late=False, ignore_result=True, typing=False
)
def collect_allotments(**_future: object) -> None:
    """Bring back what has come due of allotments. A missed run only delays."""
    services.collect_due()
