"""Time that was paid for while it went on, and is heard of when it has ended."""

from dataclasses import replace
from datetime import datetime

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.services import Cause, LockedWallet
from billing.subscriptions.models import Subscription
from billing.subscriptions.services.paying import Period, Sold, create, give_windows, keep_period
from billing.subscriptions.services.telling import tell
from billing.transactions import require_transaction


def give_afterwards(
    locked: LockedWallet,
    before: Subscription | None,
    *,
    account: Account,
    sold: Sold,
    period: Period,
    ended_at: datetime,
) -> Subscription:
    """A period was paid for before what was sold ended: it has given what it gave until then.

    As if it had been heard of in time: the windows that began before the end have brought their
    credits, each once, and what lasts as long as the subscription is gone again. What the account
    is on by now is left alone, and so is the row that has ended. A repeat changes nothing.

    Args:
        locked: the account's wallet; whoever goes on with it locks it anew.
        before: the subscription that has ended; None: not even its beginning was heard of.
        ended_at: when it ended for who collects.
    """
    require_transaction("subscriptions.give_afterwards")
    subscription = before or _ended(account, sold, period, now=locked.now)
    if not keep_period(subscription, period, now=locked.now):
        return subscription
    if not period.is_trial:
        _give(locked, subscription, period, until=min(period.ends_at, ended_at))
    if before is None:
        tell(subscription, "subscription.activated", now=locked.now)
        tell(subscription, "subscription.canceled", now=locked.now)
    else:
        tell(subscription, "subscription.renewed", now=locked.now)
    return subscription


def _ended(account: Account, sold: Sold, period: Period, *, now: datetime) -> Subscription:
    """Return the row of what began and ended unheard of; a trial counts as the account's."""
    return create(
        account,
        sold,
        paid_until=period.ends_at,
        trial_ends_at=period.ends_at if period.is_trial else None,
        now=now,
        ended_at=now,
    )


def _give(
    locked: LockedWallet, subscription: Subscription, period: Period, *, until: datetime
) -> None:
    give_windows(locked, subscription, replace(period, ends_at=until))
    ledger.end_with_subscription(
        locked, cause=Cause("subscription", subscription.pk), brought_by=f":{subscription.pk}"
    )
