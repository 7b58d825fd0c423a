"""Tells other systems what happened: at least once, signed, and never while rows are locked.

Lock order: the account's event counter is locked after everything else of the account, so
publish last; a delivery is locked before its endpoint.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models.functions import Coalesce

from billing import egress
from billing.accounts.models import Account
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import forbid_transaction, require_transaction
from billing.webhooks import gateway, schedule, signing, store
from billing.webhooks.errors import EndpointDisabled, TooManyEndpoints, UrlRefused
from billing.webhooks.event_types import EventType
from billing.webhooks.models import EXCERPT_LENGTH_MAX, Delivery, Endpoint, Event, EventCounter

ENDPOINTS_MAX: Final = 10
_PAYLOAD_LENGTH_MAX: Final = 64 * 1024
# An old signature stays valid for so long, for receivers to learn the new secret.
_ROTATION: Final = timedelta(hours=24)
# Longer than an attempt can last; over when the outbox rings again for a worker that died.
_LEASE: Final = timedelta(seconds=25)
# The clocks of two workers, or of a worker and the database, differ by less.
_CLOCK_SKEW: Final = timedelta(seconds=5)
# The outbox rings long before: later than this, its message must have died.
_OVERDUE: Final = timedelta(minutes=10)
_SWEEP_BATCH: Final = 100
_GONE: Final = 410

_log = structlog.get_logger(__name__)
_random = random.SystemRandom()


class DeliveryBusy(Exception):
    """Another worker is making this attempt; the outbox rings again, should it have died."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What an attempt needs to know, read under the lock and used outside of it."""

    delivery_id: str
    number: int
    url: str
    is_for_platform: bool
    sealed_secrets: tuple[str, ...]
    event_id: str
    payload: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an attempt ended; `trouble` is empty when the receiver took the message."""

    trouble: str
    status: int | None = None
    excerpt: str = ""


def create_endpoint(
    *,
    account: Account | None,
    url: str,
    events: Sequence[str] = (),
    is_sandbox: bool = False,
    now: datetime,
) -> Endpoint:
    """An endpoint exists and is told of what happens from now on.

    Its secret is sealed in `secret_sealed`; `signing.unseal` opens it, to be shown this once.

    Args:
        account: whose events; None for everybody's, which only operators make.
        url: https; for `account` None also what `WEBHOOK_ALLOWED_CIDRS` opens, by http too.
        events: the types it wants; none means all.
        is_sandbox: which side's events, when `account` is None; otherwise the account says.
        now: the real instant.

    Raises:
        UrlRefused: `url` is nothing that we would call.
        TooManyEndpoints: the account has ten.
    """
    require_transaction("webhooks.create_endpoint")
    unknown = set(events) - set(EventType)
    assert not unknown, f"the edge lets no unknown type through: {unknown}"
    try:
        egress.check_url(url, gateway.policy(for_platform=account is None))
    except ValueError as reason:
        raise UrlRefused(str(reason)) from None
    if account is not None:
        _require_room(account)
    return Endpoint.objects.create(
        account=account,
        is_sandbox=is_sandbox if account is None else account.is_sandbox,
        url=url,
        events=sorted(set(events)),
        secret_sealed=signing.seal(signing.new_secret()),
        created_at=now,
    )


def rotate_secret(endpoint: Endpoint, *, now: datetime) -> Endpoint:
    """Messages bear a new signature from now on, and the old one too for a day.

    The new secret is sealed in `secret_sealed`, to be shown this once.

    Raises:
        EndpointDisabled: nothing is sent to it any more.
    """
    require_transaction("webhooks.rotate_secret")
    endpoint = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    if endpoint.disabled_at is not None:
        raise EndpointDisabled
    endpoint.previous_secret_sealed = endpoint.secret_sealed
    endpoint.previous_until = now + _ROTATION
    endpoint.secret_sealed = signing.seal(signing.new_secret())
    endpoint.save(update_fields=["previous_secret_sealed", "previous_until", "secret_sealed"])
    return endpoint


def delete_endpoint(endpoint: Endpoint, *, now: datetime) -> None:
    """The endpoint is told nothing any more; what was on its way dies. A repeat changes nothing."""
    Endpoint.objects.filter(pk=endpoint.pk).update(
        disabled_at=Coalesce("disabled_at", now), disabled_reason=Endpoint.DisabledReason.DELETED
    )


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


def pass_time(*, account_ids: Sequence[str], by: timedelta, now: datetime) -> int:
    """What is to be tried again for these sandbox accounts comes so much nearer; return how many.

    What has come due is tried now, once. Live accounts are left alone, whoever asks.

    Args:
        by: how far their clock has moved.
        now: the real instant.
    """
    require_transaction("webhooks.pass_time")
    waiting = list(store.to_try_again(account_ids))
    for delivery in waiting:
        assert delivery.next_at is not None
        delivery.next_at -= by
        if delivery.next_at <= now:
            outbox.post(TaskName.DELIVER_WEBHOOK, now=now, delivery_id=delivery.pk)
    Delivery.objects.bulk_update(waiting, ["next_at"])
    return len(waiting)


def send_test(endpoint: Endpoint, *, now: datetime) -> Delivery:
    """A `webhook.test` event is on its way to this endpoint alone, whatever it wants to be told.

    It takes no number: to the account's other endpoints that would look like a lost event.

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


