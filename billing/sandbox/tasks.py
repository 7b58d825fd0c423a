"""What workers do for test clocks."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.outbox.tasks import errand
from billing.sandbox import services


@errand(TaskName.ADVANCE_CLOCK)
def advance(*, clock_id: str, **_future: object) -> None:
    """Take a clock on its way; if this dies, it is rung again, and the sweep looks after it."""
    services.walk(clock_id, now=timezone.now())


@shared_task(name=TaskName.SWEEP_CLOCKS.value, acks_late=False, ignore_result=True, typing=False)
def sweep(**_future: object) -> None:
    """Find clocks that were left on their way. A missed run only delays."""
    services.sweep(now=timezone.now())
