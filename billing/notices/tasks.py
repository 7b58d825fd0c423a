"""What workers do for notices."""

from celery import shared_task
from django.utils import timezone

from billing.notices import services
from billing.outbox.names import TaskName
from billing.outbox.tasks import errand


@errand(TaskName.SEND_NOTICE)
def send(*, notice_id: str, **_future: object) -> None:
    """Make one attempt. A mail server's failure is none of this: the next attempt is a row."""
    services.send(notice_id, now=timezone.now())


@shared_task(name=TaskName.SWEEP_NOTICES.value, acks_late=False, ignore_result=True, typing=False)
def sweep(**_future: object) -> None:
    """Find letters that nobody rings for any more. Lost or doubled, the next one makes good."""
    services.sweep(now=timezone.now())
