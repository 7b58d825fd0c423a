"""What a change of plan becomes: billed, paid, carried out or failed. One commit a step.

What was paid for a change is given with it, or is paid back: whatever was heard in which order.

Lock order: the contract, the change, the wallet, the purchase.
"""

from datetime import datetime
from typing import Final

import structlog
from django.db import transaction

from billing.ledger import services as ledger
from billing.ledger.services import LockedWallet
from billing.packs.services import Paid
from billing.payments.gateway.seen import SeenInvoice, SeenPayment
from billing.payments.models import Contract, PlanChange, Purchase
from billing.payments.services import following, pledging, purchases, undoing
from billing.payments.services.purchases import Bought
from billing.subscriptions import services as subscriptions
from billing.transactions import require_transaction
from plans import selectors as plans

State = PlanChange.State
UNPAID: Final = frozenset({State.ASKED, State.BILLED})
TOO_LATE: Final = "too_late"
_ENDED: Final = "ended"
_IN_VAIN: Final = "change_failed"
_log = structlog.get_logger(__name__)


def read(change_id: str) -> PlanChange:
    """Return a change as it stands, with its contract and its account's customer."""
    rows = PlanChange.objects.select_related("account__customer", "contract")
    return rows.get(pk=change_id)


def is_late(change: PlanChange, *, at: datetime) -> bool:
    """Say whether the period, or its window of credits, is over by which it was reckoned.

    Then other credits have come than it was reckoned with. One at the end of the period never is.

    Args:
        at: by the clock of its account.
    """
    until = change.to_be_paid_by
    return not change.at_period_end and until is not None and at >= until


@transaction.atomic(durable=True)
def note_price(change_id: str, *, price_id: str) -> PlanChange:
    """Write down which price Stripe is to collect; before money is asked for."""
    change, _contract = _lock(change_id)
    if change.state in UNPAID:
        change.price_id = price_id
        change.save(update_fields=["price_id"])
    return change


@transaction.atomic(durable=True)
def note_bill(change_id: str, *, invoice_id: str) -> PlanChange:
    """Write down by which bill it is asked for; before that is collected."""
    change, _contract = _lock(change_id)
    if change.state in UNPAID and not change.invoice_id:
        change.invoice_id = invoice_id
        change.save(update_fields=["invoice_id"])
    return change


@transaction.atomic(durable=True)
def wait(change_id: str, *, pay_url: str) -> PlanChange:
    """It waits for its payer, who pays its bill on that page."""
    change, _contract = _lock(change_id)
    if change.state == State.ASKED:
        change.state, change.pay_url = State.BILLED, pay_url
        change.save(update_fields=["state", "pay_url"])
    return change


@transaction.atomic(durable=True)
def pay(change_id: str, bill: SeenInvoice | None, *, now: datetime) -> PlanChange:
    """Write down that it is paid; what a difference brings is in the wallet in the same commit.

    What cannot be given any more has failed, and its money goes back. A repeat changes nothing.

    Args:
        bill: which was paid; None: nothing is due.
        now: the real instant.
    """
    change, contract = _lock(change_id)
    locked = ledger.lock_wallet(change.account, catalog=plans.current().catalog)
    if change.state in UNPAID:
        why_not = _why_not(change, contract, bill, at=locked.now)
        if not why_not:
            _take_on(locked, change, contract, bill)
            return change
        _give_up(locked, change, why_not, now=now)
    if change.state == State.FAILED and bill is not None:
        pay_back(change, bill, now=now)
    return change


@transaction.atomic(durable=True)
def end(change_id: str, *, failure: str = "", now: datetime) -> PlanChange:
    """It is carried out: what was pledged for it is gone. A repeat changes nothing.

    One whose new period was paid for and has not come stays paid, and what is pledged for it held.

    Args:
        failure: why Stripe goes on to collect for the former plan all the same; "": it does not.
    """
    change, _contract = _lock(change_id)
    has_come = not change.begins_anew or not change.due_micros or change.has_begun
    if change.state == State.PAID and not has_come:
        _log.error("change_has_not_begun", change_id=change.pk)
    elif change.state == State.PAID:
        locked = ledger.lock_wallet(change.account, catalog=plans.current().catalog)
        pledging.redeem(locked, change)
        change.state, change.failure = State.APPLIED, failure[:64]
        change.ended_at = max(now, change.created_at)
        change.save(update_fields=["state", "failure", "ended_at"])
    return change


@transaction.atomic(durable=True)
def fail(change_id: str, reason: str, *, now: datetime) -> PlanChange:
    """It is not made: what was pledged for it is free again. One that is paid stays so."""
    change, _contract = _lock(change_id)
    if change.state in UNPAID:
        locked = ledger.lock_wallet(change.account, catalog=plans.current().catalog)
        _give_up(locked, change, reason, now=now)
    return change


