"""Moves subscribers to the terms of the catalog in force, where that says so."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.subscriptions import selectors
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import coming
from billing.subscriptions.services.telling import tell
from billing.sweeps import Sweep, fairly
from plans import selectors as plans
from plans.catalog.offers import Plan
from plans.selectors import Published

_BATCH: Final = 100
_LOOK_AGAIN: Final = timedelta(hours=1)
_settled: Final[dict[str, datetime]] = {}  # by version: when nobody was left on the free plan


def move_subscribers(*, now: datetime, limit: int = _BATCH) -> int:
    """Move up to `limit` accounts whose plan says `existing = "move"`; return how many.

    Each has the plan's price in force, its entitlements and allowances afterwards, the
    allowances from their next window on: nobody gets two grants in one window, and nobody
    misses one. One account a transaction; two sweeps at once, or one that died half-way, do no
    harm. Of those who keep what they were sold, and of plans that the catalog has no more, nobody
    is moved. One whose move fails keeps his terms, and does not keep the others waiting.

    Args:
        now: a plan with a later `moves_at` waits.
    """
    published = plans.current()
    due = selectors.moving(published.catalog, published.version_id, now=now)
    found = fairly(due, limit=limit)
    moved, sweep = 0, Sweep("move_stumbled")
    for subscription in found:
        with sweep.row(subscription_id=subscription.pk):
            moved += _move(subscription.pk, published, now)
    return moved + _move_free(published, now=now, limit=limit - len(found))


def _move_free(published: Published, *, now: datetime, limit: int) -> int:
    """Give up to `limit` accounts on the free plan its new allowances, where it says "move".

    Looking through all wallets is dear: once none is left, this process looks again an hour
    later. Wallets that are opened meanwhile begin with the terms in force.
    """
    plan, settled_at = published.catalog.free_plan, _settled.get(published.version_id)
    if plan is None or plan.existing != "move" or limit <= 0:
        return 0
    if plan.moves_at is not None and plan.moves_at > now:
        return 0
    if settled_at is not None and settled_at <= now < settled_at + _LOOK_AGAIN:
        return 0
    accounts = fairly(selectors.moving_free(plan), limit=limit)
    moved, sweep = 0, Sweep("move_stumbled")
    for account in accounts:
        with sweep.row(account_id=account.pk):
            moved += _carry_free(account, published)
    if not accounts:
        _settled[published.version_id] = now
    return moved


@transaction.atomic(durable=True)
def _carry_free(account: Account, published: Published) -> bool:
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    plan = published.catalog.free_plan
    # A sale or another sweep may have come before us.
    if plan is None or not selectors.moving_free(plan).filter(pk=account.pk).exists():
        return False
    ledger.carry_allowances(locked, plan, zone=account.zone)
    return True


@transaction.atomic(durable=True)
def _move(subscription_id: str, published: Published, now: datetime) -> bool:
    account = Subscription.objects.select_related("account").get(pk=subscription_id).account
    locked = ledger.lock_wallet(account, catalog=published.catalog)
    # An order, a change of plan or another sweep may have come before us.
    subscription = Subscription.objects.get(pk=subscription_id)
    if not selectors.is_moving(subscription, published.catalog, published.version_id, now=now):
        return False
    plan = published.catalog.plan(subscription.plan)
    assert plan is not None, "only plans of the catalog move"
    if selectors.terms_of(subscription).allowances != plan.allowances:
        coming.go_on(locked, subscription, plan.for_seats(subscription.seats))
    subscription.terms_version_id = published.version_id
    subscription.moved_at = max(locked.now, subscription.started_at)
    subscription.renewal_micros = _renewal(subscription, plan, now)
    subscription.save(update_fields=["terms_version", "moved_at", "renewal_micros"])
    tell(subscription, "subscription.changed", now=locked.now)
    return True


def _renewal(subscription: Subscription, plan: Plan, now: datetime) -> int | None:
    """Return what each later period costs by the new terms; a price that is gone stays.

    By the sweep's clock, as the move itself: a sandbox's own may be ahead of announced prices.
    """
    if subscription.renewal_micros is None:
        return None
    asked = selectors.renewal_of(
        plan,
        currency=subscription.currency,
        interval=subscription.interval,
        book=subscription.book,
        at=max(now, subscription.started_at),
    )
    if asked is None:
        return subscription.renewal_micros
    return asked * selectors.seats_in_price(subscription)
