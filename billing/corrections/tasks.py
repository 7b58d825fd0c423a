"""What Celery runs for corrections."""

from datetime import datetime

from celery import shared_task
from django.utils import timezone

from billing.corrections import services
from billing.outbox.names import TaskName
from billing.outbox.tasks import errand


@errand(TaskName.CARRY_OUT_COMPENSATION)
def carry_out(*, compensation_id: str, **_future: object) -> None:
    """A hundred accounts of a compensation; a run that dies is made good by the next."""
    services.carry_out(compensation_id=compensation_id, now=timezone.now())


@errand(TaskName.CARRY_OUT_CAMPAIGN_RUN)
def carry_out_run(*, run_id: str, **_future: object) -> None:
    """A hundred accounts of a campaign's run; a run that dies is made good by the next."""
    services.carry_out_run(run_id=run_id, now=timezone.now())


@errand(TaskName.TELL_DEBT)
def tell_debt(*, debt_id: str, **_future: object) -> None:
    """The account's endpoints hear of a debt; a repeat tells nothing new."""
    services.tell_debt(debt_id=debt_id, now=timezone.now())


@errand(TaskName.TELL_HALT)
def tell_halt(*, account_id: str, halted_at: str, **_future: object) -> None:
    """Operators and the platform hear of a halt; a repeat tells nothing new."""
    services.tell_halt(
        account_id=account_id, halted_at=datetime.fromisoformat(halted_at), now=timezone.now()
    )


@shared_task(
    name=TaskName.SWEEP_CORRECTIONS.value, acks_late=False, ignore_result=True, typing=False
)
def sweep_corrections(**_future: object) -> None:
    """Requests expire and compensations go on; a missed run only delays it."""
    services.sweep(now=timezone.now())
