"""Lets a subscription of ours follow the contract at Stripe that pays for it.

Whatever order Stripe's word came in, what the row of the contract says now is what counts.
"""

from typing import Final

import structlog

from billing.ledger.services import LockedWallet
from billing.payments.models import Contract
from billing.subscriptions import selectors as subscription_selectors
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import Period, Sold
from billing.transactions import require_transaction

Status = Contract.Status
# In these it is paid for, or needs not be yet.
_GOOD: Final = frozenset({Status.ACTIVE, Status.TRIALING})
_BEHIND: Final = frozenset({Status.PAST_DUE, Status.UNPAID})
_log = structlog.get_logger(__name__)


def follow(locked: LockedWallet, contract: Contract) -> None:
    """The subscription that a contract pays for stands as the contract does.

    In the caller's transaction; a repeat changes nothing. One that has not begun begins with its
    first paid bill, not here; one that has ended stays so.

    Args:
        locked: the wallet of the contract's account; who goes on with it locks it anew.
    """
    require_transaction("payments.follow")
    subscription = subscription_of(contract)
    if subscription is None or _is_over(subscription):
        return
    if contract.ended_at is not None:
        subscriptions.lapse(locked, subscription)
        return
    if contract.seats is not None and subscription.seats not in (None, contract.seats):
        locked = subscriptions.change_seats(locked, subscription, contract.seats)
    locked = subscriptions.end_at(locked, subscription, contract.cancel_at)
    if _is_over(subscription):
        return
    if contract.paused_at is not None:
        subscriptions.pause(locked, subscription, since=contract.paused_at)
    else:
        subscriptions.unpause(locked, subscription)
    if contract.status in _GOOD:
        subscriptions.catch_up(locked, subscription)
    elif contract.status in _BEHIND:
        assert contract.past_due_at is not None, "its row says since when"
        subscriptions.fall_behind(locked, subscription, since=contract.past_due_at)


def begin_or_renew(locked: LockedWallet, contract: Contract, period: Period) -> Subscription | None:
    """A period of a contract is paid for: its subscription has it. The caller tells each once.

    What has ended begins anew where the contract goes on. Of a contract that has ended itself, or
    in whose place another one pays, nothing begins: None; its money stands in its purchase.

    Args:
        locked: the wallet of the contract's account; who goes on with it locks it anew.
    """
    require_transaction("payments.begin_or_renew")
    account, subscription = contract.account, subscription_of(contract)
    if (
        subscription is not None
        and subscription.ended_at is None
        and _is_of(subscription, contract)
    ):
        subscriptions.renew(locked, subscription, period=period)
        return subscription
    if contract.ended_at is not None or _another_pays(contract):
        _log.warning("paid_in_vain", contract_id=contract.pk, account_id=account.pk)
        return None
    begun = subscriptions.begin_sold(locked, account=account, sold=sold_by(contract), period=period)
    contract.subscription = begun
    contract.save(update_fields=["subscription"])
    return begun


def subscription_of(contract: Contract) -> Subscription | None:
    """Return the subscription that a contract pays for, as it stands; None: it has not begun."""
    if contract.subscription_id is None:
        return None
    return Subscription.objects.select_related("account").get(pk=contract.subscription_id)


def sold_by(contract: Contract) -> Sold:
    """Return what a contract sells, on the terms of the version that it was sold by."""
    return Sold(
        version_id=contract.catalog_version_id,
        plan=contract.plan,
        interval=contract.interval,
        currency=contract.currency,
        book=contract.book,
        price_micros=contract.price_micros,
        renewal_micros=contract.renewal_micros,
        seats=contract.seats,
        anchor_at=contract.anchor_at,
    )


def _is_over(subscription: Subscription) -> bool:
    return subscription.ended_at is not None


def _is_of(subscription: Subscription, contract: Contract) -> bool:
    """Say whether it is what the contract sells now, in windows of its periods."""
    return (
        subscription.plan,
        subscription.interval,
        subscription.anchor_at,
        subscription.catalog_version_id,
    ) == (contract.plan, contract.interval, contract.anchor_at, contract.catalog_version_id)


def _another_pays(contract: Contract) -> bool:
    """Say whether the account's subscription is paid for by another contract that goes on."""
    current = subscription_selectors.open_of(contract.account)
    if current is None or current.pk == contract.subscription_id:
        return False
    others = Contract.objects.filter(subscription=current, ended_at=None).exclude(pk=contract.pk)
    return contract.subscription_id is not None and others.exists()
