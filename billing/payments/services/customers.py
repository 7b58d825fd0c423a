"""The one customer at Stripe that an account has."""

from datetime import datetime

from django.db import transaction

from billing.accounts.models import Account
from billing.payments.errors import PaymentsNotConfigured
from billing.payments.gateway import Wire, configured, customers
from billing.payments.gateway.seen import SeenCustomer
from billing.payments.models import Customer
from billing.payments.services import timing
from billing.transactions import require_transaction


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

    Two at once make one: whoever asks uses the row's id as the key of the request. Outside any
    transaction.

    Args:
        language: in which he is written to, as Django calls it; "": as before.

    Raises:
        PaymentsNotConfigured: as `wire_for`.
        StripeAway, StripeRefused: as they say.
    """
    wire = wire_for(account)
    row = _row(account, wire, language=language, now=now)
    if not row.stripe_id:
        stripe_id = customers.make_customer(
            wire,
            key=row.pk,
            account_id=account.pk,
            name=account.external_id,
            clock_id=timing.clock_for(wire, row),
        )
        Customer.objects.filter(pk=row.pk, stripe_id="").update(stripe_id=stripe_id)
        row.refresh_from_db()
    return row


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
