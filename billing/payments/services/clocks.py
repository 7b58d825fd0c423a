"""Lets Stripe's time go along with the time of sandbox accounts that live by a test clock.

Each of their customers has a test clock of his own at Stripe: it stops where the account's stops.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from billing.accounts.models import Account
from billing.payments import selectors
from billing.payments.gateway import StripeRefused, Wire, clocks, configured
from billing.payments.models import Customer
from billing.payments.services import applying, lapsing, reminding
from billing.transactions import forbid_transaction

_log = structlog.get_logger(__name__)


def follow(accounts: Sequence[Account], *, at: datetime, is_goal: bool, now: datetime) -> None:
    """What Stripe does for these accounts until `at` has happened, there and here.

    Whose time and grace are over has lapsed, and who has something coming was written to.

    Outside any transaction. Who is left out, because somebody died, has it done by the next call.

    Args:
        at: what the accounts' own clock shows.
        is_goal: it stays there, and so Stripe's clocks must show it too; on the way Stripe is asked
            only where it acts by itself.
        now: the real instant.

    Raises:
        StripeAway: try again.
    """
    forbid_transaction("payments.clocks.follow")
    ids = {account.pk for account in accounts}
    due = [one for one in selectors.coming_by_clock(ids) if one.at <= at]
    at_stripe = ids if is_goal else {one.account_id for one in due if one.at_stripe}
    touched = ids if is_goal else {one.account_id for one in due}
    customers = Customer.objects.filter(account__in=touched, lives_by_clock=True)
    wire = configured()
    known = customers.exclude(clock_stripe_id="").exclude(stripe_id="")
    for customer in known.filter(account__in=at_stripe):
        if wire is not None:
            _follow(wire, customer, at=at, now=now)
    lapsing.lapse_due(now=now, accounts=accounts)
    for customer in customers.select_related("account"):
        reminding.remind_by_clock(customer.account, at=at, now=now)


def _follow(wire: Wire, customer: Customer, *, at: datetime, now: datetime) -> None:
    try:
        clocks.advance_clock(wire, customer.clock_stripe_id, to=at)
        for kind, stripe_id in clocks.kept_for(wire, customer.stripe_id):
            # What was looked at for another's sake, or cannot change by time, is not asked for.
            if not selectors.is_settled(kind, stripe_id):
                applying.look(kind=kind, stripe_id=stripe_id, now=now)
    except StripeRefused as refusal:
        # It was thrown away at Stripe: the account's own time goes on without it.
        _log.warning("stripe_clock_refused", account_id=customer.account_id, code=refusal.code)
