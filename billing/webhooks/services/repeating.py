"""What was sent before is sent once more: one delivery, or all of a stretch of time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db.models import F, QuerySet

from billing.transactions import require_transaction
from billing.webhooks.errors import EndpointDisabled, TooMuchToReplay
from billing.webhooks.models import Delivery, Endpoint, Event
from billing.webhooks.services import turning

REPLAY_MAX: Final = 5000


def retry(delivery: Delivery, *, now: datetime) -> Delivery:
    """The delivery is sent anew: ten attempts, the first as soon as it is its turn.

    Whether it was delivered, is dead, or waits; one that is being tried at this moment is left
    alone. In its account's line it stands where it stood, before all later events.

    Raises:
        EndpointDisabled: nothing is sent to its endpoint any more.
    """
    require_transaction("webhooks.retry")
    locked = turning.lock_delivery(delivery.pk)
    if locked is None:
        return delivery  # forgotten since it was read, with its event
    if locked.endpoint.disabled_at is not None:
        raise EndpointDisabled
    if locked.leased_until is not None and locked.leased_until > now:
        return locked
    locked.next_at, locked.leased_until = now, None
    locked.delivered_at = locked.dead_at = None
    locked.attempts_forgiven, locked.waits_for = locked.attempts, Delivery.Waits.NOTHING
    locked.save(
        update_fields=[
            *("next_at", "leased_until", "delivered_at", "dead_at"),
            *("attempts_forgiven", "waits_for"),
        ]
    )
    turning.ring(locked.pk, now=now)
    return locked


def replay(
    endpoint: Endpoint,
    *,
    since: datetime,
    until: datetime,
    types: Sequence[str] = (),
    only_dead: bool = False,
    now: datetime,
) -> int:
    """The events of a stretch of time are on their way to the endpoint once more, in order.

    Also those that it was never told of, because it was switched off or not yet there. What is
    still on its way stays so; tests are not repeated.

    Args:
        since: when they happened, by the account's clock; this instant included.
        until: this one not.
        types: of these only; none means all that the endpoint wants.
        only_dead: what was given up, and nothing else.

    Returns:
        How many were put on their way.

    Raises:
        EndpointDisabled: nothing is sent to it any more.
        TooMuchToReplay: there are more than 5,000 such events.
    """
    require_transaction("webhooks.replay")
    endpoint = turning.lock(endpoint.pk)
    found = to_replay(endpoint, since=since, until=until, types=types, only_dead=only_dead)
    number = _reopen(endpoint, found, now) + _send_missing(endpoint, found, now)
    turning.bring_forward(endpoint, {event.account_id for event in found}, now=now)
    turning.let_go(endpoint, now=now)
    return number


def to_replay(
    endpoint: Endpoint,
    *,
    since: datetime,
    until: datetime,
    types: Sequence[str] = (),
    only_dead: bool = False,
) -> list[Event]:
    """Return the events that `replay` goes through, in its order.

    Raises:
        EndpointDisabled, TooMuchToReplay: as `replay`.
    """
    if endpoint.disabled_at is not None:
        raise EndpointDisabled
    events = _events(endpoint, types).filter(created_at__gte=since, created_at__lt=until)
    if only_dead:
        events = events.filter(deliveries__endpoint=endpoint, deliveries__dead_at__isnull=False)
    found = list(events.order_by("account_id", "sequence")[: REPLAY_MAX + 1])
    if len(found) > REPLAY_MAX:
        raise TooMuchToReplay(limit=REPLAY_MAX)
    return found


def _events(endpoint: Endpoint, types: Sequence[str]) -> QuerySet[Event]:
    """Return what the endpoint may be told of, without the texts."""
    events = Event.objects.filter(sequence__isnull=False).only("id", "account_id", "sequence")
    if endpoint.account_id is None:
        events = events.filter(account__is_sandbox=endpoint.is_sandbox)
    else:
        events = events.filter(account=endpoint.account_id)
    if endpoint.events:
        events = events.filter(type__in=endpoint.events)
    return events.filter(type__in=list(types)) if types else events


def _reopen(endpoint: Endpoint, events: Sequence[Event], now: datetime) -> int:
    return Delivery.objects.filter(endpoint=endpoint, event__in=events, next_at=None).update(
        next_at=now,
        delivered_at=None,
        dead_at=None,
        attempts_forgiven=F("attempts"),
        waits_for=Delivery.Waits.LINE,
    )


def _send_missing(endpoint: Endpoint, events: Sequence[Event], now: datetime) -> int:
    told = set(
        Delivery.objects.filter(endpoint=endpoint, event__in=events).values_list(
            "event_id", flat=True
        )
    )
    missing = [
        Delivery(
            event=event,
            endpoint=endpoint,
            account_id=event.account_id,
            sequence=event.sequence,
            waits_for=Delivery.Waits.LINE,
            next_at=now,
            created_at=now,
        )
        for event in events
        if event.pk not in told
    ]
    return len(Delivery.objects.bulk_create(missing))
