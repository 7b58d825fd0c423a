"""The inbox: an event of Stripe's is proven, kept as it came, and answered; a worker applies it.

What an event says is not believed. It says where to look (`applying.look`), so events may come
late, twice, in any order or not at all. Of what kind we know nothing of is kept all the same.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import transaction

from billing.errors import DomainError
from billing.http import cards
from billing.http.logs import redact
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.payments.errors import NotFromStripe, PaymentsNotConfigured
from billing.payments.gateway import StripeAway, StripeRefused, configured, events
from billing.payments.gateway.reading import id_of, part
from billing.payments.gateway.seen import SeenEvent
from billing.payments.models import StripeEvent
from billing.payments.services import applying
from billing.transactions import forbid_transaction

_ERROR_LENGTH_MAX: Final = 500
# Where an event of each kind of object leads: the kind that is looked at, and where in the object
# its id stands. A charge, a refund and a dispute are parts of their payment.
_LEADS_TO: Final[Mapping[str, tuple[str, str]]] = {
    "checkout.session": ("checkout.session", "id"),
    "customer": ("customer", "id"),
    "invoice": ("invoice", "id"),
    "invoice_payment": ("invoice", "invoice"),
    "payment_intent": ("payment_intent", "id"),
    "charge": ("payment_intent", "payment_intent"),
    "refund": ("payment_intent", "payment_intent"),
    "dispute": ("payment_intent", "payment_intent"),
    "subscription": ("subscription", "id"),
    "subscription_schedule": ("subscription", "subscription"),
}
_log = structlog.get_logger(__name__)


def hear(*, body: bytes, signature: str, now: datetime) -> None:
    """Keep an event of Stripe's and have it applied. One that is known already changes nothing.

    Args:
        body: as it came, to the last byte: that is what is signed.
        signature: the header `Stripe-Signature`.
        now: the real instant.

    Raises:
        PaymentsNotConfigured: there is no secret by which Stripe could prove itself, or no key.
        NotFromStripe: nothing proves that it is Stripe's, of now, and of the key's own mode.
    """
    wire = configured()
    if wire is None or not settings.STRIPE_WEBHOOK_SECRETS:
        raise PaymentsNotConfigured
    try:
        event = events.event_of(
            body, signature=signature, secrets=settings.STRIPE_WEBHOOK_SECRETS, now=now
        )
    except events.Forged as forged:
        _log.warning("event_not_proven", reason=str(forged))
        raise NotFromStripe from None
    if event.is_live != wire.is_live:
        _log.warning("event_of_other_mode", event_id=event.id)
        raise NotFromStripe
    keep(event, raw=body.decode(), via=StripeEvent.Via.WEBHOOK, now=now)


@transaction.atomic(durable=True)
def keep(event: SeenEvent, *, raw: str, via: StripeEvent.Via, now: datetime) -> bool:
    """Keep an event and have it applied, once. Return whether it is new.

    It is kept as it came, but for a card's number that its payer typed where his name goes.
    """
    _kept, is_new = StripeEvent.objects.get_or_create(
        pk=event.id,
        defaults={
            "type": event.type,
            "object_type": event.object_type,
            "object_id": event.object_id,
            "is_live": event.is_live,
            "via": via,
            "raw": cards.without_numbers(raw),
            "created_at": event.created_at,
            "received_at": now,
        },
    )
    if is_new:
        outbox.post(TaskName.APPLY_STRIPE_EVENT, now=now, event_id=event.id)
    return is_new


def apply(*, event_id: str, now: datetime) -> None:
    """What an event is about is as Stripe has it now. A repeat changes nothing.

    Why it went wrong is kept with the event. Outside any transaction.

    Raises:
        PaymentsNotConfigured, StripeAway, StripeRefused, DomainError: as `applying.look`; to be
            tried again.
    """
    forbid_transaction("payments.apply")
    event = StripeEvent.objects.get(pk=event_id)
    if event.applied_at is None:
        _apply(event, now=now)


def apply_again(*, event_id: str, now: datetime) -> None:
    """Look once more at what an event is about, whether it was applied or not.

    Raises:
        PaymentsNotConfigured, StripeAway, StripeRefused, DomainError: as `applying.look`.
    """
    forbid_transaction("payments.apply_again")
    _apply(StripeEvent.objects.get(pk=event_id), now=now)


@transaction.atomic(durable=True)
def ring_again(*, event_id: str, now: datetime) -> None:
    """Have a worker look once more at what an event is about, whether it was applied or not."""
    StripeEvent.objects.filter(pk=event_id).update(applied_at=None, is_ignored=False)
    outbox.post(TaskName.APPLY_STRIPE_EVENT, now=now, event_id=event_id)


def _apply(event: StripeEvent, *, now: datetime) -> None:
    place = _leads_to(event)
    if place is not None:
        kind, stripe_id = place
        try:
            applying.look(kind=kind, stripe_id=stripe_id, now=now)
        except Exception as problem:
            _note_failure(event.pk, problem)
            raise
    StripeEvent.objects.filter(pk=event.pk).update(
        applied_at=now, error="", is_ignored=place is None
    )


def _leads_to(event: StripeEvent) -> tuple[str, str] | None:
    """Return where to look; None: at nothing that we know of."""
    lead = _LEADS_TO.get(event.object_type)
    if lead is None:
        return None
    kind, name = lead
    about: Any = part(json.loads(event.raw), "data", "object")
    stripe_id = id_of(part(about, name))
    return (kind, stripe_id) if stripe_id else None


def _note_failure(event_id: str, problem: Exception) -> None:
    """Keep why an event could not be applied, for whoever looks after it."""
    match problem:
        case StripeRefused():
            said = f"{problem.code}: {problem}"
        case StripeAway():
            said = f"Stripe: {problem}"
        case DomainError():
            said = f"{problem.code}: {problem.message}"
        case _:
            said = type(problem).__name__
    StripeEvent.objects.filter(pk=event_id, applied_at=None).update(
        error=redact(said)[:_ERROR_LENGTH_MAX]
    )