@transaction.atomic(durable=True)
def undo(change_id: str, reason: str, *, now: datetime) -> PlanChange:
    """It was paid and cannot be carried out: what was pledged is free again, its money goes back.

    Not for one that goes on with its period: what that brings is in the wallet already. One
    whose new period was given stays paid.
    """
    change, _contract = _lock(change_id)
    if change.state == State.PAID and not change.has_begun:
        assert not change.goes_on, "it has brought what was paid for"
        locked = ledger.lock_wallet(change.account, catalog=plans.current().catalog)
        _give_up(locked, change, reason, now=now)
        for purchase in Purchase.objects.select_for_update().filter(fact=_fact(change)):
            undoing.pay_back(locked, purchase, reason=reason, now=now)
    return change


def pay_back(
    change: PlanChange, bill: SeenInvoice, payment: SeenPayment | None = None, *, now: datetime
) -> None:
    """A change that has failed was paid after all: its money is known here, and goes back.

    In the caller's transaction, which holds the contract; a repeat changes nothing.

    Args:
        payment: of the bill, seen at the same time; None: it was not looked at.
        now: the real instant.
    """
    require_transaction("payments.fulfilling.pay_back")
    assert change.state == State.FAILED, "what is given is not paid back"
    locked = ledger.lock_wallet(change.account, catalog=plans.current().catalog)
    recorded = _record(locked, change, change.contract, bill)
    purchase = Purchase.objects.select_for_update().get(pk=recorded.pk)
    reason = change.failure if change.failure in {TOO_LATE, _ENDED} else _IN_VAIN
    back = undoing.pay_back(locked, purchase, reason=reason, now=now, payment=payment)
    if back is not None:
        _log.warning("change_paid_in_vain", change_id=change.pk, purchase_id=purchase.pk)


def _why_not(
    change: PlanChange, contract: Contract, bill: SeenInvoice | None, *, at: datetime
) -> str:
    """Return why what was paid for cannot be given any more; "": it can."""
    if contract.ended_at is not None:
        return _ENDED
    paid_at = bill.paid_at if bill is not None else None
    if is_late(change, at=at) or (paid_at is not None and is_late(change, at=paid_at)):
        return TOO_LATE
    subscription = following.subscription_of(contract)
    is_over = subscription is None or subscription.ended_at is not None
    return _ENDED if change.goes_on and is_over else ""


def _take_on(
    locked: LockedWallet, change: PlanChange, contract: Contract, bill: SeenInvoice | None
) -> None:
    """Keep that it is paid, and give what a difference brings: the period under way goes on."""
    change.state = State.PAID
    if change.goes_on:
        _sell(contract, change)
        before = following.subscription_of(contract)
        assert before is not None, "`_why_not` has seen it"
        change.subscription = contract.subscription = subscriptions.change_sold(
            locked,
            before,
            sold=following.sold_by(contract),
            gives_micros=change.gives_micros,
            fact=f"change:{change.pk}",
        )
        contract.save(update_fields=["subscription"])
    change.save(update_fields=["state", "subscription"])
    if bill is not None:
        _record(locked, change, contract, bill)


def _record(
    locked: LockedWallet, change: PlanChange, contract: Contract, bill: SeenInvoice
) -> Purchase:
    """Write down its money, and what that has brought: of a new period nothing so far."""
    goes_on = change.state == State.PAID and change.goes_on
    until = change.paid_until
    return purchases.record(
        account=change.account,
        kind=Purchase.Kind.CHANGE,
        fact=_fact(change),
        stripe_id=bill.payment_id or bill.id,
        paid=Paid(bill.paid_micros, bill.currency),
        paid_at=bill.paid_at or bill.created_at,
        credited_micros=change.gives_micros if goes_on else 0,
        bought=Bought(
            contract=contract,
            subscription=change.subscription,
            # Of the rest of the period under way: its money is earned until that is over.
            period=(locked.now, until) if goes_on and until is not None else None,
        ),
        now=locked.now,
    )


def _sell(contract: Contract, change: PlanChange) -> None:
    """Let the contract sell what was changed to; Stripe follows."""
    contract.catalog_version_id = change.catalog_version_id
    contract.plan, contract.interval = change.plan, change.interval
    contract.seats = change.seats
    contract.price_micros = contract.renewal_micros = change.renewal_micros
    contract.save(
        update_fields=[
            *("catalog_version", "plan", "interval", "seats", "price_micros", "renewal_micros")
        ]
    )


def _give_up(locked: LockedWallet, change: PlanChange, reason: str, *, now: datetime) -> None:
    pledging.give_back(locked, change)
    change.state, change.failure = State.FAILED, reason[:64]
    change.ended_at = max(now, change.created_at)
    change.save(update_fields=["state", "failure", "ended_at"])


def _lock(change_id: str) -> tuple[PlanChange, Contract]:
    """Lock a change, and the contract before it."""
    contract_id = PlanChange.objects.values_list("contract_id", flat=True).get(pk=change_id)
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    change = PlanChange.objects.select_related("account").select_for_update(of=("self",))
    found = change.get(pk=change_id)
    found.contract = contract
    return found, contract


def _fact(change: PlanChange) -> str:
    return f"stripe:{change.pk}"
