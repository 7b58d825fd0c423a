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
from billing.payments.models import Purchase
from billing.payments.services import purchases
from billing.payments.services.purchases import Bought
from billing.subscriptions.models import Subscription
from plans import selectors as plans
from plans.credits import MICROS
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
    account: Account, subscription: Subscription, *, micros: int, ends_at: datetime
) -> Purchase:
    """Record that a period of a plan was paid for, from its begin on."""
    number, locked = next(_numbers), factories.lock(account)
    return purchases.record(
        account=account,
        kind=Purchase.Kind.PLAN,
        fact=f"stripe:in_{number}",
        stripe_id=f"pi_{number}",
        paid=Paid(micros, "USD"),
        paid_at=subscription.started_at,
        credited_micros=0,
        bought=Bought(subscription=subscription, period=(subscription.started_at, ends_at)),
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
