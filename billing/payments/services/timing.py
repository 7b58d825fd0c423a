"""Gives customers of sandbox accounts that live by a test clock one of their own at Stripe."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import clocks as ledger_clocks
from billing.payments.errors.clocks import CustomerHasNoClock
from billing.payments.gateway import Wire, clocks
from billing.payments.models import Customer
from billing.transactions import forbid_transaction, require_transaction

_NAME_LENGTH_MAX: Final = 300  # the most that Stripe takes


def expect(account: Account, *, now: datetime) -> None:
    """The account lives by a test clock: its customer at Stripe will have one of his own.

    In the caller's transaction; a repeat changes nothing.

    Raises:
        CustomerHasNoClock: Stripe knows him already, and gives no clock to whom it knows.
    """
    require_transaction("payments.clocks.expect")
    row, _is_new = Customer.objects.get_or_create(account=account, defaults={"created_at": now})
    if row.lives_by_clock:
        return
    if row.stripe_id:
        raise CustomerHasNoClock(account=account.external_id)
    row.lives_by_clock = True
    row.save(update_fields=["lives_by_clock"])


def clock_for(wire: Wire, customer: Customer) -> str:
    """Return the test clock at Stripe under which a customer is to be made; "": none.

    Outside any transaction; it shows what the account's own does. A repeat makes no second one:
    it asks for the very same clock, and so that begins where the customer's row does, whose
    instant stays, and is moved from there.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    forbid_transaction("payments.clocks.clock_for")
    if not customer.lives_by_clock:
        return ""
    stripe_id = customer.clock_stripe_id
    if not stripe_id:
        stripe_id = clocks.make_clock(
            wire,
            key=f"{customer.pk}:clock",
            at=customer.created_at,
            name=customer.account.external_id[:_NAME_LENGTH_MAX],
        )
        Customer.objects.filter(pk=customer.pk).update(clock_stripe_id=stripe_id)
    clocks.advance_clock(wire, stripe_id, to=_shows(customer.account))
    return stripe_id


@transaction.atomic
def _shows(account: Account) -> datetime:
    offset = ledger_clocks.clock_offsets([account.pk]).get(account.pk, timedelta(0))
    return ledger_clocks.database_now() + offset
