"""What Celery runs for the pricing lab."""

from django.utils import timezone

from billing.lab import services
from billing.outbox.names import TaskName
from billing.outbox.tasks import InHand, errand


@errand(TaskName.SIMULATE_DRAFT)
def simulate(*, simulation_id: str, **_future: object) -> None:
    """Put a draft beside the catalog in force; a run that dies is begun anew by the next."""
    if not services.simulate(simulation_id, clock=timezone.now):
        raise InHand


@errand(TaskName.ANNOUNCE_CATALOG)
def announce(*, asked_id: str, **_future: object) -> None:
    """A hundred accounts that are to be told; a run that dies is made good by the next."""
    services.announce(request_id=asked_id, now=timezone.now())
