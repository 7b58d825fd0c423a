"""Time whose money went back is not paid for any more; if that comes again, it is.

A period is a line's: whoever changes plans in it has a subscription for each of them.
"""

from datetime import datetime

from django.db.models import F, Max, QuerySet

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.services import LockedWallet
from billing.subscriptions import selectors
from billing.subscriptions.models import PaidPeriod, Subscription
from billing.subscriptions.services import coming, paying
from billing.subscriptions.services.paying import Period
from billing.subscriptions.services.telling import tell
from billing.transactions import require_transaction


def take_time_back(locked: LockedWallet, account: Account, *, starts_at: datetime) -> LockedWallet:
    """The money of the period that begins then is gone: it is not paid for any more.

    The account's subscription is paid for until the end of what is left, and lapses if nothing
    is. What the period gave is the ledger's to take back. A repeat changes nothing.
    """
    require_transaction("subscriptions.take_time_back")
    line = _line(account, starts_at)
    if not line.filter(taken_back_at=None).update(taken_back_at=locked.now):
        return locked
    subscription = _open_one(line)
    if subscription is None:
        return locked
    left = _paid_until(subscription)
    assert subscription.paid_until is not None, "it is paid by periods"
    subscription.paid_until = min(left or starts_at, subscription.paid_until)
    return _follow(locked, subscription)


def give_time_again(
    locked: LockedWallet, account: Account, *, starts_at: datetime, resumes: str, is_owed: bool
) -> tuple[LockedWallet, Subscription | None]:
    """The money of the period that begins then has not gone after all: it is paid for again.

    What its windows would have brought meanwhile comes now. One that lapsed is taken up by another
    row, if its time is not over and the account is on no other: that is returned, beside the wallet
    to go on with. A repeat changes nothing.

    What lapsed for want of this money and cannot be taken up stays taken back, unless the money
    pays a debt: see `is_not_given_again`.

    Args:
        resumes: the subscription that goes on being collected for; empty: none.
        is_owed: what was spent of what the period gave is still owed.
    """
    require_transaction("subscriptions.give_time_again")
    line = _line(account, starts_at)
    if not line.exclude(taken_back_at=None).exists():
        return locked, None
    subscription = _open_one(line)
    lapsed = line.filter(subscription=resumes, ends_at__gt=locked.now).first()
    if selectors.open_of(account) is not None:
        lapsed = None
    if subscription is None and lapsed is None and not is_owed and _lapsed_for_it(line):
        return locked, None
    line.update(taken_back_at=None)
    if subscription is not None:
        subscription.paid_until = _paid_until(subscription)
        locked = _follow(locked, subscription)
        return _give_missed(locked, line, subscription), None
    if lapsed is None:
        return locked, None
    locked, again = paying.take_up(locked, lapsed.subscription)
    return _give_missed(locked, line, lapsed.subscription), again


def is_not_given_again(account: Account, *, starts_at: datetime) -> bool:
    """Say whether the period that begins then is taken back: its money, if it is there, is idle."""
    return _line(account, starts_at).exclude(taken_back_at=None).exists()


def _lapsed_for_it(line: QuerySet[PaidPeriod]) -> bool:
    """Say whether a period was under way until its money went.

    Whoever had ended it before that, or had it to its end, has had what it was to him.
    """
    taken_back_at = F("taken_back_at")
    under_way = line.filter(ends_at__gt=taken_back_at, subscription__ended_at__gte=taken_back_at)
    return under_way.exists()


def _line(account: Account, starts_at: datetime) -> QuerySet[PaidPeriod]:
    """Return a period of an account: one row for each subscription that had a part of it."""
    return PaidPeriod.objects.filter(
        subscription__account=account, starts_at=starts_at, is_trial=False
    ).select_related("subscription__account")


def _open_one(line: QuerySet[PaidPeriod]) -> Subscription | None:
    row = line.filter(subscription__ended_at=None).first()
    return row.subscription if row is not None else None


def _paid_until(subscription: Subscription) -> datetime | None:
    left = subscription.paid_periods.filter(taken_back_at=None)
    until: datetime | None = left.aggregate(last=Max("ends_at"))["last"]
    return until


def _follow(locked: LockedWallet, subscription: Subscription) -> LockedWallet:
    """Let what comes by itself end with what is paid for."""
    subscription.save(update_fields=["paid_until"])
    locked = coming.go_on(locked, subscription, selectors.given_by(subscription))
    tell(subscription, "subscription.changed", now=locked.now)
    return locked


def _give_missed(
    locked: LockedWallet, line: QuerySet[PaidPeriod], subscription: Subscription
) -> LockedWallet:
    """Give what began while the time was not paid for; what a former plan gave it had given."""
    row = line.get(subscription=subscription)
    first = line.order_by("subscription__started_at", "subscription_id").first()
    is_first = first is not None and first.pk == row.pk
    begins = row.starts_at if is_first else max(row.starts_at, subscription.started_at)
    if subscription.moved_at is not None:  # a window that began before came by the terms of then
        begins = max(begins, subscription.moved_at)
    paying.give_windows(locked, subscription, Period(begins, row.ends_at))
    return ledger.lock_wallet(subscription.account, catalog=locked.catalog)
