"""What Celery runs for payments."""

from celery import shared_task
from django.utils import timezone

from billing.outbox.names import TaskName
from billing.outbox.tasks import errand
from billing.payments import services
from billing.payments.services import sending, settling


@errand(TaskName.APPLY_STRIPE_EVENT)
def apply_event(*, event_id: str, **_future: object) -> None:
    """Look at what an event is about; after the last run the sweep goes on, for three days."""
    services.apply(event_id=event_id, now=timezone.now())


@errand(TaskName.SEND_REFUND)
def send_refund(*, refund_id: str, **_future: object) -> None:
    """Ask Stripe for an approved refund; retried while it is away, and by the sweep after that."""
    sending.send(refund_id=refund_id)


@shared_task(name=TaskName.SWEEP_PAYMENTS.value, acks_late=False, ignore_result=True, typing=False)
def sweep_payments(**_future: object) -> None:
    """Apply what failed, and ask after late pages; a missed run only delays it."""
    services.sweep(now=timezone.now())


@shared_task(
    name=TaskName.FETCH_STRIPE_EVENTS.value, acks_late=False, ignore_result=True, typing=False
)
def fetch_events(**_future: object) -> None:
    """Fetch the events whose webhooks never came; what cannot be read now, the next run reads."""
    services.fetch_missed(now=timezone.now())


@shared_task(name=TaskName.SWEEP_REFUNDS.value, acks_late=False, ignore_result=True, typing=False)
def sweep_refunds(**_future: object) -> None:
    """Ask again for refunds whose message has died, and go on with what was paid back in part.

    A missed run only delays.
    """
    settling.sweep(now=timezone.now())


@errand(TaskName.CARRY_OUT_CHANGE)
def carry_out_change(*, change_id: str, **_future: object) -> None:
    """Bring a change of plan to its end; after the last run the sweep goes on."""
    services.go_on(change_id=change_id, now=timezone.now())


@errand(TaskName.END_SUPERSEDED)
def end_superseded(*, contract_id: str, **_future: object) -> None:
    """Have Stripe end a contract whose account had another; after the last run the sweep does."""
    services.end_superseded(contract_id=contract_id, now=timezone.now())


@shared_task(name=TaskName.REMIND.value, acks_late=False, ignore_result=True, typing=False)
def remind(**_future: object) -> None:
    """Write to whom something is about to happen; a missed run only delays it."""
    services.remind(now=timezone.now())


@shared_task(
    name=TaskName.LOOK_AFTER_CONTRACTS.value, acks_late=False, ignore_result=True, typing=False
)
def look_after_contracts(**_future: object) -> None:
    """Push prices that the catalog has moved, and watch cards; a missed run only delays it."""
    services.look_after(now=timezone.now())
