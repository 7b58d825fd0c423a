"""What Celery runs for the ledger."""

from celery import shared_task

from billing.ledger import services
from billing.outbox.names import TaskName


@shared_task(name=TaskName.MAKE_PARTITIONS.value, acks_late=False, ignore_result=True, typing=False)
def make_partitions(**_future: object) -> None:
    """Have a place for the next months' entries; only months of missed runs would be felt."""
    services.make_partitions()
