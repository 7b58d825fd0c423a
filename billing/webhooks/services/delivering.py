"""One attempt at a delivery: taken under the lock, made without it, written down under it."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

import structlog
from django.db import transaction

from billing import egress
from billing.telemetry import meters, tracing
from billing.transactions import forbid_transaction
from billing.webhooks import gateway, schedule, signing
from billing.webhooks.event_types import EventType
from billing.webhooks.models import EXCERPT_LENGTH_MAX, Delivery, DeliveryAttempt, Endpoint
from billing.webhooks.services import publishing, turning

# Longer than an attempt can last; over when the outbox rings again for a worker that died.
_LEASE: Final = timedelta(seconds=25)
# The clocks of two workers, or of a worker and the database, differ by less.
_CLOCK_SKEW: Final = timedelta(seconds=5)
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
    was_slow: bool
    sealed_secrets: tuple[str, ...]
    event_id: str
    payload: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an attempt ended; `trouble` is empty when the receiver took the message."""

    trouble: str
    status: int | None = None
    excerpt: str = ""
    took: timedelta = timedelta()


def deliver(delivery_id: str, *, now: datetime) -> None:
    """Make one attempt, if one is due and it is its turn; then it is delivered, waits, or is dead.

    The receiver is called outside any transaction. A receiver that took the message while we
    died before writing it down is told again: at least once, never surely once.

    Raises:
        DeliveryBusy: another worker is at it.
    """
    forbid_transaction("webhooks.deliver")
    attempt = _take(delivery_id, now)
    if attempt is not None:
        outcome = _call(attempt, now)
        meters.DELIVERIES.labels(outcome.trouble or "taken").inc()
        meters.DELIVERY_SECONDS.observe(outcome.took.total_seconds())
        _record(attempt, outcome, now)


@transaction.atomic(durable=True)
def _take(delivery_id: str, now: datetime) -> _Attempt | None:
    """Lease the delivery for one attempt; None when there is nothing to do, or it must wait."""
    delivery = turning.lock_delivery(delivery_id)
    if delivery is None or delivery.next_at is None:
        return None
    if delivery.leased_until is not None and delivery.leased_until > now:
        raise DeliveryBusy(delivery_id)
    if delivery.tries and delivery.next_at > now + _CLOCK_SKEW:
        return None  # another ring has been here, and a later one is ordered
    hopeless = _why_hopeless(delivery)
    if hopeless:
        _close(delivery, _Outcome(hopeless), now)
        turning.let_go(delivery.endpoint, now=now)
        return None
    return _lease(delivery, now) if turning.may_go(delivery, now=now) else None


def _why_hopeless(delivery: Delivery) -> str:
    """Return the trouble of which a delivery dies untried; empty: it has none."""
    if delivery.endpoint.disabled_at is not None:
        return Delivery.Trouble.DISABLED
    if delivery.tries >= schedule.ATTEMPTS_MAX:
        return delivery.last_trouble or Delivery.Trouble.LOST
    return ""


def _lease(delivery: Delivery, now: datetime) -> _Attempt:
    endpoint = delivery.endpoint
    delivery.attempts += 1
    # Due anew: the sweep must not take what waited long for one that nobody makes.
    delivery.next_at, delivery.leased_until = now, now + _LEASE
    delivery.waits_for = Delivery.Waits.NOTHING
    delivery.save(update_fields=["attempts", "next_at", "leased_until", "waits_for"])
    DeliveryAttempt.objects.create(delivery=delivery, number=delivery.attempts, begun_at=now)
    endpoint.called_at = now
    endpoint.save(update_fields=["called_at"])
    return _Attempt(
        delivery_id=delivery.pk,
        number=delivery.attempts,
        url=endpoint.url,
        is_for_platform=endpoint.account_id is None,
        was_slow=not endpoint.is_prompt(now),
        sealed_secrets=_sealed_secrets(endpoint, now),
        event_id=delivery.event_id,
        payload=delivery.event.payload,
    )


