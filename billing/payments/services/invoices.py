"""Bills of Stripe's, as they were seen, and the periods that they pay for.

Lock order: the contract, the wallet, the purchase.
"""

from datetime import datetime
from typing import Final

import structlog

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.services import LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs.services import Paid
from billing.payments.gateway import CHANGE
from billing.payments.gateway.seen import SeenInvoice, SeenLine, SeenPayment
from billing.payments.models import Contract, Customer, Invoice, PlanChange, Purchase
from billing.payments.services import following, fulfilling, profiles, purchases, returning, undoing
from billing.payments.services.purchases import Bought
from billing.payments.services.telling import tell_action, tell_unpaid
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.models import PaidPeriod, Subscription
from billing.subscriptions.services import Period
from billing.transactions import require_transaction
from plans import selectors as plans

_PAID: Final = Invoice.Status.PAID
# A bill never goes back: one that is paid, or void, is not open any more.
_FINAL: Final = frozenset({Invoice.Status.PAID, Invoice.Status.VOID})
_log = structlog.get_logger(__name__)


def apply(seen: SeenInvoice, payment: SeenPayment | None = None, *, now: datetime) -> None:
    """Let a bill be as it was seen; one that was paid has brought what it pays for.

    In the caller's transaction, after the contract that it belongs to; a repeat changes nothing.
    One that is none of ours is left alone.

    Args:
        payment: what is to pay it, seen at the same time; None: nothing does, or it was not.
        now: the real instant.
    """
    require_transaction("payments.invoices.apply")
    contract = Contract.objects.select_for_update().filter(stripe_id=seen.contract_id).first()
    account = contract.account if contract is not None else _customer_of(seen)
    if account is None:
        return
    known = Invoice.objects.filter(pk=seen.id).first()
    if known is not None and known.status in _FINAL and seen.status != known.status:
        return
    invoice = _see(seen, account, contract, now=now)
    profiles.stamp(invoice)
    if contract is None:
        return
    if seen.status == _PAID and CHANGE in seen.metadata:
        _go_on_with_change(contract, seen, payment, now=now)
    elif seen.status == _PAID:
        line = plan_line(seen)
        if line is not None:
            _pay(contract, invoice, seen, line, payment, now=now)
    elif seen.status == Invoice.Status.OPEN and seen.attempts > (known.attempts if known else 0):
        is_of_change = CHANGE in seen.metadata
        _tell_attempt(invoice, contract, payment, is_of_change=is_of_change, now=now)


def plan_line(seen: SeenInvoice) -> SeenLine | None:
    """Return what a bill asks for a period of the plan; None: it is for something else.

    Of several, such as after a change, the last period is the one that it pays for.
    """
    lines = [one for one in seen.lines if one.is_of_the_plan and one.amount_micros >= 0]
    return max(lines, key=lambda one: one.period_ends_at, default=None)


def _customer_of(seen: SeenInvoice) -> Account | None:
    customer = Customer.objects.filter(stripe_id=seen.customer_id).exclude(stripe_id="").first()
    return customer.account if customer is not None else None


def _see(
    seen: SeenInvoice, account: Account, contract: Contract | None, *, now: datetime
) -> Invoice:
    line = plan_line(seen)
    invoice, _is_new = Invoice.objects.update_or_create(
        pk=seen.id,
        defaults={
            "account": account,
            "contract": contract,
            "number": seen.number,
            "status": seen.status,
            "reason": seen.reason,
            "currency": seen.currency,
            "amount_micros": max(0, seen.amount_micros),
            "paid_micros": seen.paid_micros,
            "period_starts_at": line.period_starts_at if line is not None else None,
            "period_ends_at": line.period_ends_at if line is not None else None,
            "page_url": seen.page_url,
            "pdf_url": seen.pdf_url,
            "attempts": seen.attempts,
            "next_attempt_at": seen.next_attempt_at,
            "created_at": seen.created_at,
            "paid_at": seen.paid_at if seen.status == _PAID else None,
            "seen_at": now,
        },
    )
    return invoice


def _pay(
    contract: Contract,
    invoice: Invoice,
    seen: SeenInvoice,
    line: SeenLine,
    payment: SeenPayment | None,
    *,
    now: datetime,
) -> None:
    """Give the period that a bill pays for, and write down that its money has come; each once.

    What cannot be given is paid back. The bill that began the period of a change has no money of
    its own for that: its period was given when it was seen first.
    """
    period = Period(
        line.period_starts_at, line.period_ends_at, is_trial=_is_trial(contract, seen, line)
    )
    if Purchase.objects.filter(fact=_fact(seen)).exists() or _has_begun(contract, seen, period):
        return
    locked = ledger.lock_wallet(contract.account, catalog=plans.current().catalog)
    why = following.why_in_vain(locked, contract, paid_at=_paid_at(seen), now=now)
    if why:
        _pay_in_vain(locked, contract, invoice, seen, period, payment, why=why, now=now)
    elif not _trial_is_known(contract, period):
        _give(locked, contract, invoice, seen, period)


def _give(
    locked: LockedWallet, contract: Contract, invoice: Invoice, seen: SeenInvoice, period: Period
) -> None:
    before = following.subscription_of(contract)
    ledger.settle(locked)  # what came of earlier periods, and nobody has looked at, is not its own
    had_micros = subscriptions.brought_micros(before) if before is not None else 0
    subscription = following.begin_or_renew(locked, contract, period)
    locked = ledger.lock_wallet(contract.account, catalog=plans.current().catalog)
    following.follow(locked, contract)
    if period.is_trial:
        return
    credited = subscriptions.brought_micros(subscription)
    if _is_taken_off(seen) and _is_of_change(locked, contract, subscription, period):
        return
    is_same = before is not None and before.pk == subscription.pk
    _record(
        contract,
        invoice,
        seen,
        period,
        subscription=subscription,
        credited_micros=credited - had_micros if is_same else credited,
        now=locked.now,
    )


