"""What Stripe tells by itself: read only when it is proven to be its word."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import stripe

from billing.payments.gateway.client import Wire, understood
from billing.payments.gateway.reading import moment
from billing.payments.gateway.seen import SeenEvent

# Stripe's own bound for the past. Its library takes any instant ahead, so both sides are ours.
TOLERANCE: Final = timedelta(seconds=300)
_PAGE: Final = 100
_ID_LENGTH_MAX: Final = 100  # of an event: three times what Stripe's are


class Forged(Exception):
    """Nothing proves that Stripe said this, or not now, or not to us; the message says which."""


def event_of(body: bytes, *, signature: str, secrets: Sequence[str], now: datetime) -> SeenEvent:
    """Return the event that a message carries.

    Args:
        signature: the header `Stripe-Signature`.
        secrets: any of these may have signed it; an empty one signs nothing.

    Raises:
        Forged: it is not signed by any of them, not within five minutes of `now`, or it is no
            event of the account that the endpoint belongs to.
    """
    if not any(_is_signed(body, signature, secret) for secret in secrets if secret):
        raise Forged("its signature is none of ours")
    if abs(now - _signed_at(signature)) > TOLERANCE:
        raise Forged("its signature is not of now")
    try:
        told = json.loads(body)
        if told["object"] != "event" or told.get("account"):
            raise Forged("it is no event of this account")
        if not 0 < len(told["id"]) <= _ID_LENGTH_MAX:
            raise Forged("it has no id of an event")
        return read_event(told)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise Forged("it is no event") from None


def read_event(told: Mapping[str, Any]) -> SeenEvent:
    """Return what an event is about."""
    about = told["data"]["object"]
    return SeenEvent(
        id=str(told["id"]),
        type=str(told["type"]),
        object_type=str(about.get("object", "")),
        object_id=str(about.get("id", "")),
        is_live=bool(told["livemode"]),
        created_at=moment(told["created"]),
    )


def events_since(wire: Wire, since: datetime) -> Iterator[tuple[SeenEvent, str]]:
    """Yield what happened since then, the newest first, with the words it was told in.

    Raises:
        StripeAway: it could not be read to the end.
    """
    with understood():
        page = wire.client().v1.events.list(
            {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
        )
        for one in page.auto_paging_iter():
            told = one.to_dict()
            yield read_event(told), json.dumps(told, ensure_ascii=False, default=str)


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret)
    except (stripe.SignatureVerificationError, TypeError, UnicodeDecodeError):
        return False
    return True


def _signed_at(signature: str) -> datetime:
    """Return when it was signed, as the library reads it: by the first `t` of the header."""
    pairs = [one.split("=", 1) for one in signature.split(",")]
    try:
        return moment(int(next(value for name, value in pairs if name == "t")))
    except (StopIteration, ValueError, OverflowError, OSError):
        raise Forged("its signature has no time") from None
