"""Ends subscriptions: at once, or when the end that they were given has come."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.ledger.services import Cause, LockedWallet, SubscriptionEnd
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from billing.subscriptions.services.telling import tell
from billing.sweeps import Sweep, fairly
from billing.transactions import require_transaction
from plans import selectors as plans
from plans.asking import Given, Prepared
from plans.catalog.schema import Catalog

_BATCH: Final = 100


@transaction.atomic(durable=True)
def end(*, account: Account) -> Subscription | None:
    """End the account's subscription now; it is on the free plan. A repeat changes nothing."""
    catalog = plans.current().catalog
    locked = ledger.lock_wallet(account, catalog=catalog)
    locked = finish_if_over(locked, account, catalog=catalog)
    subscription = selectors.open_of(account)
    return None if subscription is None else finish(locked, subscription, catalog=catalog)


def finish(locked: LockedWallet, subscription: Subscription, *, catalog: Catalog) -> Subscription:
    """End a subscription on a locked wallet: what lasted as long as it is gone.

    The free plan's allowances have begun with its end, where the catalog has one, however late
    that is written down; a day's credits that came already do not come twice. Whoever goes on
    with the wallet locks it anew.
    """
    require_transaction("subscriptions.finish")
    since = min(locked.now, subscription.ends_at or locked.now)
    if since < locked.now:
        locked = ledger.lock_wallet_until(subscription.account, until=since, catalog=locked.catalog)
    close(subscription, at=locked.now)
    ledger.end_with_subscription(locked, cause=Cause("subscription", subscription.pk))
    # What is given free is for people.
    if catalog.free_plan is None or not subscription.account.is_person:
        ledger.end_allowances(locked)
    else:
        zone = subscription.account.zone
        ledger.start_allowances(locked, catalog.free_plan, zone=zone, since=since)
    tell(subscription, "subscription.canceled", now=locked.now)
    return subscription


def foreseer(
    account: Account, *, since: datetime, until: datetime, catalog: Catalog
) -> Callable[[datetime], list[SubscriptionEnd]]:
    """Return what tells of instants between these two what was foreseen; rows are read once.

    Of an instant it tells the end of the account's subscription that has come by then and was
    not written then.

    Args:
        catalog: the one in force, whose free plan begins; for people, as `finish` says.
    """
    free = catalog.free_plan if account.is_person else None
    if not _any_over(account=account.pk, since=since, until=until):
        return lambda _at: []
    ends = _over_between(account=account.pk, since=since, until=until)
    over = list(ends.select_related("account__wallet"))

    def foresee(at: datetime) -> list[SubscriptionEnd]:
        return [
            SubscriptionEnd(
                at=one.ends_at,
                wallet_id=one.account.wallet.pk,
                known_at=at,
                cause=Cause("subscription", one.pk),
                plan=free if one.ended_at is None else None,
                zone=one.account.zone,
            )
            for one in over
            if one.ends_at is not None
            and one.started_at <= at
            and one.ends_at <= at
            and (one.ended_at is None or one.ended_at > at)
        ]

    return foresee


def _over_between(
    *, account: str | Given, since: datetime | Given, until: datetime | Given
) -> QuerySet[Subscription]:
    return Subscription.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=since),
        account=account,
        started_at__lte=until,
        ends_at__lte=until,
    )


_any_over = Prepared(
    lambda: _over_between(
        account=Given("account"), since=Given("since"), until=Given("until")
    ).values_list("pk")[:1]
)


def close(subscription: Subscription, *, at: datetime) -> None:
    """Mark the row as ended; what follows from that is the caller's."""
    subscription.ended_at = max(at, subscription.started_at)
    subscription.save(update_fields=["ended_at"])


def finish_if_over(locked: LockedWallet, account: Account, *, catalog: Catalog) -> LockedWallet:
    """Write down that a subscription has ended by itself, if one has; return the wallet to go on.

    Whoever spends calls this first, under the wallet's lock: what lasted as long as the
    subscription pays nothing after its end, whether a sweep has come by or not.

    Args:
        catalog: the one in force, whose free plan begins.
    """
    for (key,) in _over(account=account.pk, at=locked.now):
        finish(locked, Subscription.objects.get(pk=key, account=account), catalog=catalog)
        return ledger.lock_wallet(account, catalog=locked.catalog)
    return locked


_over = Prepared(
    lambda: Subscription.objects.filter(
        account=Given("account"), ended_at=None, ends_at__lte=Given("at")
    ).values_list("pk")[:1]
)


def end_due(*, limit: int = _BATCH) -> int:
    """End up to `limit` subscriptions whose end has come; return how many. A repeat does no harm.

    Nothing that an order may do depends on it: `selectors` know the end to the microsecond, and
    who orders or checks in ends it himself (`finish_if_over`), and a balance foresees it.

    One whose end fails is tried again by the next run, and does not keep the others waiting.
    """
    catalog = plans.current().catalog
    sweep = Sweep("end_stumbled")
    for over in fairly(selectors.to_end().select_related("account"), limit=limit):
        account = over.account
        with sweep.row(account_id=account.pk), transaction.atomic(durable=True):
            locked = ledger.lock_wallet(account, catalog=catalog)
            finish_if_over(locked, account, catalog=catalog)
    return sweep.done