def _sealed_secrets(endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
    if endpoint.previous_until is not None and now < endpoint.previous_until:
        return endpoint.secret_sealed, endpoint.previous_secret_sealed
    return (endpoint.secret_sealed,)


def _call(attempt: _Attempt, now: datetime) -> _Outcome:
    began = monotonic()
    try:
        with tracing.span("call receiver", tracing.Kind.CLIENT, {"event_id": attempt.event_id}):
            reply = _post(attempt, now)
    except signing.SecretUnreadable:
        return _Outcome(Delivery.Trouble.SECRET)
    except egress.Unreachable as problem:
        return _Outcome(problem.trouble, took=timedelta(seconds=monotonic() - began))
    is_taken = 200 <= reply.status < 300  # noqa: PLR2004 (a redirect is no success)
    # PostgreSQL takes no NUL in a text.
    excerpt = reply.body[: 4 * EXCERPT_LENGTH_MAX].decode("utf-8", "replace").replace("\x00", "�")
    return _Outcome(
        trouble="" if is_taken else Delivery.Trouble.STATUS,
        status=reply.status,
        excerpt=excerpt[:EXCERPT_LENGTH_MAX],
        took=timedelta(seconds=monotonic() - began),
    )


def _post(attempt: _Attempt, now: datetime) -> egress.Reply:
    secrets = [signing.unseal(sealed) for sealed in attempt.sealed_secrets]
    signed = signing.headers(
        event_id=attempt.event_id, body=attempt.payload, secrets=secrets, now=now
    )
    return egress.post(
        attempt.url,
        headers={"Content-Type": "application/json", "User-Agent": "Linggan-Webhooks/1", **signed},
        body=attempt.payload.encode(),
        policy=gateway.policy(for_platform=attempt.is_for_platform),
    )


@transaction.atomic(durable=True)
def _record(attempt: _Attempt, outcome: _Outcome, now: datetime) -> None:
    """Write down how the attempt ended, and call whoever may go now.

    What comes after a later attempt has begun is written into the log alone.
    """
    delivery = turning.lock_delivery(attempt.delivery_id)
    if delivery is None:
        return
    DeliveryAttempt.objects.filter(delivery=delivery, number=attempt.number).update(
        took_ms=outcome.took // timedelta(milliseconds=1),
        status=outcome.status,
        trouble=outcome.trouble,
        excerpt=outcome.excerpt,
    )
    if delivery.next_at is None or delivery.attempts != attempt.number:
        return
    turning.note_answer(delivery.endpoint, took=outcome.took, now=now)
    pause = schedule.pause_after(delivery.tries, roll=_random.random())
    if outcome.trouble and outcome.status != _GONE and pause is not None:
        _try_again(delivery, outcome, now, pause)
    else:
        _close(delivery, outcome, now)
        _note_end(delivery, outcome, now)
    turning.let_go(delivery.endpoint, now=now, was_slow=attempt.was_slow)


def _try_again(delivery: Delivery, outcome: _Outcome, now: datetime, pause: timedelta) -> None:
    delivery.next_at, delivery.leased_until = now + pause, None
    _save(delivery, outcome)
    turning.ring(delivery.pk, now=now, not_before=delivery.next_at)


def _close(delivery: Delivery, outcome: _Outcome, now: datetime) -> None:
    """Deliver or bury, as the outcome says; the next in its line comes forward."""
    delivery.next_at, delivery.leased_until = None, None
    delivery.waits_for = Delivery.Waits.NOTHING
    if outcome.trouble:
        delivery.dead_at = now
        _log.warning("webhook_is_dead", delivery=delivery.pk, trouble=str(outcome.trouble))
    else:
        delivery.delivered_at = now
    _save(delivery, outcome)
    if delivery.sequence is not None:
        turning.bring_forward(delivery.endpoint, [delivery.account_id], now=now)


def _save(delivery: Delivery, outcome: _Outcome) -> None:
    delivery.last_trouble = outcome.trouble
    delivery.last_status = outcome.status
    delivery.last_excerpt = outcome.excerpt
    delivery.save(
        update_fields=[
            *("next_at", "leased_until", "waits_for", "delivered_at", "dead_at"),
            *("last_trouble", "last_status", "last_excerpt"),
        ]
    )


def _note_end(delivery: Delivery, outcome: _Outcome, now: datetime) -> None:
    """Remember that the endpoint took something; or disable it, when it is gone or long silent."""
    endpoint = delivery.endpoint
    if not outcome.trouble:
        endpoint.took_at = now
        endpoint.save(update_fields=["took_at"])
    elif outcome.status == _GONE:
        _disable(endpoint, Endpoint.DisabledReason.GONE, now)
    elif endpoint.took_at is None or endpoint.took_at < _first_tried_at(delivery):
        _disable(endpoint, Endpoint.DisabledReason.FAILING, now)


def _first_tried_at(delivery: Delivery) -> datetime:
    first = delivery.log.filter(number__gt=delivery.attempts_forgiven).order_by("number").first()
    return delivery.created_at if first is None else first.begun_at


def _disable(endpoint: Endpoint, reason: Endpoint.DisabledReason, now: datetime) -> None:
    """Send nothing to the endpoint any more, and tell the owner's other endpoints of it."""
    if endpoint.disabled_at is not None:
        return
    endpoint.disabled_at, endpoint.disabled_reason = now, reason
    endpoint.save(update_fields=["disabled_at", "disabled_reason"])
    _log.warning("webhook_endpoint_disabled", endpoint=endpoint.pk, reason=reason.value)
    if endpoint.account is not None:  # of the platform's no account could tell
        publishing.publish(
            account=endpoint.account,
            type=EventType.WEBHOOK_DISABLED,
            data={"endpoint": endpoint.pk, "reason": reason.value},
            now=now,
        )
