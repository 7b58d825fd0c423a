"""A subscription at Stripe as it would be seen, stage by stage, without the wire."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from billing.accounts.models import Account
from billing.payments.gateway import CHECKOUT
from billing.payments.gateway.seen import SeenContract, SeenInvoice, SeenLine, SeenPayment
from billing.payments.models import Checkout, Purchase
from billing.payments.services import contracts, invoices
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories
from tests.subscriptions.paid import nth

KEY: Final = "linggan:kling:plan:{plan}:CNY:{interval}:-"
PRICE: Final = {"standard": 66, "pro": 266}


def a_checkout(account: Account, *, plan: str = "standard", interval: str = "P1M") -> Checkout:
    """Return a page on which a plan was bought, on the terms of the catalog in force."""
    return Checkout.objects.create(
        account=account,
        kind="plan",
        code=plan,
        interval=interval,
        currency="CNY",
        amount_micros=PRICE[plan] * MICROS,
        renewal_micros=PRICE[plan] * MICROS,
        catalog_version_id=plans.current().version_id,
        success_url="https://shop.example/done",
        created_at=timezone.now(),
    )


def seen_contract(checkout: Checkout, anchor: datetime, **facts: object) -> SeenContract:
    """Return the contract of a checkout in its first period, active unless the facts differ."""
    first = nth(anchor, checkout.interval, 0)
    made = SeenContract(
        id=f"sub_{checkout.pk}",
        item_id="si_1",
        customer_id="cus_1",
        status="active",
        lookup_key=KEY.format(plan=checkout.code, interval=checkout.interval),
        seats=1,
        currency="CNY",
        anchor_at=anchor,
        started_at=anchor,
        period_starts_at=first.starts_at,
        period_ends_at=first.ends_at,
        trial_ends_at=None,
        cancel_at=None,
        ended_at=None,
        is_paused=False,
        latest_invoice_id=f"in_{checkout.pk}_0",
        schedule_id="",
        metadata={CHECKOUT: checkout.pk},
    )
    return replace(made, **facts)  # type: ignore[arg-type]  # a test names fields that are there


def seen_invoice(checkout: Checkout, anchor: datetime, number: int, **facts: object) -> SeenInvoice:
    """Return the bill of a period, paid unless the facts differ."""
    period = nth(anchor, checkout.interval, number)
    amount = PRICE[checkout.code] * MICROS
    line = SeenLine("", 1, amount, True, period.starts_at, period.ends_at)  # noqa: FBT003 (a row)
    made = SeenInvoice(
        id=f"in_{checkout.pk}_{number}",
        number=f"L-{number}",
        customer_id="cus_1",
        contract_id=f"sub_{checkout.pk}",
        status="paid",
        reason="subscription_cycle" if number else "subscription_create",
        currency="CNY",
        amount_micros=amount,
        paid_micros=amount,
        payment_id=f"pi_{checkout.pk}_{number}",
        attempts=1,
        next_attempt_at=None,
        created_at=period.starts_at,
        paid_at=period.starts_at,
        page_url=f"https://invoice.stripe.test/{number}",
        pdf_url="",
        lines=(line,),
    )
    return replace(made, **facts)  # type: ignore[arg-type]  # a test names fields that are there


def seen_payment(bill: SeenInvoice, **facts: object) -> SeenPayment:
    """Return the payment that paid a bill; nothing of it has gone back unless the facts differ."""
    assert bill.paid_at is not None, "it is paid"
    made = SeenPayment(
        id=bill.payment_id,
        customer_id=bill.customer_id,
        invoice_id=bill.id,
        status="succeeded",
        currency=bill.currency,
        amount_micros=bill.paid_micros,
        received_micros=bill.paid_micros,
        created_at=bill.created_at,
        paid_at=bill.paid_at,
        card="",
        declined="",
    )
    return replace(made, **facts)  # type: ignore[arg-type]  # a test names fields that are there


@transaction.atomic
def pay(checkout: Checkout, anchor: datetime, number: int) -> Purchase:
    """Let a month be paid for; return its money."""
    period = nth(anchor, checkout.interval, number)
    bill = seen_invoice(checkout, anchor, number)
    seen = seen_contract(
        checkout,
        anchor,
        period_starts_at=period.starts_at,
        period_ends_at=period.ends_at,
        latest_invoice_id=bill.id,
    )
    contracts.apply(seen, bill, now=timezone.now())
    invoices.apply(bill, now=timezone.now())
    return Purchase.objects.get(fact=f"stripe:{bill.id}")


def pay_a_month(account: Account, *, number: int) -> Purchase:
    """Let an account buy a plan, and pay for the month of that number; return its money."""
    return pay(a_checkout(account), here(account), number)


def open_invoice(checkout: Checkout, anchor: datetime, number: int, attempts: int) -> SeenInvoice:
    """Return the bill of a period as it stands after so many attempts in vain."""
    period = nth(anchor, checkout.interval, number)
    return seen_invoice(
        checkout,
        anchor,
        number,
        status="open",
        paid_micros=0,
        payment_id="",
        paid_at=None,
        attempts=attempts,
        next_attempt_at=period.starts_at + timedelta(days=3) if attempts else None,
    )


@dataclass
class Story:
    """What Stripe would show, stage after stage, and which event rings at each of them.

    Attributes:
        starts_at: what the account's clock shows before it begins.
        instants: when each stage is, by the account's clock.
    """

    starts_at: datetime
    stages: list[dict[str, object]] = field(default_factory=list)
    rings: list[str] = field(default_factory=list)
    instants: list[datetime] = field(default_factory=list)

    def add(
        self,
        ring: str,
        *seen: SeenContract | SeenInvoice | SeenPayment,
        after: timedelta = timedelta(),
    ) -> None:
        """Go on one stage: what is seen now replaces what was; so long after the one before."""
        before = dict(self.stages[-1]) if self.stages else {}
        self.stages.append(before | {one.id: one for one in seen})
        self.rings.append(ring)
        latest = self.instants[-1] if self.instants else self.starts_at
        self.instants.append(latest + after)


def here(account: Account) -> datetime:
    """Return the account's instant, to the second, as Stripe counts."""
    return factories.later(account, timedelta()).replace(microsecond=0)
