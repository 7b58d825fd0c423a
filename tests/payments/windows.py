"""One row of each window of money, as texts of strangers would stand in it."""

from datetime import datetime, timedelta
from typing import Final

from billing.accounts.models import Account
from billing.payments.models import (
    BillingProfile,
    Checkout,
    Contract,
    Customer,
    Invoice,
    Look,
    PlanChange,
    StripeEvent,
)
from billing.subscriptions.models import PaidPeriod, Subscription
from plans import selectors as plans
from plans.credits import MICROS

_MONTH: Final = timedelta(days=30)


def make_rows(account: Account, *, text: str, now: datetime) -> None:
    """Write what an account that pays by the month would have: windows only look at it."""
    version_id = plans.current().version_id
    Customer.objects.get_or_create(account=account, defaults={"created_at": now})
    Checkout.objects.create(
        account=account,
        kind=Checkout.Kind.PACK,
        code=text,
        currency="CNY",
        amount_micros=MICROS,
        renewal_micros=MICROS,
        catalog_version_id=version_id,
        success_url="https://app.example/",
        created_at=now,
    )
    _collect(account, text=text, now=now)
    BillingProfile.objects.create(
        account=account,
        kind=BillingProfile.Kind.PERSONAL,
        invoice_type=BillingProfile.InvoiceType.NORMAL,
        title=text,
        created_at=now,
        updated_at=now,
    )
    StripeEvent.objects.create(
        id="evt_of_a_window",
        type="invoice.paid",
        is_live=False,
        via=StripeEvent.Via.WEBHOOK,
        raw=text,
        created_at=now,
        received_at=now,
    )
    Look.objects.create(object_id="in_of_a_window")
    subscription = Subscription.objects.filter(account=account).latest("started_at")
    PaidPeriod.objects.create(
        subscription=subscription, starts_at=now, ends_at=now + _MONTH, recorded_at=now
    )


def _collect(account: Account, *, text: str, now: datetime) -> None:
    version_id = plans.current().version_id
    contract = Contract.objects.create(
        stripe_id="sub_of_a_window",
        account=account,
        catalog_version_id=version_id,
        plan=text,
        interval="P1M",
        currency="CNY",
        price_micros=MICROS,
        renewal_micros=MICROS,
        status=Contract.Status.ACTIVE,
        anchor_at=now,
        period_starts_at=now,
        period_ends_at=now + _MONTH,
        seen_at=now,
    )
    Invoice.objects.create(
        stripe_id="in_of_a_window",
        account=account,
        contract=contract,
        number=text,
        status=Invoice.Status.OPEN,
        currency="CNY",
        amount_micros=MICROS,
        created_at=now,
        seen_at=now,
    )
    PlanChange.objects.create(
        account=account,
        contract=contract,
        catalog_version_id=version_id,
        from_plan=text,
        plan=text,
        interval="P1M",
        currency="CNY",
        renewal_micros=MICROS,
        due_micros=MICROS,
        begins_anew=False,
        created_at=now,
    )
