"""Bills of Stripe's, as they were seen, and the periods that they pay for.

Lock order: the contract, the wallet, the purchase.
"""

from datetime import datetime
from typing import Final

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.packs.services import Paid
from billing.payments.gateway import CHANGE
from billing.payments.gateway.seen import SeenInvoice, SeenLine
from billing.payments.models import Contract, Customer, Invoice, PlanChange, Purchase
from billing.payments.services import following, profiles, purchases
from billing.payments.services.purchases import Bought
from billing.payments.services.telling import tell_unpaid
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions.models import PaidPeriod, Subscription
from billing.subscriptions.services import Period
from billing.transactions import require_transaction
from plans import selectors as plans

_PAID: Final = Invoice.Status.PAID
# A bill never goes back: one that is paid, or void, is not open any more.
_FINAL: Final = frozenset({Invoice.Status.PAID, Invoice.Status.VOID})


def apply(seen: SeenInvoice, *, now: datetime) -> None:
    """Let a bill be as it was seen; one that was paid has brought what it pays for.

    In the caller's transaction, after the contract that it belongs to; a repeat changes nothing.
    One that is none of ours is left alone.

    Args:
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
        _go_on_with_change(contract, seen, now=now)
    elif seen.status == _PAID:
        line = plan_line(seen)
        if line is not None:
            _pay(contract, invoice, seen, line)
    elif seen.status == Invoice.Status.OPEN and seen.attempts > (known.attempts if known else 0):
        tell_unpaid(invoice, contract, now=now)


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


def _pay(contract: Contract, invoice: Invoice, seen: SeenInvoice, line: SeenLine) -> None:
    """Give the period that a bill pays for, and write down that its money has come; each once."""
    fact = f"stripe:{seen.id}"
    period = Period(
        line.period_starts_at, line.period_ends_at, is_trial=_is_trial(contract, seen, line)
    )
    if Purchase.objects.filter(fact=fact).exists() or _trial_is_known(contract, period):
        return
    locked = ledger.lock_wallet(contract.account, catalog=plans.current().catalog)
    before = following.subscription_of(contract)
    had_micros = subscriptions.brought_micros(before) if before is not None else 0
    subscription = following.begin_or_renew(locked, contract, period)
    locked = ledger.lock_wallet(contract.account, catalog=plans.current().catalog)
    if subscription is not None:
        following.follow(locked, contract)
    if period.is_trial:
        return
    credited = subscriptions.brought_micros(subscription) if subscription is not None else 0
    if (
        subscription is not None
        and not seen.paid_micros
        and _is_of_change(contract, subscription, credited)
    ):
        return
    is_same = before is not None and subscription is not None and before.pk == subscription.pk
    purchases.record(
        account=contract.account,
        kind=Purchase.Kind.PLAN,
        fact=fact,
        stripe_id=seen.payment_id or seen.id,
        paid=Paid(seen.paid_micros, seen.currency),
        paid_at=seen.paid_at or seen.created_at,
        credited_micros=credited - had_micros if is_same else credited,
        bought=Bought(
            invoice=invoice,
            contract=contract,
            subscription=subscription,
            period=(period.starts_at, period.ends_at),
        ),
        now=locked.now,
    )


def _go_on_with_change(contract: Contract, seen: SeenInvoice, *, now: datetime) -> None:
    """Have a change carried out that its payer has paid after all."""
    change = PlanChange.objects.filter(
        pk=seen.metadata[CHANGE], contract=contract, ended_at=None
    ).first()
    if change is None:
        return
    if not change.invoice_id:
        change.invoice_id = seen.id
        change.save(update_fields=["invoice_id"])
    outbox.post(TaskName.CARRY_OUT_CHANGE, now=now, change_id=change.pk)


def _is_of_change(contract: Contract, subscription: Subscription, credited_micros: int) -> bool:
    """Say whether a bill of nothing is that of a change, whose money came by a bill of its own.

    What it brings is then what that money has brought.
    """
    change = PlanChange.objects.filter(
        contract=contract, state__in=["paid", "applied"], begins_anew=True, subscription=None
    ).first()
    if change is None:
        return False
    change.subscription = subscription
    change.save(update_fields=["subscription"])
    period = subscription.paid_periods.order_by("starts_at").values("starts_at", "ends_at")[0]
    found = Purchase.objects.filter(fact=f"stripe:{change.pk}").update(
        subscription=subscription,
        credited_micros=credited_micros,
        period_starts_at=period["starts_at"],
        period_ends_at=period["ends_at"],
    )
    return bool(found)


def _is_trial(contract: Contract, seen: SeenInvoice, line: SeenLine) -> bool:
    ends_at = contract.trial_ends_at
    return ends_at is not None and line.period_ends_at <= ends_at and not seen.paid_micros


def _trial_is_known(contract: Contract, period: Period) -> bool:
    trials = PaidPeriod.objects.filter(is_trial=True, starts_at=period.starts_at)
    of_account = trials.filter(subscription__account=contract.account_id)
    return period.is_trial and of_account.exists()
