"""Changes, ends and resumes what is collected for: agreed first, then at Stripe, then here.

A change is a row before money is asked for. What of the former period is taken off its price is
held in the same commit, so that nobody spends it meanwhile; it is free again if the change is not
made. Whoever repeats it, or the sweep, goes on where it broke off.

Lock order: the contract, the change, the wallet.
"""

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.payments.errors import (
    ChangeUnderWay,
    PaymentFailed,
    PaymentsAway,
    PaymentsRefused,
    PlanIsPaused,
    PreviewIsOld,
    PriceOutOfStep,
)
from billing.payments.gateway import StripeAway, StripeRefused, Wire, contracts
from billing.payments.gateway import changes as gateway
from billing.payments.models import Contract, PlanChange
from billing.payments.money import written
from billing.payments.services import (
    applying,
    collecting,
    customers,
    fulfilling,
    pledging,
    reckoning,
)
from billing.payments.services.fulfilling import UNPAID
from billing.payments.services.reckoning import Judged, Wish
from billing.subscriptions.errors import NotSubscribed
from billing.transactions import forbid_transaction, require_transaction
from plans import selectors as plans

State = PlanChange.State
_NOT_PAID: Final = "not_paid"
_SUBSCRIPTION: Final = "subscription"
_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def preview(*, account: Account, wish: Wish) -> Judged:
    """Return what a change would come to now; nothing changes.

    Raises:
        NotSubscribed, UnknownPlan, PlanNotOnSale, NoSuchPrice, SeatsOutOfRange,
            FewerSeatsThanMembers, NothingChanges, NotNow, PaymentIsDue, PlanIsPaused: as
            `reckoning.judge`.
    """
    return reckoning.judge(account, wish)[1]


def ask_change(
    *,
    account: Account,
    wish: Wish,
    agreed_micros: int | None,
    by: Membership | None = None,
    now: datetime,
) -> PlanChange:
    """Write down what is agreed; `carry_out` goes on with it. In the caller's transaction.

    Args:
        agreed_micros: what the preview said is due now; None: whatever it costs.
        by: the member who decides so for a pool; None: the person himself.

    Raises:
        AccountFrozen: an operator has frozen the account, or `by`.
        PreviewIsOld: it costs something else by now.
        ChangeUnderWay: an earlier one has not ended.
        InDebt: credits would be taken off its price, and the account owes some.
        DomainError: as `preview`.
    """
    require_transaction("payments.ask_change")
    locked, judged = reckoning.judge(account, wish, by=by)
    accounts.require_not_frozen(account, by=by)
    before = PlanChange.objects.filter(contract=judged.contract, ended_at=None).first()
    if before is not None:
        raise ChangeUnderWay(pay_url=before.pay_url)
    reckoned = judged.reckoned
    due_micros = reckoned.due_micros if reckoned is not None else 0
    if agreed_micros is not None and agreed_micros != due_micros:
        raise PreviewIsOld(due=written(due_micros, judged.contract.currency))
    change = PlanChange.objects.create(
        account=account,
        contract=judged.contract,
        catalog_version_id=judged.version_id,
        from_plan=judged.contract.plan,
        plan=judged.plan.code,
        interval=judged.interval,
        seats=judged.seats,
        book=judged.contract.book,
        currency=judged.contract.currency,
        renewal_micros=judged.renewal_micros,
        due_micros=due_micros,
        paid_until=judged.subscription.paid_until,
        to_be_paid_by=judged.to_be_paid_by,
        held_window_micros=judged.held.window_micros,
        window_micros=judged.wanted.window_micros,
        worth_micros=reckoned.worth_micros if reckoned is not None else 0,
        gives_micros=reckoned.gives_micros if reckoned is not None else 0,
        carried=judged.carried,
        at_period_end=judged.when == "period_end",
        begins_anew=reckoned is not None and reckoned.begins_anew,
        created_at=now,
    )
    if reckoned is not None and reckoned.takes_micros:
        change.hold_id = pledging.pledge(locked, judged.subscription, change_id=change.pk)
        change.save(update_fields=["hold"])
    return change


def carry_out(*, change_id: str, now: datetime) -> PlanChange:
    """Bring a change to its end, or to where its payer must act; a repeat goes on.

    Outside any transaction.

    Raises:
        PaymentFailed: the bank said no, or it is too late; nothing has changed.
        PriceOutOfStep, NotSubscribed, PlanIsPaused: it cannot be carried out; nothing was asked
            for.
        PaymentsAway: Stripe gave no answer; a repeat, or the sweep, goes on.
        PaymentsRefused: Stripe does not do it; what was paid goes back.
        PaymentsNotConfigured: as `customers.wire_for`.
    """
    forbid_transaction("payments.carry_out")
    change = fulfilling.read(change_id)
    if change.ended_at is None:
        wire = customers.wire_for(change.account)
        try:
            change = _go_on(wire, change, now=now)
        except StripeAway as away:
            _log.warning("change_waits", change_id=change_id, reason=str(away))
            raise PaymentsAway from None
        except StripeRefused as refusal:
            _log.exception("change_refused", change_id=change_id, code=refusal.code)
            raise PaymentsRefused(reason=refusal.code) from None
    if change.state == State.FAILED:
        raise PaymentFailed(reason=change.failure)
    return fulfilling.read(change_id)


