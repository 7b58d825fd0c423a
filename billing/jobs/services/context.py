"""What is known of an order beside itself: whose it is, by which way it came, and how often."""

from collections.abc import Mapping
from datetime import datetime

from billing.accounts.models import Account
from billing.accounts.surfaces import surface_of
from billing.jobs import selectors
from billing.jobs.orders import JobOrder
from billing.ledger import selectors as ledger
from plans import entitlements
from plans.catalog.offers import Plan
from plans.catalog.policies import MONTH_COUNT
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar


def contexts_of(
    account: Account,
    *,
    catalog: Catalog,
    plan: Plan | None,
    order: JobOrder,
    dimensions: Mapping[str, Scalar],
    at: datetime,
) -> list[dict[str, Scalar]]:
    """Return the facts of the account and the moment that may decide a price or a right.

    What is not known is left out, so that no row that names it matches. How many such orders the
    account has had in this month of its zone is counted only where some price depends on it: with
    those under way, and then, where it differs, without them. Those may still be canceled, and
    must neither lower a price nor be overlooked by it: whichever makes an order dearer counts.
    """
    book = catalog.book_for(region=account.region or None, currency=account.currency or None)
    found: dict[str, Scalar] = {
        "plan": plan.code if plan is not None else "",
        "surface": surface_of(order.surface, is_service=order.by_service, known=catalog.surfaces),
        "region": account.region,
        "currency": account.currency,
        "book": book.code if book is not None else "",
    }
    context = {name: value for name, value in found.items() if value}
    if not catalog.counts_months:
        return [context]
    month = entitlements.stretch("month", zones=ledger.zones_of(account), at=at)
    counts = selectors.month_counts(
        account, model=str(dimensions["model"]), task=str(dimensions["task"]), since=month.starts_at
    )
    return [{**context, MONTH_COUNT: count} for count in dict.fromkeys(counts)]
