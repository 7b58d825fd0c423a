"""When subscriptions end."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from billing.accounts.models import Account
from billing.ledger import selectors as ledger
from billing.subscriptions.models import Subscription
from billing.subscriptions.selectors.members import access_until


def end_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the subscriptions of these accounts end by themselves, where one will."""
    given = Subscription.objects.filter(account__in=account_ids, ended_at=None)
    rows = given.values_list("account_id", "ends_at")
    return {account_id: at for account_id, at in rows if at is not None}


def lapse_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when the subscriptions of these accounts end if nothing more is paid for them."""
    open_ones = Subscription.objects.filter(
        account__in=account_ids, ended_at=None, paid_until__isnull=False
    )
    until = {one.account_id: access_until(one) for one in open_ones}
    return {account_id: at for account_id, at in until.items() if at is not None}


def overdue(accounts: Collection[Account] | None = None) -> QuerySet[Subscription]:
    """Return the open subscriptions whose paid time and grace are over, the longest first.

    By their wallets' clocks. Who ends by himself is ended by the sweep, not here.

    Args:
        accounts: those of these alone; None: of all.
    """
    over = Subscription.objects.filter(
        ended_at=None, paid_until__lte=Now() + F("account__wallet__clock_offset")
    ).exclude(ends_at__lte=F("paid_until"))
    if accounts is not None:
        over = over.filter(account__in=accounts)
    found = [row.pk for row in over.select_related("account__wallet") if _is_overdue(row)]
    late = Subscription.objects.filter(pk__in=found).select_related("account")
    return late.order_by("paid_until")


def to_end() -> QuerySet[Subscription]:
    """Return the open subscriptions whose end has come by their wallet's clock, oldest first."""
    return Subscription.objects.filter(
        ended_at=None, ends_at__lte=Now() + F("account__wallet__clock_offset")
    ).order_by("ends_at")


def _is_overdue(subscription: Subscription) -> bool:
    until = access_until(subscription)
    return until is not None and until <= ledger.instant(subscription.account.wallet)