def go_on(*, change_id: str, now: datetime) -> None:
    """Bring a change to its end for nobody who waits: one that is refused has failed.

    Outside any transaction.

    Raises:
        PaymentsAway, PaymentsNotConfigured: as `carry_out`.
    """
    try:
        carry_out(change_id=change_id, now=now)
    except (
        *(PaymentFailed, PaymentsRefused, PriceOutOfStep),
        *(NotSubscribed, PlanIsPaused),
    ) as refusal:
        _log.info("change_not_made", change_id=change_id, code=refusal.code, **refusal.facts)


def give_up(*, change_id: str, now: datetime) -> PlanChange:
    """A change that is not paid is not wanted any more; if it was paid by then, it goes on.

    Nobody can pay its bill afterwards; what was paid and is refused has failed. Outside any
    transaction.

    Raises:
        PaymentsAway, PaymentsRefused, PaymentsNotConfigured: as `carry_out`.
    """
    forbid_transaction("payments.give_up")
    change = fulfilling.read(change_id)
    if change.state not in UNPAID:
        return change
    try:
        change = collecting.drop(customers.wire_for(change.account), change, _NOT_PAID, now=now)
    except StripeAway:
        raise PaymentsAway from None
    except StripeRefused as refusal:
        raise PaymentsRefused(reason=refusal.code) from None
    if change.state == State.PAID:
        go_on(change_id=change_id, now=now)
    return fulfilling.read(change_id)


def end_contract(*, contract_id: str, at_once: bool, now: datetime) -> None:
    """What is collected for ends now, or with the period that is paid for.

    A change of plan that is not paid is given up; one that is paid is carried out first. A repeat
    changes nothing. Outside any transaction.

    Raises:
        PaymentsAway, PaymentsRefused, PaymentsNotConfigured: as `carry_out`.
    """
    _set(contract_id, ends=True, at_once=at_once, now=now)


def resume_contract(*, contract_id: str, by: Membership | None = None, now: datetime) -> None:
    """It goes on after its period, and stays the plan that it is. A repeat changes nothing.

    Outside any transaction.

    Args:
        by: the member who decides so for a pool; None: the person himself.

    Raises:
        AccountFrozen: an operator has frozen the account, or `by`.
        PaymentsAway, PaymentsRefused, PaymentsNotConfigured: as `carry_out`.
    """
    forbid_transaction("payments.resume_contract")
    _require_not_frozen(contract_id, by=by)
    _set(contract_id, ends=False, at_once=False, now=now)


def _go_on(wire: Wire, change: PlanChange, *, now: datetime) -> PlanChange:
    """Take a change as far as it comes: money first, then Stripe, then what was pledged.

    Raises:
        DomainError, StripeAway, StripeRefused: as `collecting`.
    """
    if change.state in UNPAID:
        change = collecting.collect(wire, change, now=now)
    if change.state != State.PAID:
        return change
    collecting.change_at_stripe(wire, fulfilling.read(change.pk), now=now)
    _look(change.contract.stripe_id, now=now)
    if bill := fulfilling.read(change.pk).invoice_id:
        # What went back of its payment may have been told before we knew of that.
        applying.look(kind="invoice", stripe_id=bill, now=now)
    return fulfilling.end(change.pk, now=now)


def _end_change(contract_id: str, *, now: datetime) -> None:
    """Let no change of a contract be under way that ends: unpaid it is given up, paid it is made.

    Raises:
        PaymentsAway, PaymentsNotConfigured: as `carry_out`.
    """
    change = PlanChange.objects.filter(contract=contract_id, ended_at=None).first()
    if change is not None and change.state in UNPAID:
        give_up(change_id=change.pk, now=now)
    elif change is not None:
        go_on(change_id=change.pk, now=now)


@transaction.atomic(durable=True)
def _require_not_frozen(contract_id: str, *, by: Membership | None) -> None:
    """Check that the account of a contract may be charged again by what is done now.

    Raises:
        AccountFrozen: an operator has frozen it, or `by`.
    """
    account = Contract.objects.select_related("account").get(pk=contract_id).account
    ledger.lock_wallet_by(account, by=by, catalog=plans.current().catalog)
    accounts.require_not_frozen(account, by=by)


def _set(contract_id: str, *, ends: bool, at_once: bool, now: datetime) -> None:
    forbid_transaction("payments.end_contract")
    contract = Contract.objects.select_related("account").get(pk=contract_id)
    wire = customers.wire_for(contract.account)
    if ends:
        _end_change(contract_id, now=now)
    try:
        if ends and at_once:
            gateway.end_now(wire, contract.stripe_id)
        else:
            seen = contracts.contract(wire, contract.stripe_id)
            if seen.ended_at is None:
                gateway.end_at_period_end(wire, seen, ends=ends)
        _look(contract.stripe_id, now=now)
    except StripeAway:
        raise PaymentsAway from None
    except StripeRefused as refusal:
        raise PaymentsRefused(reason=refusal.code) from None


def _look(stripe_id: str, *, now: datetime) -> None:
    applying.look(kind=_SUBSCRIPTION, stripe_id=stripe_id, now=now)