def deliver(delivery_id: str, *, now: datetime) -> None:
    """Make one attempt, if one is due; then it is delivered, tried again later, or dead.

    The receiver is called outside any transaction. A receiver that took the message while we
    died before writing it down is told again: at least once, never surely once.

    Raises:
        DeliveryBusy: another worker is at it.
    """
    forbid_transaction("webhooks.deliver")
    attempt = _take(delivery_id, now)
    if attempt is not None:
        _record(attempt, _call(attempt, now), now)


@transaction.atomic(durable=True)
def sweep(*, now: datetime) -> int:
    """Ring again for deliveries that are long overdue: their message died. Return how many."""
    overdue = list(
        Delivery.objects.select_for_update(skip_locked=True)
        .filter(next_at__lte=now - _OVERDUE)
        .order_by("next_at")[:_SWEEP_BATCH]
    )
    for delivery in overdue:
        delivery.next_at, delivery.leased_until = now, None
        outbox.post(TaskName.DELIVER_WEBHOOK, now=now, delivery_id=delivery.pk)
    Delivery.objects.bulk_update(overdue, ["next_at", "leased_until"])
    return len(overdue)


def _require_room(account: Account) -> None:
    """Raise `TooManyEndpoints` when the account has its fill; holds its counter's row.

    The lock keeps two requests at once from both being the tenth.
    """
    EventCounter.objects.get_or_create(account=account)
    EventCounter.objects.select_for_update().get(account=account)
    if Endpoint.objects.filter(account=account, disabled_at=None).count() >= ENDPOINTS_MAX:
        raise TooManyEndpoints(limit=ENDPOINTS_MAX)


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
    event.save(force_insert=True)
    return event


def _written(told: object) -> str:
    return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _send_to(event: Event, endpoint_id: str, now: datetime) -> Delivery:
    delivery = Delivery.objects.create(
        event=event, endpoint_id=endpoint_id, next_at=now, created_at=now
    )
    outbox.post(TaskName.DELIVER_WEBHOOK, now=now, delivery_id=delivery.pk)
    return delivery


@transaction.atomic(durable=True)
def _take(delivery_id: str, now: datetime) -> _Attempt | None:
    """Lease the delivery for one attempt; None when there is nothing to do."""
    delivery = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("event", "endpoint")
        .filter(pk=delivery_id)
        .first()
    )
    if delivery is None or delivery.next_at is None:
        return None
    if delivery.leased_until is not None and delivery.leased_until > now:
        raise DeliveryBusy(delivery_id)
    if delivery.attempts and delivery.next_at > now + _CLOCK_SKEW:
        return None  # another ring has been here, and a later one is ordered
    if delivery.endpoint.disabled_at is not None:
        _close(delivery, _Outcome(Delivery.Trouble.DISABLED), now)
        return None
    if delivery.attempts >= schedule.ATTEMPTS_MAX:
        _close(delivery, _Outcome(delivery.last_trouble or Delivery.Trouble.LOST), now)
        return None
    delivery.attempts += 1
    delivery.leased_until = now + _LEASE
    delivery.save(update_fields=["attempts", "leased_until"])
    return _Attempt(
        delivery_id=delivery.pk,
        number=delivery.attempts,
        url=delivery.endpoint.url,
        is_for_platform=delivery.endpoint.account_id is None,
        sealed_secrets=_sealed_secrets(delivery.endpoint, now),
        event_id=delivery.event_id,
        payload=delivery.event.payload,
    )


