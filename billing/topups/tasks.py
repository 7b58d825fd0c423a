"""What workers do for automatic top-ups."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.outbox.tasks import errand
from billing.topups import services


@errand(TaskName.LOOK_AT_TOP_UP)
def look(*, account_id: str, **_future: object) -> None:
    """Decide whether an account runs low; a repeat decides the same."""
    services.look(account_id=account_id, now=timezone.now())


@errand(TaskName.PAY_TOP_UP)
def pay(*, top_up_id: str, **_future: object) -> None:
    """Take the money, or find out what became of it. After eight runs the sweep rings again."""
    services.go_on(top_up_id=top_up_id, now=timezone.now())


@shared_task(name=TaskName.SWEEP_TOP_UPS.value, acks_late=False, ignore_result=True, typing=False)
def sweep(**_future: object) -> None:
    """Find who runs low and what is in flight. Lost or doubled, the next one makes good."""
    services.sweep(now=timezone.now())
