"""Changes, ends and resumes what is collected for: agreed first, then at Stripe, then here.

A change at once is a row before money is asked for. What of the former period is taken off its
price is taken from the wallet in the same commit, so that nobody spends it meanwhile; if it is not
paid after all, it comes back. Whoever repeats it, or the sweep, goes on where it broke off.

Lock order: the contract, the change, the wallet.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.packs.services import Paid
from billing.payments import lookups
from billing.payments.errors import (
    ChangeUnderWay,
    PaymentFailed,
    PaymentsAway,
    PaymentsRefused,
    PreviewIsOld,
)
from billing.payments.gateway import (
    ACCOUNT,
    CHANGE,
    FACT,
    Declined,
    StripeAway,
    StripeRefused,
    Wire,
    contracts,
)
from billing.payments.gateway import changes as gateway
from billing.payments.gateway.changes import Bill
from billing.payments.gateway.seen import SeenInvoice
from billing.payments.models import Contract, PlanChange, Purchase
from billing.payments.money import written
from billing.payments.services import (
    applying,
    customers,
    following,
    pledging,
    purchases,
    reckoning,
    syncing,
)
from billing.payments.services.purchases import Bought
from billing.payments.services.reckoning import Judged, Wish
from billing.subscriptions import services as subscriptions
from billing.transactions import forbid_transaction, require_transaction
from plans import prices
from plans import selectors as plans

State = PlanChange.State
_KEYS_LAST: Final = timedelta(hours=20)  # Stripe knows a key for a day at least
_SUBSCRIPTION: Final = "subscription"
_log = structlog.get_logger(__name__)


@transaction.atomic(durable=True)
def preview(*, account: Account, wish: Wish) -> Judged:
    """Return what a change would come to now; nothing changes.

    Raises:
        NotSubscribed, UnknownPlan, PlanNotOnSale, NoSuchPrice, SeatsOutOfRange,
            FewerSeatsThanMembers, NothingChanges, NotNow, PaymentIsDue: as `reckoning.judge`.
    """
    return reckoning.judge(account, wish)[1]


def ask_change(
    *, account: Account, wish: Wish, agreed_micros: int | None, now: datetime
) -> PlanChange:
    """Write down what is agreed; `carry_out` goes on with it. In the caller's transaction.

    Args:
        agreed_micros: what the preview said is due now; None: whatever it costs.

    Raises:
        PreviewIsOld: it costs something else by now.
        ChangeUnderWay: an earlier one has not ended.
        DomainError: as `preview`.
    """
    require_transaction("payments.ask_change")
    locked, judged = reckoning.judge(account, wish)
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
        worth_micros=reckoned.worth_micros if reckoned is not None else 0,
        gives_micros=reckoned.gives_micros if reckoned is not None else 0,
        at_period_end=judged.when == "period_end",
        begins_anew=reckoned is not None and reckoned.begins_anew,
        created_at=now,
    )
    if reckoned is not None and reckoned.takes_micros:
        change.taken = pledging.pledge(locked, judged.subscription)
        change.save(update_fields=["taken"])
    return change


def carry_out(*, change_id: str, now: datetime) -> PlanChange:
    """Bring a change to its end, or to where its payer must act; a repeat goes on.

    Outside any transaction.

    Raises:
        PaymentFailed: the bank said no; nothing has changed.
        PaymentsAway: Stripe gave no answer; a repeat, or the sweep, goes on.
        PaymentsRefused: Stripe does not do it; nothing has changed.
        PaymentsNotConfigured: as `customers.wire_for`.
    """
    forbid_transaction("payments.carry_out")
    change = _read(change_id)
    if change.ended_at is not None:
        if change.state == State.FAILED:
            raise PaymentFailed(reason=change.failure)
        return change
    wire = customers.wire_for(change.account)
    try:
        if change.state in {State.ASKED, State.BILLED}:
            change = _collect(wire, change, now=now)
        if change.state == State.PAID:
            _change_at_stripe(wire, change)
            change = _end(change.pk, now=now)
            _look(change.contract.stripe_id, now=now)
    except StripeAway as away:
        _log.warning("change_waits", change_id=change_id, reason=str(away))
        raise PaymentsAway from None
    except StripeRefused as refusal:
        _log.exception("change_refused", change_id=change_id, code=refusal.code)
        if change.state in {State.ASKED, State.BILLED}:
            _fail(change_id, refusal.code, now=now)
        raise PaymentsRefused(reason=refusal.code) from None
    return _read(change_id)


def give_up(*, change_id: str, now: datetime) -> PlanChange:
    """A change that waits for its payer is not wanted any more; if it was paid, it goes on.

    Outside any transaction.

    Raises:
        PaymentsAway, PaymentsNotConfigured: as `carry_out`.
    """
    forbid_transaction("payments.give_up")
    change = _read(change_id)
    if change.state != State.BILLED:
        return change
    try:
        seen = gateway.drop_bill(customers.wire_for(change.account), change.invoice_id)
    except StripeAway:
        raise PaymentsAway from None
    if seen.status == "paid":
        return carry_out(change_id=change_id, now=now)
    _fail(change_id, "not_paid", now=now)
    return _read(change_id)


def end_contract(*, contract_id: str, at_once: bool, now: datetime) -> None:
    """What is collected for ends now, or with the period that is paid for.

    A repeat changes nothing. Outside any transaction.

    Raises:
        PaymentsAway, PaymentsRefused, PaymentsNotConfigured: as `carry_out`.
    """
    _set(contract_id, ends=True, at_once=at_once, now=now)


def resume_contract(*, contract_id: str, now: datetime) -> None:
    """It goes on after its period, and stays the plan that it is. A repeat changes nothing.

    Outside any transaction.

    Raises:
        PaymentsAway, PaymentsRefused, PaymentsNotConfigured: as `carry_out`.
    """
    _set(contract_id, ends=False, at_once=False, now=now)


def _set(contract_id: str, *, ends: bool, at_once: bool, now: datetime) -> None:
    forbid_transaction("payments.end_contract")
    contract = Contract.objects.select_related("account").get(pk=contract_id)
    wire = customers.wire_for(contract.account)
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


# -- the steps of a change ---------------------------------------------------------------------
def _collect(wire: Wire, change: PlanChange, *, now: datetime) -> PlanChange:
    """Ask for what is due, and write down how that went.

    Raises:
        PaymentFailed: the bank said no; the change has failed.
    """
    if not change.due_micros:
        return _pay(change.pk, None)
    if change.invoice_id:
        bill = contracts.invoice(wire, change.invoice_id)
    elif now - change.created_at > _KEYS_LAST:  # asked again, it might be asked for twice
        _fail(change.pk, "too_late", now=now)
        raise PaymentFailed(reason="too_late")
    else:
        bill = gateway.ask_for(wire, _bill(change))
    try:
        bill = gateway.collect(wire, bill, key=change.pk)
    except Declined as declined:
        if declined.needs_action:
            return _wait(change.pk, bill)
        left = gateway.drop_bill(wire, bill.id)
        if left.status != "paid":
            _fail(change.pk, declined.code, now=now)
            raise PaymentFailed(reason=declined.code) from None
        bill = left
    return _pay(change.pk, bill) if bill.status == "paid" else _wait(change.pk, bill)


def _bill(change: PlanChange) -> Bill:
    text = _("Change of plan: %(old)s → %(new)s") % {"old": change.from_plan, "new": change.plan}
    return Bill(
        key=change.pk,
        customer_id=change.account.customer.stripe_id,
        contract_id=change.contract.stripe_id,
        currency=change.currency,
        amount_micros=change.due_micros,
        text=text,
        metadata={FACT: f"stripe:{change.pk}", ACCOUNT: change.account_id, CHANGE: change.pk},
    )


def _change_at_stripe(wire: Wire, change: PlanChange) -> None:
    """Let Stripe collect for the new plan, from now on or from the next period on."""
    seen = contracts.contract(wire, change.contract.stripe_id)
    price_id, quantity = _price_id(wire, change), change.seats or 1
    if not change.at_period_end:
        gateway.change_now(
            wire,
            seen,
            key=change.pk,
            price_id=price_id,
            quantity=quantity,
            begins_anew=change.begins_anew,
        )
    elif (change.plan, change.interval, change.seats) == (
        change.contract.plan,
        change.contract.interval,
        change.contract.seats,
    ):
        gateway.drop_change(wire, seen)
    else:
        gateway.change_at_period_end(wire, seen, price_id=price_id, quantity=quantity)


def _price_id(wire: Wire, change: PlanChange) -> str:
    catalog = plans.version(change.catalog_version_id).catalog
    plan = catalog.plan(change.plan)
    assert plan is not None, "a change's version has its plan"
    each_micros = change.renewal_micros // (change.seats or 1)
    price = next(
        one
        for one in plan.prices
        if (one.currency, one.interval) == (change.currency, change.interval)
        and (one.book or "") in {change.book, ""}
        and prices.renewal_micros(one) == each_micros
    )
    offer = lookups.offer_of(catalog.slug, "plan", plan, price)
    return syncing.price_for(wire, offer).id


def _look(stripe_id: str, *, now: datetime) -> None:
    applying.look(kind=_SUBSCRIPTION, stripe_id=stripe_id, now=now)


@transaction.atomic(durable=True)
def _wait(change_id: str, bill: SeenInvoice) -> PlanChange:
    change, _contract = _lock(change_id)
    if change.state == State.ASKED:
        change.state, change.invoice_id = State.BILLED, bill.id
        change.pay_url = bill.page_url
        change.save(update_fields=["state", "invoice_id", "pay_url"])
    return change


@transaction.atomic(durable=True)
def _pay(change_id: str, bill: SeenInvoice | None) -> PlanChange:
    """Write down that it is paid; what a difference brings is in the wallet in the same commit."""
    change, contract = _lock(change_id)
    if change.state not in {State.ASKED, State.BILLED}:
        return change
    change.state = State.PAID
    if not change.at_period_end:
        _sell(contract, change)
    locked = ledger.lock_wallet(change.account, catalog=plans.current().catalog)
    subscription = following.subscription_of(contract)
    goes_on = not change.at_period_end and not change.begins_anew
    if goes_on and subscription is not None and subscription.ended_at is None:
        change.subscription = contract.subscription = subscriptions.change_sold(
            locked,
            subscription,
            sold=following.sold_by(contract),
            gives_micros=change.gives_micros,
            fact=f"change:{change.pk}",
        )
        contract.save(update_fields=["subscription"])
    change.save(update_fields=["state", "subscription"])
    if bill is not None:
        purchases.record(
            account=change.account,
            kind=Purchase.Kind.CHANGE,
            fact=f"stripe:{change.pk}",
            stripe_id=bill.payment_id or bill.id,
            paid=Paid(bill.paid_micros, bill.currency),
            paid_at=bill.paid_at or bill.created_at,
            credited_micros=0 if change.begins_anew else change.gives_micros,
            bought=Bought(contract=contract, subscription=change.subscription),
            now=locked.now,
        )
    return change


@transaction.atomic(durable=True)
def _end(change_id: str, *, now: datetime) -> PlanChange:
    change, _contract = _lock(change_id)
    if change.state == State.PAID:
        change.state, change.ended_at = State.APPLIED, max(now, change.created_at)
        change.save(update_fields=["state", "ended_at"])
    return change


@transaction.atomic(durable=True)
def _fail(change_id: str, reason: str, *, now: datetime) -> None:
    """It was not paid: what was taken for it comes back."""
    change, _contract = _lock(change_id)
    if change.state not in {State.ASKED, State.BILLED}:
        return
    locked = ledger.lock_wallet(change.account, catalog=plans.current().catalog)
    pledging.give_back(locked, change)
    change.state, change.failure = State.FAILED, reason[:64]
    change.ended_at = max(now, change.created_at)
    change.save(update_fields=["state", "failure", "ended_at"])


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


def _lock(change_id: str) -> tuple[PlanChange, Contract]:
    """Lock a change, and the contract before it."""
    contract_id = PlanChange.objects.values_list("contract_id", flat=True).get(pk=change_id)
    contract = Contract.objects.select_for_update().get(pk=contract_id)
    change = PlanChange.objects.select_related("account").select_for_update(of=("self",))
    return change.get(pk=change_id), contract


def _read(change_id: str) -> PlanChange:
    rows = PlanChange.objects.select_related("account__customer", "contract")
    return rows.get(pk=change_id)
