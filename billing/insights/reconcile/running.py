"""Makes every comparison once, and says what was not compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection, transaction

from billing.insights.reconcile import balances, changes, money, orders, periods, returns, sales
from billing.insights.reconcile.drift import Comparison, Drift
from billing.payments.gateway import StripeAway, Wire

COMPARISONS: Final[tuple[Comparison, ...]] = (
    *orders.JOBS_AND_HOLDS,
    *orders.JOBS_AND_ENTRIES,
    *orders.HOLDS_AND_ENTRIES,
    *balances.WALLETS,
    *balances.GRANTS,
    *sales.SALES,
    *periods.PERIODS,
    *changes.CHANGES,
    *periods.IN_VAIN,
    *periods.CONTRACTS,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        stripe_away: why Stripe's side could not be compared; empty: it was, or there is none.
        has_stripe: whether there is a Stripe to ask.
    """

    drifts: tuple[Drift, ...]
    has_stripe: bool
    stripe_away: str = ""


def run(*, since: datetime, now: datetime, gateway: Wire | None) -> Report:
    """Return every row of what was begun or touched since then that two sides disagree on.

    Each comparison is one statement, so that it sees one instant; it takes no lock and may run
    beside the service. Stripe is asked first, outside of any transaction, and what is younger
    than an hour is not held against it.
    """
    told, away = None, ""
    if gateway is not None:
        try:
            told = money.ask(gateway, since=since, now=now)
        except StripeAway as problem:
            away = str(problem)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        found = list(_compared(since))
        if told is not None:
            found += money.drifts(told)
            found += returns.drifts(told)
    return Report(tuple(found), has_stripe=gateway is not None, stripe_away=away)


def _compared(since: datetime) -> Iterator[Drift]:
    for comparison in COMPARISONS:
        with connection.cursor() as cursor:
            cursor.execute(comparison.sql, {"since": since})
            for row, first, second in cursor.fetchall():
                yield comparison.drift(row, first, second)