def _pay_in_vain(
    locked: LockedWallet,
    contract: Contract,
    invoice: Invoice,
    seen: SeenInvoice,
    period: Period,
    payment: SeenPayment | None,
    *,
    why: str,
    now: datetime,
) -> None:
    """Write money down that gives nothing, and have it paid back."""
    if period.is_trial:
        return
    _log.warning("paid_in_vain", contract_id=contract.pk, invoice_id=seen.id, reason=why)
    purchase = _record(
        contract, invoice, seen, period, subscription=None, credited_micros=0, now=locked.now
    )
    undoing.pay_back(locked, purchase, reason=why, now=now, payment=payment)


def _record(
    contract: Contract,
    invoice: Invoice,
    seen: SeenInvoice,
    period: Period,
    *,
    subscription: Subscription | None,
    credited_micros: int,
    now: datetime,
) -> Purchase:
    return purchases.record(
        account=contract.account,
        kind=Purchase.Kind.PLAN,
        fact=_fact(seen),
        stripe_id=seen.payment_id or seen.id,
        paid=Paid(seen.paid_micros, seen.currency),
        paid_at=_paid_at(seen),
        credited_micros=credited_micros,
        bought=Bought(
            invoice=invoice,
            contract=contract,
            subscription=subscription,
            period=(period.starts_at, period.ends_at),
        ),
        now=now,
    )


def _fact(seen: SeenInvoice) -> str:
    return f"stripe:{seen.id}"


def _paid_at(seen: SeenInvoice) -> datetime:
    return seen.paid_at or seen.created_at


def _tell_attempt(
    invoice: Invoice,
    contract: Contract,
    payment: SeenPayment | None,
    *,
    is_of_change: bool,
    now: datetime,
) -> None:
    """Tell, once an attempt, that a bill was not paid, or that its payer's bank wants to see him.

    Who is just paying a first bill on its page is seen by his bank there. Who asked for a change
    was told at once that it is not paid: nothing is left to be paid then.
    """
    if payment is None or not payment.wants_its_payer:
        if not is_of_change:
            tell_unpaid(invoice, contract, now=now)
    elif contract.status != Contract.Status.INCOMPLETE:
        tell_action(invoice, contract, now=now)


def _go_on_with_change(
    contract: Contract, seen: SeenInvoice, payment: SeenPayment | None, *, now: datetime
) -> None:
    """Have a change carried out that its payer has paid after all; one that has failed, paid back.

    The money of one that is paid is known already, and whoever carries that out looks here: he
    must not be told to do it again.
    """
    changes = PlanChange.objects.select_related("account").filter(contract=contract)
    change = changes.select_for_update(of=("self",)).filter(pk=seen.metadata[CHANGE]).first()
    if change is None:
        return
    change.contract = contract
    if change.state == PlanChange.State.FAILED:
        fulfilling.pay_back(change, seen, payment, now=now)
    elif change.state in fulfilling.UNPAID:
        if not change.invoice_id:
            change.invoice_id = seen.id
            change.save(update_fields=["invoice_id"])
        outbox.post(TaskName.CARRY_OUT_CHANGE, now=now, change_id=change.pk)


def _is_taken_off(seen: SeenInvoice) -> bool:
    """Say whether nothing is asked for the plan's period, whatever a bill asks for beside it."""
    line = plan_line(seen)
    return line is not None and line.amount_micros <= line.off_micros


def _has_begun(contract: Contract, seen: SeenInvoice, period: Period) -> bool:
    """Say whether a bill is that of a change whose period was given before."""
    if not _is_taken_off(seen):
        return False
    return PlanChange.objects.filter(
        contract=contract,
        begins_anew=True,
        subscription__paid_periods__starts_at=period.starts_at,
        subscription__paid_periods__ends_at=period.ends_at,
    ).exists()


def _is_of_change(
    locked: LockedWallet, contract: Contract, subscription: Subscription, period: Period
) -> bool:
    """Say whether it is the period of a change, whose money came by a bill of its own.

    What it brings is then what that money has brought, with what was carried over.
    """
    change = PlanChange.objects.filter(
        contract=contract,
        plan=subscription.plan,
        interval=subscription.interval,
        seats=subscription.seats,
        state__in=["paid", "applied"],
        begins_anew=True,
        subscription=None,
    ).first()
    if change is None:
        return False
    change.subscription = subscription
    change.save(update_fields=["subscription"])
    purchase = Purchase.objects.select_for_update().filter(fact=f"stripe:{change.pk}").first()
    if purchase is None:
        return False
    purchase.subscription = subscription
    purchase.period_starts_at, purchase.period_ends_at = period.starts_at, period.ends_at
    purchase.save(update_fields=["subscription", "period_starts_at", "period_ends_at"])
    returning.settle(locked, purchase, actor=returning.STRIPE)
    return True


def _is_trial(contract: Contract, seen: SeenInvoice, line: SeenLine) -> bool:
    ends_at = contract.trial_ends_at
    return ends_at is not None and line.period_ends_at <= ends_at and not seen.paid_micros


def _trial_is_known(contract: Contract, period: Period) -> bool:
    trials = PaidPeriod.objects.filter(is_trial=True, starts_at=period.starts_at)
    of_account = trials.filter(subscription__account=contract.account_id)
    return period.is_trial and of_account.exists()
