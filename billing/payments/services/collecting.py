"""Asks at Stripe for what a change of plan costs, once, and carries it out there once it is paid.

The bill is written down before it is collected. Where nobody knows whether one was made, it is
looked for at Stripe: its keys last a day, the metadata for ever. Outside any transaction.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from billing.ledger import clocks
from billing.payments import lookups
from billing.payments.errors import PaymentsRefused, PlanIsPaused, PriceOutOfStep
from billing.payments.gateway import ACCOUNT, CHANGE, FACT, Declined, StripeRefused, Wire, contracts
from billing.payments.gateway import changes as gateway
from billing.payments.gateway.changes import Bill
from billing.payments.gateway.seen import SeenContract, SeenInvoice
from billing.payments.models import PlanChange
from billing.payments.services import fulfilling, syncing
from billing.payments.services.fulfilling import TOO_LATE, UNPAID
from billing.subscriptions.errors import NotSubscribed
from plans import prices
from plans import selectors as plans

State = PlanChange.State
_KEYS_LAST: Final = timedelta(hours=20)  # Stripe knows a key for a day at least
_OPEN: Final = "open"
_PAID: Final = "paid"
_NOT_PAID: Final = "not_paid"
_ENDED: Final = "ended"
_RENEWED: Final = "renewed_meanwhile"
_log = structlog.get_logger(__name__)


def collect(wire: Wire, change: PlanChange, *, now: datetime) -> PlanChange:
    """Ask for what is due, and write down how that went; a repeat asks once.

    Afterwards it is paid, waits for its payer, or has failed: the bank said no, or it is too late.

    Args:
        now: the real instant.

    Raises:
        PriceOutOfStep, NotSubscribed, PlanIsPaused: it could not be carried out; nothing was
            asked for.
        StripeAway: a repeat goes on.
        StripeRefused: nothing can be paid for it any more, and it has failed.
    """
    is_forgotten = not change.invoice_id and now - change.created_at > _KEYS_LAST
    try:
        if is_forgotten or fulfilling.is_late(change, at=clock_of(change)):
            return drop(wire, change, TOO_LATE, now=now)
        if change.state == State.ASKED:
            change = _make_sure(wire, change, now=now)
        if change.ended_at is not None or not change.due_micros:
            return fulfilling.pay(change.pk, None, now=now)
        return _collect(wire, change, now=now)
    except StripeRefused as refusal:
        drop(wire, change, refusal.code, now=now)
        raise


def drop(wire: Wire, change: PlanChange, reason: str, *, now: datetime) -> PlanChange:
    """Nobody can pay for a change any more, and it has failed; unless it was paid by then.

    Raises:
        StripeAway, StripeRefused: as they say; a repeat goes on.
    """
    bill = _dropped(wire, change)
    if bill is not None and bill.status == _PAID:
        return fulfilling.pay(change.pk, bill, now=now)
    return fulfilling.fail(change.pk, reason, now=now)


def change_at_stripe(wire: Wire, change: PlanChange, *, now: datetime) -> PlanChange:
    """Let Stripe collect for the new plan, now or when the period ends; a repeat changes nothing.

    What Stripe does not do is paid back; of a difference, what was paid for is given already, so
    that it counts as carried out, and the period after it is the former plan's.

    Raises:
        PaymentsRefused: it is not carried out, and was paid back.
        StripeAway: a repeat goes on.
    """
    why_not = _why_not(wire, change)
    if why_not and not change.goes_on:
        change = fulfilling.undo(change.pk, why_not, now=now)
        if change.state != State.FAILED:
            return change
        _log.error("change_undone", change_id=change.pk, reason=why_not)
        raise PaymentsRefused(reason=why_not)
    if why_not:
        _log.error("change_not_at_stripe", change_id=change.pk, reason=why_not)
        return fulfilling.end(change.pk, failure=why_not, now=now)
    return change


def clock_of(change: PlanChange) -> datetime:
    """Return the instant of the account's own clock, by which a change is in time or too late."""
    at = clocks.clock_of(change.account)
    assert at is not None, "who has a plan has a wallet"
    return at


# -- before money is asked for -----------------------------------------------------------------
def _make_sure(wire: Wire, change: PlanChange, *, now: datetime) -> PlanChange:
    """Find out that it can be carried out, and by which price.

    Raises:
        PriceOutOfStep, NotSubscribed, PlanIsPaused: it cannot; the change has failed.
        StripeAway, StripeRefused: as they say.
    """
    try:
        price_id = _price_at_stripe(wire, change)
    except (PriceOutOfStep, NotSubscribed, PlanIsPaused) as refusal:
        if drop(wire, change, refusal.code, now=now).state == State.FAILED:
            raise
        return fulfilling.read(change.pk)
    return fulfilling.note_price(change.pk, price_id=price_id)


def _price_at_stripe(wire: Wire, change: PlanChange) -> str:
    """Return the price that Stripe is to collect; "": the same as before.

    Raises:
        PriceOutOfStep: that price is not at Stripe.
        NotSubscribed: nothing is collected any more.
        PlanIsPaused: nothing is collected now, and the new period would be of now.
    """
    seen = contracts.contract(wire, change.contract.stripe_id)
    if seen.ended_at is not None:
        raise NotSubscribed
    if seen.is_paused and not change.at_period_end:
        raise PlanIsPaused
    return "" if _takes_back(change) else _price_id(wire, change)


def _takes_back(change: PlanChange) -> bool:
    """Say whether it is the plan that is under way: a change that waits is not wanted any more."""
    contract = change.contract
    return change.at_period_end and (change.plan, change.interval, change.seats) == (
        contract.plan,
        contract.interval,
        contract.seats,
    )


