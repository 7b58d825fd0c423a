"""Tells subscriptions what was paid, and knows by itself when its months begin."""

import calendar
from datetime import datetime
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.subscriptions import services
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import Period, Sold
from plans import selectors as plans
from plans.credits import MICROS
from tests import factories

MONTHS: Final = {"P1M": 1, "P3M": 3, "P6M": 6, "P1Y": 12}


def months_after(start: datetime, months: int) -> datetime:
    """Return the same day and time so many months later, or the month's last day."""
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))


def nth(anchor: datetime, interval: str, number: int) -> Period:
    """Return the period of that number, as Stripe draws it: from the anchor, in UTC."""
    months = MONTHS[interval]
    return Period(
        months_after(anchor, number * months), months_after(anchor, (number + 1) * months)
    )


def sold(anchor: datetime, *, plan: str = "standard", interval: str = "P1M") -> Sold:
    """Return what is sold, for 66 a period."""
    return Sold(
        version_id=plans.current().version_id,
        plan=plan,
        interval=interval,
        currency="CNY",
        book="",
        price_micros=66 * MICROS,
        renewal_micros=66 * MICROS,
        seats=None,
        anchor_at=anchor,
    )


@transaction.atomic
def tell(account: Account, what: Sold, period: Period) -> Subscription:
    """Tell that a period was paid for, or is a trial; it begins with the first that is told."""
    before = Subscription.objects.filter(account=account, ended_at=None).first()
    if before is not None and before.plan == what.plan:
        services.renew(factories.lock(account), before, period=period)
        return before
    return services.begin_sold(factories.lock(account), account=account, sold=what, period=period)
