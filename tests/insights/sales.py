"""Money that came and went back, as a look at Stripe tells of it, by the clock of the account."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import clocks
from billing.packs.services import Paid
from billing.payments.gateway import ACCOUNT, FACT, PACK, QUANTITY, VERSION
from billing.payments.gateway.seen import SeenDispute, SeenPayment, SeenRefund
from billing.payments.models import Contract, PlanChange, Purchase, Refund
from billing.payments.services import purchases
from billing.payments.services.purchases import Bought
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import Period, Sold
from plans import selectors as plans
from plans.credits import MICROS
from plans.periods import add_period
from tests import factories

_numbers = count(1)


def clock(account: Account) -> datetime:
    """Return the account's instant."""
    factories.settle(account)
    now = clocks.clock_of(account)
    assert now is not None
    return now


def paid(account: Account, pack: str = "credits-3300", *, micros: int = 50 * MICROS) -> SeenPayment:
    """Return a payment in dollars for a pack that nobody has told of yet."""
    number, now = next(_numbers), clock(account)
    return SeenPayment(
        id=f"pi_{number}",
        customer_id="cus_1",
        invoice_id="",
        status="succeeded",
        currency="USD",
        amount_micros=micros,
        received_micros=micros,
        created_at=now,
        paid_at=now,
        card="",
        declined="",
        metadata={
            FACT: f"stripe:tu_{number}",
            ACCOUNT: account.pk,
            PACK: pack,
            QUANTITY: "1",
            VERSION: str(plans.current().version_id),
        },
    )


@transaction.atomic
def look(
    seen: SeenPayment, *, refunds: Sequence[SeenRefund] = (), disputes: Sequence[SeenDispute] = ()
) -> Purchase:
    """Apply how a payment stands, as a look does."""
    told = replace(seen, refunds=tuple(refunds), disputes=tuple(disputes))
    assert seen.paid_at is not None
    purchases.apply(told, now=seen.paid_at)
    return Purchase.objects.get(stripe_id=seen.id)


def refund(account: Account, micros: int) -> SeenRefund:
    """Return a refund that somebody made at Stripe now."""
    return SeenRefund(f"re_{next(_numbers)}", micros, "succeeded", "", "", clock(account))


def dispute(account: Account, micros: int) -> SeenDispute:
    """Return a dispute that was opened now."""
    now = clock(account)
    return SeenDispute(f"dp_{next(_numbers)}", micros, "needs_response", "fraudulent", now, now)


@transaction.atomic
def period(
    account: Account,
    subscription: Subscription,
    *,
    micros: int,
    ends_at: datetime,
    by: Contract | None = None,
) -> Purchase:
    """Record that a period of a plan was paid for, from its begin on; by a contract, if said."""
    number, locked = next(_numbers), factories.lock(account)
    return purchases.record(
        account=account,
        kind=Purchase.Kind.PLAN,
        fact=f"stripe:in_{number}",
        stripe_id=f"pi_{number}",
        paid=Paid(micros, "USD"),
        paid_at=subscription.started_at,
        credited_micros=0,
        bought=Bought(
            contract=by, subscription=subscription, period=(subscription.started_at, ends_at)
        ),
        now=locked.now,
    )


@transaction.atomic
def change(account: Account, *, micros: int, credits_: int) -> Purchase:
    """Record that a change of plan was paid for, and give what it brings at once."""
    name = f"pc_{next(_numbers)}"
    factories.give(account, credits_, fact=f"change:{name}")
    locked = factories.lock(account)
    return purchases.record(
        account=account,
        kind=Purchase.Kind.CHANGE,
        fact=f"stripe:{name}",
        stripe_id=f"pi_{name}",
        paid=Paid(micros, "USD"),
        paid_at=locked.now,
        credited_micros=credits_ * MICROS,
        bought=Bought(),
        now=locked.now,
    )


def spend(account: Account, credits_: int) -> None:
    """Use whole credits up, as an order on the web would, which a bonus pays too."""
    held = factories.hold(account, credits_, facts={"surface": "web"})
    factories.capture(account, held, credits_ * MICROS)


@transaction.atomic
def begin(
    account: Account, plan: str, interval: str, *, starts_at: datetime, ends_at: datetime
) -> Subscription:
    """Return what the account is on from a paid time's begin on; another that it had ends."""
    sold = Sold(
        version_id=plans.current().version_id,
        plan=plan,
        interval=interval,
        currency="USD",
        book="",
        price_micros=MICROS,
        renewal_micros=MICROS,
        seats=None,
        anchor_at=starts_at,
    )
    locked = factories.lock(account)
    return subscriptions.begin_sold(
        locked, account=account, sold=sold, period=Period(starts_at, ends_at)
    )


