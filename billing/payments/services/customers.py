"""The one customer at Stripe that an account has."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.accounts.errors import InvalidSignal
from billing.accounts.models import Account
from billing.accounts.signals import Signal
from billing.payments.errors import PaymentsNotConfigured
from billing.payments.gateway import Wire, configured, customers
from billing.payments.gateway.seen import SeenCustomer
from billing.payments.models import Customer
from billing.payments.services import timing
from billing.subscriptions import services as subscriptions
from billing.transactions import require_transaction

_KEYS_LAST: Final = timedelta(hours=20)  # Stripe knows a key for a day at least
_log = structlog.get_logger(__name__)


def wire_for(account: Account) -> Wire:
    """Return the way to Stripe for what the account pays.

    Raises:
        PaymentsNotConfigured: there is none, or it moves real money and the account is a sandbox's.
    """
    wire = configured()
    if wire is None:
        raise PaymentsNotConfigured
    if wire.is_live and account.is_sandbox:
        raise PaymentsNotConfigured(is_sandbox=True)
    return wire


def ensure_customer(account: Account, *, language: str, now: datetime) -> Customer:
    """Return the account's customer, who is known at Stripe from now on.

    Two at once make one: whoever asks uses the row's id as the key of the request. Where nobody
    came back before Stripe may have forgotten that key, the customer is looked for first. Outside
    any transaction.

    Args:
        language: in which he is written to, as Django calls it; "": as before.

    Raises:
        PaymentsNotConfigured: as `wire_for`.
        StripeAway, StripeRefused: as they say.
    """
    wire = wire_for(account)
    row = _row(account, wire, language=language, now=now)
    if not row.stripe_id:
        stripe_id = _made_before(wire, row, now=now) or customers.make_customer(
            wire,
            key=row.pk,
            account_id=account.pk,
            name=account.external_id,
            clock_id=timing.clock_for(wire, row),
        )
        Customer.objects.filter(pk=row.pk, stripe_id="").update(stripe_id=stripe_id)
        row.refresh_from_db()
    return row


def _made_before(wire: Wire, row: Customer, *, now: datetime) -> str:
    """Return the customer that a request made whose asker did not live to write it down; or ""."""
    if now - row.created_at < _KEYS_LAST:
        return ""
    return customers.find_customer(wire, account_id=row.account_id)


def apply(seen: SeenCustomer) -> None:
    """Let a customer be as he was seen. One who was deleted at Stripe is forgotten here.

    The next checkout makes another one then. In the caller's transaction.
    """
    require_transaction("payments.customers.apply")
    known = Customer.objects.filter(stripe_id=seen.id)
    if seen.is_gone:
        known.delete()
    elif seen.email:
        known.update(email=seen.email)


@transaction.atomic(durable=True)
def note_card(stripe_id: str, card: str, *, now: datetime) -> None:
    """Let a customer's account be known by the card that it pays with: many accounts, one card.

    In a commit of its own, for it locks the wallet before contracts and checkouts are.

    Args:
        card: the fingerprint, as Stripe seals it.
        now: the real instant.
    """
    customer = Customer.objects.select_related("account").filter(stripe_id=stripe_id).first()
    if customer is None or not customer.account.is_person:
        return
    try:
        subscriptions.tell_signals(account=customer.account, told={Signal.CARD: card}, now=now)
    except InvalidSignal:
        _log.warning("card_unreadable", account_id=customer.account_id)


@transaction.atomic(durable=True)
def _row(account: Account, wire: Wire, *, language: str, now: datetime) -> Customer:
    """Return the row of the account's customer; one of the other mode of Stripe is replaced."""
    Customer.objects.filter(account=account).exclude(is_live=wire.is_live).delete()
    row, _is_new = Customer.objects.get_or_create(
        account=account, defaults={"is_live": wire.is_live, "language": language, "created_at": now}
    )
    if language and row.language != language:
        row.language = language
        row.save(update_fields=["language"])
    return row
