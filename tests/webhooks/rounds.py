"""A worker without threads: does what the outbox has called for, one message after the other."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from billing.accounts.models import Account
from billing.outbox.models import Message
from billing.webhooks import services
from billing.webhooks.models import Delivery, Endpoint, Event


def work_off(*, now: datetime) -> int:
    """Run all that is rung or due by `now`, and what that rings; return how many messages."""
    called = Message.objects.filter(Q(ring_at__lte=now) | Q(rings=1), task="webhooks.deliver")
    number = 0
    while messages := list(called.filter(done_at=None).order_by("pk")):
        for message in messages:
            services.deliver(message.arguments["delivery_id"], now=now)
            message.delete()
            number += 1
    return number


def rung() -> list[str]:
    """Return the deliveries for which a worker is called at this moment."""
    waiting = Message.objects.filter(task="webhooks.deliver", rings=1, done_at=None)
    return [message.arguments["delivery_id"] for message in waiting.order_by("pk")]


def answer_rings() -> list[str]:
    """As `rung`; and nobody is called any more."""
    called = rung()
    Message.objects.filter(task="webhooks.deliver", rings=1).delete()
    return called


def happens(*accounts: Account, now: datetime, type: str = "job.succeeded") -> list[Event]:  # noqa: A002 (the word of the contract)
    """Something happens to each of the accounts, one after the other."""
    with transaction.atomic():
        return [
            services.publish(account=account, type=type, data={}, now=now) for account in accounts
        ]


def platform_endpoint(url: str, *, now: datetime, prompt: bool = True) -> Endpoint:
    """Return an endpoint of everybody's at `url`, which has answered before, or never yet."""
    with transaction.atomic():
        endpoint = services.create_endpoint(account=None, url=url, now=now)
    if prompt:
        Endpoint.objects.filter(pk=endpoint.pk).update(prompt_from=now)
    return endpoint


def of(event: Event, endpoint: Endpoint) -> Delivery:
    """Return the delivery of an event to an endpoint, as it stands."""
    return Delivery.objects.get(event=event, endpoint=endpoint)