def _sealed_secrets(endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
    if endpoint.previous_until is not None and now < endpoint.previous_until:
        return endpoint.secret_sealed, endpoint.previous_secret_sealed
    return (endpoint.secret_sealed,)


def _call(attempt: _Attempt, now: datetime) -> _Outcome:
    try:
        secrets = [signing.unseal(sealed) for sealed in attempt.sealed_secrets]
        headers = signing.headers(
            event_id=attempt.event_id, body=attempt.payload, secrets=secrets, now=now
        )
        reply = egress.post(
            attempt.url,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "Linggan-Webhooks/1",
                **headers,
            },
            body=attempt.payload.encode(),
            policy=gateway.policy(for_platform=attempt.is_for_platform),
        )
    except signing.SecretUnreadable:
        return _Outcome(Delivery.Trouble.SECRET)
    except egress.Unreachable as problem:
        return _Outcome(problem.trouble)
    is_taken = 200 <= reply.status < 300  # noqa: PLR2004 (a redirect is no success)
    # PostgreSQL takes no NUL in a text.
    excerpt = reply.body[: 4 * EXCERPT_LENGTH_MAX].decode("utf-8", "replace").replace("\x00", "�")
    return _Outcome(
        trouble="" if is_taken else Delivery.Trouble.STATUS,
        status=reply.status,
        excerpt=excerpt[:EXCERPT_LENGTH_MAX],
    )


@transaction.atomic(durable=True)
def _record(attempt: _Attempt, outcome: _Outcome, now: datetime) -> None:
    """Write down how the attempt ended, unless a later one has begun since."""
    delivery = Delivery.objects.select_for_update().get(pk=attempt.delivery_id)
    if delivery.next_at is None or delivery.attempts != attempt.number:
        return
    pause = schedule.pause_after(attempt.number, roll=_random.random())
    if outcome.trouble and outcome.status != _GONE and pause is not None:
        _try_again(delivery, outcome, now, pause)
        return
    _close(delivery, outcome, now)
    if outcome.status == _GONE:
        Endpoint.objects.filter(pk=delivery.endpoint_id, disabled_at=None).update(
            disabled_at=now, disabled_reason=Endpoint.DisabledReason.GONE
        )
        _log.warning("webhook_endpoint_gone", endpoint=delivery.endpoint_id)


def _try_again(delivery: Delivery, outcome: _Outcome, now: datetime, pause: timedelta) -> None:
    delivery.next_at, delivery.leased_until = now + pause, None
    _save(delivery, outcome)
    outbox.post(
        TaskName.DELIVER_WEBHOOK, now=now, not_before=delivery.next_at, delivery_id=delivery.pk
    )


def _close(delivery: Delivery, outcome: _Outcome, now: datetime) -> None:
    """Deliver or bury, as the outcome says."""
    delivery.next_at, delivery.leased_until = None, None
    if outcome.trouble:
        delivery.dead_at = now
        _log.warning("webhook_is_dead", delivery=delivery.pk, trouble=str(outcome.trouble))
    else:
        delivery.delivered_at = now
    _save(delivery, outcome)


def _save(delivery: Delivery, outcome: _Outcome) -> None:
    delivery.last_trouble = outcome.trouble
    delivery.last_status = outcome.status
    delivery.last_excerpt = outcome.excerpt
    delivery.save(
        update_fields=[
            *("next_at", "leased_until", "delivered_at", "dead_at"),
            *("last_trouble", "last_status", "last_excerpt"),
        ]
    )
