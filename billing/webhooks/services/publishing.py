"""Events are written down in the transaction of what they tell, and sent on their way."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from billing.accounts.models import Account
from billing.transactions import require_transaction
from billing.webhooks import store
from billing.webhooks.errors import EndpointDisabled
from billing.webhooks.event_types import EventType
from billing.webhooks.models import Delivery, Endpoint, Event
from billing.webhooks.services import turning
from plans import asking

_PAYLOAD_LENGTH_MAX: Final = 64 * 1024


def publish(*, account: Account, type: str, data: Mapping[str, object], now: datetime) -> Event:  # noqa: A002 (the word of the contract)
    """The event is remembered under the account's next number, and on its way to whom it concerns.

    All of it is in the caller's transaction: rolled back, nothing happened and no number is lost.

    Args:
        account: its event counter is locked until the transaction ends; publish last.
        type: one of `EventType`.
        data: what JSON can say; amounts as strings in credits.
        now: when it happened, by the account's clock; receivers are called in real time, though
            a sandbox's clock be ahead.
    """
    require_transaction("webhooks.publish")
    kind = EventType(type)
    assert kind is not EventType.WEBHOOK_TEST, "a test is sent by send_test"
    sequence, endpoint_ids, real_now = store.number_event(account, kind)
    event = _remember(account, kind, data, sequence, now)
    for endpoint_id in endpoint_ids:
        _send_to(event, endpoint_id, min(now, real_now))
    return event


def send_test(endpoint: Endpoint, *, now: datetime) -> Delivery:
    """A `webhook.test` event is on its way to this endpoint alone, whatever it wants to be told.

    It takes no number: to the account's other endpoints that would look like a lost event. It
    stands in no line either, so that an endpoint can be tried that takes nothing else.

    Raises:
        EndpointDisabled: nothing is sent to it any more.
    """
    require_transaction("webhooks.send_test")
    if endpoint.disabled_at is not None:
        raise EndpointDisabled
    event = _remember(
        endpoint.account, EventType.WEBHOOK_TEST, {"endpoint": endpoint.pk}, None, now
    )
    return _send_to(event, endpoint.pk, now)


def _remember(
    account: Account | None,
    kind: EventType,
    data: Mapping[str, object],
    sequence: int | None,
    now: datetime,
) -> Event:
    event = Event(account=account, sequence=sequence, type=kind.value, created_at=now)
    told = {
        "id": event.pk,
        "type": kind.value,
        "timestamp": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "account": None if account is None else account.external_id,
        "sequence": sequence,
        "data": data,
    }
    event.payload = _written(told)
    rest = dict(data)
    while len(event.payload) > _PAYLOAD_LENGTH_MAX and rest:
        # An event tells what happened, not everything. It must never stop what it tells of, so
        # the longest part is left out, and the receiver is told that it can ask.
        del rest[max(rest, key=lambda name: len(_written(rest[name])))]
        event.payload = _written(told | {"data": rest, "shortened": True})
    asking.create(event)
    return event


def _written(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _send_to(event: Event, endpoint_id: str, now: datetime) -> Delivery:
    delivery = Delivery.objects.create(
        event=event,
        endpoint_id=endpoint_id,
        account_id=event.account_id,
        sequence=event.sequence,
        next_at=now,
        created_at=now,
    )
    turning.ring(delivery.pk, now=now)
    return delivery
