"""Subscriptions of Stripe's, as they were seen, and what they mean for ours.

Lock order: the contract, the wallet.
"""

from datetime import datetime
from typing import Final

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.payments import lookups
from billing.payments.gateway import ACCOUNT, CHECKOUT
from billing.payments.gateway.seen import SeenContract, SeenInvoice
from billing.payments.lookups import Lookup
from billing.payments.models import Checkout, Contract, Customer, PlanChange
from billing.payments.services import following
from billing.transactions import require_transaction
from plans import prices
from plans import selectors as plans

_UNPAID: Final = frozenset({Contract.Status.PAST_DUE, Contract.Status.UNPAID})
_OPEN: Final = "open"
_MADE: Final = (PlanChange.State.PAID, PlanChange.State.APPLIED)

# What follows Stripe; the rest says whose it is, and is written by others.
_FOLLOWED: Final = (
    *("catalog_version", "plan", "interval", "currency", "book", "seats"),
    *("price_micros", "renewal_micros", "status", "anchor_at"),
    *("period_starts_at", "period_ends_at", "trial_ends_at", "cancel_at", "ended_at"),
    *("paused_at", "past_due_at", "next_attempt_at", "attempts"),
    *("changes_to", "changes_interval", "changes_at", "seen_at"),
)


def apply(seen: SeenContract, latest: SeenInvoice | None, *, now: datetime) -> None:
    """Let a contract be as it was seen, and the subscription that it pays for follow it.

    In the caller's transaction; a repeat changes nothing. One that is none of ours is left alone.

    Args:
        latest: its newest bill; None: it has none, or that was looked at since.
        now: the real instant.
    """
    require_transaction("payments.contracts.apply")
    contract = Contract.objects.select_for_update().filter(stripe_id=seen.id).first()
    known = contract is not None
    if contract is None:
        contract = _new(seen, now=now)
    if contract is None:
        return
    _change_terms(contract, seen, now=now)
    _see(contract, seen, latest, now=now)
    if known:
        contract.save(update_fields=_FOLLOWED)
    else:
        contract.save(force_insert=True)
    locked = ledger.lock_wallet(contract.account, catalog=plans.current().catalog)
    following.follow(locked, contract)


def _new(seen: SeenContract, *, now: datetime) -> Contract | None:
    """Return the row of a contract that was not known; None: it is none of ours."""
    checkout = Checkout.objects.filter(
        pk=seen.metadata.get(CHECKOUT, ""), kind=Checkout.Kind.PLAN
    ).first()
    if checkout is not None:
        assert checkout.renewal_micros is not None, "a plan has a price for later periods"
        return Contract(
            stripe_id=seen.id,
            account=checkout.account,
            checkout=checkout,
            catalog_version_id=checkout.catalog_version_id,
            plan=checkout.code,
            interval=checkout.interval,
            currency=checkout.currency,
            book=checkout.book,
            seats=checkout.seats,
            price_micros=checkout.amount_micros,
            renewal_micros=checkout.renewal_micros,
        )
    account = _whose(seen)
    sold = lookups.read(seen.lookup_key)
    if account is None or sold is None or sold.kind != "plan":
        return None
    return _at_todays_terms(Contract(stripe_id=seen.id, account=account), sold, now=now)


def _whose(seen: SeenContract) -> Account | None:
    """Return whose a contract is that was made by hand, or whose page a restore has lost."""
    customer = Customer.objects.filter(stripe_id=seen.customer_id).exclude(stripe_id="").first()
    if customer is not None:
        return customer.account
    return Account.objects.filter(pk=seen.metadata.get(ACCOUNT, "")).first()


def _change_terms(contract: Contract, seen: SeenContract, *, now: datetime) -> None:
    """Let a contract sell what Stripe is seen to collect for, as it was agreed here.

    A change of plan that is paid counts from when its price is seen; one with which the period
    under way goes on, from when it was paid: until Stripe has followed, what is seen there is old.
    """
    made = PlanChange.objects.filter(contract=contract.pk, state__in=_MADE, failure="")
    newest = made.order_by("-id").first()
    if newest is not None and _shows(seen, newest):
        if not _sells(contract, newest):
            _as_agreed(contract, newest)
        return
    if newest is not None and newest.goes_on and newest.ended_at is None:
        return
    if contract.seats is not None:
        _be_for_seats(contract, seen.seats)
    sold = lookups.read(seen.lookup_key)
    if sold is None or sold.kind != "plan":
        return
    if (sold.code, sold.interval, sold.currency) != (
        contract.plan,
        contract.interval,
        contract.currency,
    ):
        _sell_again(contract, sold, seen, now=now)


