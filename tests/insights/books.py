"""The books of months, as a test reads them: of the sandbox, where clocks can be moved."""

from collections.abc import Iterator
from datetime import datetime

from billing.accounts.models import Account
from billing.insights import revenue
from billing.insights.revenue import Line
from billing.insights.revenue.spreading import Standing
from billing.payments.models import Purchase
from plans.periods import Window
from tests.insights import sales


def months(since: datetime, number: int) -> Iterator[Window]:
    """Yield so many months, from the one of `since` on."""
    month = revenue.month_of(since.strftime("%Y-%m"), zone="UTC")
    for _number in range(number):
        yield month
        month = revenue.month_of(month.ends_at.strftime("%Y-%m"), zone="UTC")


def lines(month: Window) -> dict[str, Line]:
    """Return what the month did, by purchase."""
    return {line.purchase.pk: line for line in revenue.lines_of(month, is_sandbox=True)}


def now_of(purchase: Purchase, account: Account) -> Standing:
    """Return how a purchase stands now, from the lines of the month that holds this instant."""
    [month] = months(sales.clock(account), 1)
    return lines(month)[purchase.pk].after


def month_of(account: Account) -> Window:
    """Return the month that holds the account's instant."""
    [month] = months(sales.clock(account), 1)
    return month
