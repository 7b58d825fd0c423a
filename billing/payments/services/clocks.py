"""Lets Stripe's time go along with the time of sandbox accounts that live by a test clock.

Each of their customers has a test clock of his own at Stripe: it stops where the account's stops.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from billing.accounts.models import Account
from billing.payments.gateway import StripeRefused, clocks, configured
from billing.payments.models import Customer
from billing.payments.services import applying
from billing.transactions import forbid_transaction

_log = structlog.get_logger(__name__)


def follow(accounts: Sequence[Account], *, at: datetime, now: datetime) -> None:
    """Stripe's clocks of these accounts show `at`, and what it brought is applied here.

    Outside any transaction. Whoever dies half-way has it done by the next call.

    Args:
        at: what the accounts' own clock shows.
        now: the real instant.

    Raises:
        StripeAway: try again.
    """
    forbid_transaction("payments.clocks.follow")
    wire = configured()
    if wire is None:
        return
    for customer in Customer.objects.filter(account__in=accounts).exclude(clock_stripe_id=""):
        try:
            clocks.advance_clock(wire, customer.clock_stripe_id, to=at)
            for kind, stripe_id in clocks.kept_for(wire, customer.stripe_id):
                applying.look(kind=kind, stripe_id=stripe_id, now=now)
        except StripeRefused as refusal:
            # It was thrown away at Stripe: the account's own time goes on without it.
            _log.warning("stripe_clock_refused", account_id=customer.account_id, code=refusal.code)