def _be_for_seats(contract: Contract, seats: int) -> None:
    """Let it be for so many seats, at the price that each has had."""
    before = contract.seats or 1
    contract.price_micros = contract.price_micros // before * seats
    contract.renewal_micros = contract.renewal_micros // before * seats
    contract.seats = seats


def _shows(seen: SeenContract, change: PlanChange) -> bool:
    return bool(change.price_id) and (seen.price_id, seen.seats) == (
        change.price_id,
        change.quantity,
    )


def _sells(contract: Contract, change: PlanChange) -> bool:
    return (contract.plan, contract.interval, contract.seats) == (
        change.plan,
        change.interval,
        change.seats,
    )


def _sell_again(contract: Contract, sold: Lookup, seen: SeenContract, *, now: datetime) -> None:
    """Let it sell what it was changed to or began as, on those terms; what is new, on today's."""
    made = PlanChange.objects.filter(contract=contract.pk, state=PlanChange.State.APPLIED)
    # What Stripe did not carry out is nothing that it collects for.
    made = made.filter(plan=sold.code, interval=sold.interval, failure="")
    begun = contract.checkout
    if (last := made.order_by("-id").first()) is not None:
        _as_agreed(contract, last)
    elif begun is not None and (begun.code, begun.interval) == (sold.code, sold.interval):
        _as_begun(contract, begun, seen)
    else:
        _at_todays_terms(contract, sold, now=now)


def _as_agreed(contract: Contract, change: PlanChange) -> None:
    contract.catalog_version_id = change.catalog_version_id
    contract.plan, contract.interval = change.plan, change.interval
    contract.price_micros = contract.renewal_micros = change.renewal_micros
    contract.seats = change.seats


def _as_begun(contract: Contract, checkout: Checkout, seen: SeenContract) -> None:
    assert checkout.renewal_micros is not None, "a plan has a price for later periods"
    contract.catalog_version_id = checkout.catalog_version_id
    contract.plan, contract.interval = checkout.code, checkout.interval
    contract.price_micros = contract.renewal_micros = checkout.renewal_micros
    contract.seats = seen.seats if checkout.seats is not None else None


def _at_todays_terms(contract: Contract, sold: Lookup, *, now: datetime) -> Contract | None:
    """Let it sell what a price stands for, by the catalog in force; None: that has no such plan."""
    published = plans.current()
    plan = published.catalog.plan(sold.code)
    if plan is None:
        return None
    price = prices.price_of(
        plan, currency=sold.currency, interval=sold.interval, at=now, book=sold.book or None
    )
    renewal_micros = prices.renewal_micros(price) if price is not None else 0
    contract.catalog_version_id = published.version_id
    contract.plan, contract.interval, contract.book = sold.code, sold.interval, sold.book
    contract.currency = sold.currency
    contract.price_micros = contract.renewal_micros = renewal_micros
    return contract


def _see(
    contract: Contract, seen: SeenContract, latest: SeenInvoice | None, *, now: datetime
) -> None:
    """Write down how a contract stands; what begins with a look keeps the instant of the first."""
    contract.status = seen.status
    contract.anchor_at = seen.anchor_at
    contract.period_starts_at, contract.period_ends_at = seen.period_starts_at, seen.period_ends_at
    contract.trial_ends_at = seen.trial_ends_at
    contract.cancel_at = seen.cancel_at
    contract.ended_at = seen.ended_at
    contract.paused_at = (contract.paused_at or now) if seen.is_paused else None
    due = latest if latest is not None and latest.status == _OPEN else None
    if seen.status not in _UNPAID:
        contract.past_due_at = None
    elif contract.past_due_at is None:
        contract.past_due_at = due.created_at if due is not None else now
    if latest is not None:
        contract.next_attempt_at = due.next_attempt_at if due is not None else None
        contract.attempts = due.attempts if due is not None else 0
    upcoming = lookups.read(seen.changes_to)
    contract.changes_to = upcoming.code if upcoming is not None else ""
    contract.changes_interval = upcoming.interval if upcoming is not None else ""
    contract.changes_at = seen.changes_at if upcoming is not None else None
    contract.seen_at = now