def contract(account: Account, subscription: Subscription, *, ends_at: datetime) -> Contract:
    """Return a contract at Stripe that pays for a subscription."""
    return Contract.objects.create(
        stripe_id=f"sub_{next(_numbers)}",
        account=account,
        subscription=subscription,
        catalog_version_id=plans.current().version_id,
        plan=subscription.plan,
        interval=subscription.interval,
        currency="USD",
        price_micros=MICROS,
        renewal_micros=MICROS,
        status=Contract.Status.ACTIVE,
        anchor_at=subscription.started_at,
        period_starts_at=subscription.started_at,
        period_ends_at=ends_at,
        seen_at=subscription.started_at,
    )


@transaction.atomic
def replace_by(
    bought: Purchase, plan: str, interval: str, *, due_micros: int, worth_micros: int
) -> Purchase:
    """Begin another plan and a new time with it, for what is free and some money; return that."""
    account, agreement = bought.account, bought.contract
    assert agreement is not None
    now, free = clock(account), factories.free_micros(account)
    held = factories.hold(account, free // MICROS)
    change = PlanChange.objects.create(
        account=account,
        contract=agreement,
        catalog_version_id=plans.current().version_id,
        from_plan=agreement.plan,
        plan=plan,
        interval=interval,
        currency="USD",
        renewal_micros=due_micros + worth_micros,
        due_micros=due_micros,
        worth_micros=worth_micros,
        begins_anew=True,
        hold=held,
        created_at=now,
    )
    factories.release(account, held)
    grants = {entry.grant for entry in held.entries.filter(kind="hold")}
    factories.claw_back(account, grants, held.amount_micros // MICROS)
    ends_at = add_period(now, interval)
    change.subscription = begin(account, plan, interval, starts_at=now, ends_at=ends_at)
    change.state, change.ended_at = PlanChange.State.APPLIED, now
    change.save(update_fields=["subscription", "state", "ended_at"])
    return purchases.record(
        account=account,
        kind=Purchase.Kind.CHANGE,
        fact=f"stripe:{change.pk}",
        stripe_id=f"pi_{change.pk}",
        paid=Paid(due_micros, "USD"),
        paid_at=now,
        credited_micros=0,
        bought=Bought(contract=agreement, subscription=change.subscription, period=(now, ends_at)),
        now=now,
    )


@transaction.atomic
def difference(
    account: Account,
    subscription: Subscription,
    *,
    by: Contract,
    since: datetime,
    ends_at: datetime,
    micros: int,
    gives: int,
) -> Purchase:
    """Record that a better plan was paid for, for the rest of a period; give what it brings."""
    change = PlanChange.objects.create(
        account=account,
        contract=by,
        catalog_version_id=plans.current().version_id,
        subscription=subscription,
        from_plan="standard",
        plan=subscription.plan,
        interval=subscription.interval,
        currency="USD",
        renewal_micros=micros,
        due_micros=micros,
        gives_micros=gives * MICROS,
        held_window_micros=660 * MICROS,
        window_micros=3000 * MICROS,
        begins_anew=False,
        state=PlanChange.State.APPLIED,
        created_at=since,
        ended_at=since,
    )
    factories.give(account, gives, fact=f"change:{change.pk}")
    locked = factories.lock(account)
    return purchases.record(
        account=account,
        kind=Purchase.Kind.CHANGE,
        fact=f"stripe:{change.pk}",
        stripe_id=f"pi_{change.pk}",
        paid=Paid(micros, "USD"),
        paid_at=since,
        credited_micros=gives * MICROS,
        bought=Bought(contract=by, subscription=subscription, period=(since, ends_at)),
        now=locked.now,
    )


@transaction.atomic
def refunded(bought: Purchase, micros: int) -> Refund:
    """Return a refund of a purchase that took no credits back."""
    now = clock(bought.account)
    bought.refunded_micros += micros
    bought.save(update_fields=["refunded_micros"])
    return Refund.objects.create(
        purchase=bought,
        key=f"test:{bought.pk}",
        stripe_id=f"re_{bought.pk}",
        amount_micros=micros,
        state=Refund.State.SUCCEEDED,
        source=Refund.Source.STRIPE,
        reason="test",
        requested_at=now,
        ended_at=now,
    )