def _price_id(wire: Wire, change: PlanChange) -> str:
    catalog = plans.version(change.catalog_version_id).catalog
    plan = catalog.plan(change.plan)
    assert plan is not None, "a change's version has its plan"
    each_micros = change.renewal_micros // change.quantity
    price = next(
        one
        for one in plan.prices
        if (one.currency, one.interval) == (change.currency, change.interval)
        and (one.book or "") in {change.book, ""}
        and prices.renewal_micros(one) == each_micros
    )
    offer = lookups.offer_of(catalog.slug, "plan", plan, price)
    return syncing.price_for(wire, offer).id


# -- its bill ----------------------------------------------------------------------------------
def _collect(wire: Wire, change: PlanChange, *, now: datetime) -> PlanChange:
    bill = (
        contracts.invoice(wire, change.invoice_id)
        if change.invoice_id
        else gateway.ask_for(wire, _asked(change))
    )
    change = fulfilling.note_bill(change.pk, invoice_id=bill.id)
    if change.state not in UNPAID or bill.status not in {_OPEN, _PAID}:
        # Somebody has given it up meanwhile, here or at Stripe.
        return drop(wire, change, _NOT_PAID, now=now)
    try:
        bill = gateway.collect(wire, bill, key=change.pk)
    except Declined as declined:
        if not declined.needs_action:
            return drop(wire, change, declined.code, now=now)
    if bill.status == _PAID:
        return fulfilling.pay(change.pk, bill, now=now)
    change = fulfilling.wait(change.pk, pay_url=bill.page_url)
    return change if change.state in UNPAID else drop(wire, change, _NOT_PAID, now=now)


def _dropped(wire: Wire, change: PlanChange) -> SeenInvoice | None:
    """Return the bill of a change, which nobody can pay any more; None: there is none.

    Stripe has none of a contract that is gone there, and it is not asked for ever.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    try:
        bill = _known(wire, change)
        return gateway.drop_bill(wire, bill.id) if bill is not None else None
    except StripeRefused as refusal:
        if not refusal.is_missing:
            raise
        return None


def _known(wire: Wire, change: PlanChange) -> SeenInvoice | None:
    """Return the bill of a change as it is at Stripe, where it may have been made unnoticed."""
    if change.invoice_id:
        return contracts.invoice(wire, change.invoice_id)
    return gateway.find_bill(wire, _asked(change)) if change.due_micros else None


def _asked(change: PlanChange) -> Bill:
    return Bill(
        key=change.pk,
        customer_id=change.account.customer.stripe_id,
        contract_id=change.contract.stripe_id,
        currency=change.currency,
        amount_micros=change.due_micros,
        text=_text(change),
        metadata={FACT: f"stripe:{change.pk}", ACCOUNT: change.account_id, CHANGE: change.pk},
    )


def _text(change: PlanChange) -> str:
    """Return what its payer reads on the bill, in his language."""
    language = change.account.customer.language or settings.LANGUAGE_CODE
    with translation.override(language):
        sold, wanted = change.contract.catalog_version_id, change.catalog_version_id
        names = {"old": name_of(sold, change.from_plan), "new": name_of(wanted, change.plan)}
        return _("Change of plan: %(old)s → %(new)s") % names


def name_of(version_id: str, code: str) -> str:
    """Return what a plan is called in the language that is spoken; its code, if it is lost."""
    plan = plans.version(version_id).catalog.plan(code)
    return plan.name.said() if plan is not None else code


# -- at Stripe, once it is paid ----------------------------------------------------------------
def _why_not(wire: Wire, change: PlanChange) -> str:
    """Have Stripe collect for the new plan; return why it does not, "": it does.

    What is refused is asked for once more, as the contract stands then: another worker may have
    changed it between our look and our asking.

    Raises:
        StripeAway: as it says.
    """
    try:
        return _change(wire, change)
    except StripeRefused as refusal:
        _log.warning("change_refused", change_id=change.pk, reason=str(refusal))
    try:
        return _change(wire, change)
    except StripeRefused as refusal:
        return refusal.code


def _change(wire: Wire, change: PlanChange) -> str:
    """Have Stripe collect for the new plan; return why it cannot, "": it does.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    if change.has_begun:
        return ""  # whatever has become of the contract since
    seen = contracts.contract(wire, change.contract.stripe_id)
    if (seen.price_id, seen.seats) == (change.price_id, change.quantity):
        # Done before, and what it has begun is given, though it may have ended since: a key that
        # is forgotten must not begin a second period.
        return ""
    if seen.ended_at is not None:
        return _ENDED
    if change.at_period_end:
        _change_later(wire, seen, change)
    elif _is_over(change, seen):
        return _RENEWED
    elif change.begins_anew and seen.is_paused:
        return PlanIsPaused.code  # the bill with which it begins would be void
    else:
        gateway.change_now(
            wire,
            seen,
            key=change.pk,
            price_id=change.price_id,
            quantity=change.quantity,
            begins_anew=change.begins_anew,
        )
    return ""


def _is_over(change: PlanChange, seen: SeenContract) -> bool:
    """Say whether the former plan has gone on since, so that its worth is not what was reckoned.

    Its next bill is on its way; or, of what begins a new period, its next window has come.
    """
    if change.paid_until is not None and seen.period_starts_at >= change.paid_until:
        return True
    return not change.goes_on and fulfilling.is_late(change, at=clock_of(change))


def _change_later(wire: Wire, seen: SeenContract, change: PlanChange) -> None:
    if change.price_id:
        gateway.change_at_period_end(wire, seen, price_id=change.price_id, quantity=change.quantity)
    else:
        gateway.drop_change(wire, seen)
