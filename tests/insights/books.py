"""The books of months, as a test reads them: of the sandbox, where clocks can be moved."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from billing.accounts.models import Account
from billing.insights import revenue
from billing.insights.revenue import Line, Sums
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


def see_that_what_was_touched_is_all_that_moved() -> None:
    """See that of each time the few purchases that it touched tell what all of them tell."""
    first = Purchase.objects.order_by("paid_at").first()
    if first is None:
        return
    for length, number in ((timedelta(days=1), 10), (timedelta(days=31), 14)):
        starts_at = datetime.combine(first.paid_at.date(), time(), tzinfo=UTC)
        for _number in range(number):
            window = Window("", starts_at, starts_at + length)
            whole = {
                (is_sandbox, currency): sums
                for is_sandbox in (False, True)
                for currency, [sums] in revenue.history_of([window], is_sandbox=is_sandbox).items()
            }
            assert _moved(revenue.moved_in(window)) == _moved(whole)
            starts_at = window.ends_at


def _moved(sums: Mapping[Any, Sums]) -> dict[Any, tuple[int, ...]]:
    """Return what moved, where anything did."""
    found = {
        whose: (one.sold_micros, one.returned_micros, one.used_micros, one.expired_micros)
        for whose, one in sums.items()
    }
    return {whose: moved for whose, moved in found.items() if any(moved)}
