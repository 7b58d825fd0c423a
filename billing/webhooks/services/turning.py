"""Whose turn it is: an account's events go one after the other, and the slow keep nobody waiting.

To one endpoint the events of one account stand in a line: the next goes when the former is
delivered or dead. An endpoint that answers at once is called twice at a time at most. All others,
those that were slow lately and those that have never answered, share a narrow gate: one attempt
at a time each, `WEBHOOK_SLOW_AT_ONCE` together, whoever waited longest for his turn first.

Whatever reads or changes who waits holds the endpoint's row, so nobody is forgotten: who comes
second sees that the first is gone, or is seen by it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import require_transaction
from billing.webhooks import gateway
from billing.webhooks.models import Delivery, Endpoint

_AT_ONCE_EACH: Final = 2
# Any number of ours alone: who holds it counts, or changes, how many are in the narrow gate.
_GATE: Final = 0x6C67_7768
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
# An answer within it is prompt; a slow one makes the endpoint one of the slow for a while.
_PROMPT: Final = timedelta(seconds=2)
_SLOW_FOR: Final = timedelta(minutes=10)


def ring(delivery_id: str, *, now: datetime, not_before: datetime | None = None) -> None:
    """Have a worker make an attempt at this delivery."""
    outbox.post(TaskName.DELIVER_WEBHOOK, now=now, not_before=not_before, delivery_id=delivery_id)


def lock(endpoint_id: str) -> Endpoint:
    """Return the endpoint, and hold its row until the transaction ends.

    Not against new deliveries: what publishes only points at it, and must not wait.
    """
    return Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint_id)


def lock_delivery(delivery_id: str) -> Delivery | None:
    """Return the delivery with its endpoint, both locked; None if it is not there any more."""
    require_transaction("webhooks.lock_delivery")
    known = Delivery.objects.filter(pk=delivery_id).first()
    if known is None:
        return None
    endpoint = lock(known.endpoint_id)
    delivery = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("event")
        .filter(pk=delivery_id)
        .first()
    )
    if delivery is not None:
        delivery.endpoint = endpoint
    return delivery


def may_go(delivery: Delivery, *, now: datetime) -> bool:
    """Return whether it is this delivery's turn; if not, it is written down what it waits for.

    Args:
        delivery: locked with its endpoint.
    """
    if _is_behind(delivery):
        delivery.waits_for = Delivery.Waits.LINE
    elif _room_at(delivery.endpoint, now) < 1:
        delivery.waits_for = Delivery.Waits.ROOM
    else:
        return True
    delivery.leased_until = None
    delivery.save(update_fields=["waits_for", "leased_until"])
    return False


def note_answer(endpoint: Endpoint, *, took: timedelta, now: datetime) -> None:
    """An endpoint that answered late is one of the slow for ten minutes; a prompt one is none.

    Unless it was slow within the last ten minutes: one that is prompt now and then is slow.
    """
    if took > _PROMPT:
        endpoint.prompt_from = now + took + _SLOW_FOR
    elif endpoint.prompt_from is None:
        endpoint.prompt_from = now
    endpoint.save(update_fields=["prompt_from"])


def bring_forward(endpoint: Endpoint, account_ids: Iterable[str | None], *, now: datetime) -> None:
    """Whoever is now the first in these accounts' lines waits for nothing but room."""
    heads = (
        Delivery.objects.filter(
            endpoint=endpoint,
            account__in=list(account_ids),
            next_at__isnull=False,
            sequence__isnull=False,
        )
        .order_by("account_id", "sequence")
        .distinct("account_id")
    )
    waiting = [head.pk for head in heads if head.waits_for == Delivery.Waits.LINE]
    Delivery.objects.filter(pk__in=waiting).update(waits_for=Delivery.Waits.ROOM, next_at=now)


def let_go(endpoint: Endpoint, *, now: datetime, was_slow: bool = True) -> None:
    """A worker is called for everyone who may go now.

    Args:
        was_slow: an attempt has just left the narrow gate; one of any endpoint may follow it.
    """
    is_prompt = endpoint.is_prompt(now)
    going: list[str] = []
    if is_prompt:
        room = max(_room_at(endpoint, now), 0)
        waiting = Delivery.objects.filter(endpoint=endpoint, waits_for=Delivery.Waits.ROOM)
        going += waiting.order_by("next_at", "pk").values_list("pk", flat=True)[:room]
    if was_slow or not is_prompt:
        going += _through_the_gate(now)
    for delivery_id in going:
        ring(delivery_id, now=now)


def let_slow_go(*, now: datetime) -> int:
    """A worker is called for everyone who may pass the narrow gate; return how many."""
    require_transaction("webhooks.let_slow_go")
    going = _through_the_gate(now)
    for delivery_id in going:
        ring(delivery_id, now=now)
    return len(going)


def _is_behind(delivery: Delivery) -> bool:
    return (
        delivery.sequence is not None
        and Delivery.objects.filter(
            endpoint=delivery.endpoint_id,
            account=delivery.account_id,
            next_at__isnull=False,
            sequence__lt=delivery.sequence,
        ).exists()
    )


def _room_at(endpoint: Endpoint, now: datetime) -> int:
    """Return how many more attempts may be made at the endpoint at once."""
    under_way = _under_way(now).filter(endpoint=endpoint).count()
    if endpoint.is_prompt(now):
        return _AT_ONCE_EACH - under_way
    return min(1 - under_way, _room_in_the_gate(now))


def _room_in_the_gate(now: datetime) -> int:
    """Return how many more slow attempts may be made, and hold the gate until the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_GATE])
    return gateway.slow_at_once() - _slow(_under_way(now), now).count()


def _through_the_gate(now: datetime) -> list[str]:
    """Return who may pass: of each endpoint one, those first whose last turn is longest ago."""
    room = _room_in_the_gate(now)
    if room < 1:
        return []
    firsts = (
        _slow(Delivery.objects.filter(waits_for=Delivery.Waits.ROOM), now)
        .exclude(endpoint__in=_under_way(now).values("endpoint"))
        .order_by("endpoint_id", "next_at", "pk")
        .distinct("endpoint_id")
        .values_list("endpoint__called_at", "next_at", "pk")
    )
    in_turn = sorted(firsts, key=lambda first: (first[0] or _LONG_AGO, *first[1:]))
    return [delivery_id for _called_at, _next_at, delivery_id in in_turn[:room]]


def _under_way(now: datetime) -> QuerySet[Delivery]:
    return Delivery.objects.filter(leased_until__gt=now)


def _slow(deliveries: QuerySet[Delivery], now: datetime) -> QuerySet[Delivery]:
    return deliveries.exclude(endpoint__prompt_from__lte=now)
