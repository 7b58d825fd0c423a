"""What Celery runs for programmes."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.outbox.tasks import errand
from billing.partners import services


@errand(TaskName.LOOK_AT_REFERRAL)
def look_at_referral(*, account_id: str, **_future: object) -> None:
    """See what an account has earned for who brought it; the sweep sees it, too, if this dies."""
    services.look_and_pay(account_id=account_id, now=timezone.now())


@errand(TaskName.TAKE_BACK_REWARDS)
def take_back_rewards(*, purchase_id: str, **_future: object) -> None:
    """Take back what a purchase had earned that was given back; retried until it is done."""
    services.take_back(purchase_id=purchase_id, now=timezone.now())


@shared_task(name=TaskName.SWEEP_PARTNERS.value, acks_late=False, ignore_result=True, typing=False)
def sweep_partners(**_future: object) -> None:
    """Pay what is due, and look for what nobody told of. A missed run only delays."""
    services.sweep(now=timezone.now())
