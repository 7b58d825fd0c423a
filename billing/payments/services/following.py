"""Lets a subscription of ours follow the contract at Stripe that pays for it.

Whatever order Stripe's word came in, what the row of the contract says now is what counts.
"""

from datetime import datetime
from typing import Final

import structlog

from billing.ledger.services import LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.payments import selectors
from billing.payments.models import Contract, PlanChange
from billing.subscriptions import selectors as subscription_selectors
from billing.subscriptions import services as subscriptions
from billing.subscriptions.models import Subscription
from billing.subscriptions.services import Period, Sold
from billing.transactions import require_transaction

Status = Contract.Status
# In these it is paid for, or needs not be yet.
_GOOD: Final = frozenset({Status.ACTIVE, Status.TRIALING})
_BEHIND: Final = frozenset({Status.PAST_DUE, Status.UNPAID})
# Why what was paid for a contract gives nothing; the reason of the refund.
SUBSCRIBED_ALREADY: Final = "subscribed_already"
ENDED: Final = "ended"
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
    # A new period of other seats brings them itself, with its own subscription.
    if (
        contract.seats is not None
        and subscription.seats not in (None, contract.seats)
        and _is_of(subscription, contract)
        and not _keeps_its_seats(subscription, contract)
    ):
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


def why_in_vain(
    locked: LockedWallet, contract: Contract, *, paid_at: datetime, now: datetime
) -> str:
    """Return why what is paid for a contract gives nothing; "": it gives its period.

    One contract at a time: the first that lives keeps the account. A later one of our own
    checkout is superseded, and Stripe will be asked to end it. One that was made at Stripe by
    hand takes the place of the first, as whoever made it wanted; that is an error in the log.
    What is paid after a contract has ended is for nothing.

    Args:
        locked: the wallet of the contract's account: two contracts at once are judged one after
            the other.
        now: the real instant.
    """
    require_transaction("payments.why_in_vain")
    assert locked.account_id == contract.account_id, "its own account is judged"
    if contract.superseded_at is None and (first := _first_of(contract)) is not None:
        if contract.checkout_id is not None:
            _supersede(contract, now=now)
        else:
            _log.error("two_contracts", contract_id=contract.pk, other_id=first.pk)
    if contract.superseded_at is not None or _another_pays(contract):
        return SUBSCRIBED_ALREADY
    is_late = contract.ended_at is not None and paid_at > contract.ended_at
    return ENDED if is_late else ""


def begin_or_renew(locked: LockedWallet, contract: Contract, period: Period) -> Subscription:
    """A period of a contract is paid for: its subscription has it. The caller tells each once.

    What has ended begins anew where the contract goes on. Of a contract that has ended itself the
    period is given as if it had been heard of in time.

    Args:
        locked: the wallet of the contract's account; who goes on with it locks it anew.
    """
    require_transaction("payments.begin_or_renew")
    account, subscription = contract.account, subscription_of(contract)
    known = subscription if subscription and _is_of(subscription, contract) else None
    if known is not None and not _is_over(known):
        subscriptions.renew(locked, known, period=period)
        return known
    sold = sold_by(contract)
    if contract.ended_at is None:
        begun = subscriptions.begin_sold(locked, account=account, sold=sold, period=period)
    else:
        begun = subscriptions.give_afterwards(
            locked, known, account=account, sold=sold, period=period, ended_at=contract.ended_at
        )
    if contract.subscription_id != begun.pk:
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


def _keeps_its_seats(subscription: Subscription, contract: Contract) -> bool:
    """Say whether its seats were paid for until the period ends, though Stripe has not followed."""
    unheeded = PlanChange.objects.filter(
        subscription=subscription, paid_until__gt=contract.period_starts_at
    )
    return unheeded.exclude(failure="").exists()


def _first_of(contract: Contract) -> Contract | None:
    """Return the living contract that has the account already, before this one has begun."""
    if contract.subscription_id is not None:
        return None
    others = selectors.living_contracts(contract.account_id).exclude(pk=contract.pk)
    return others.exclude(subscription=None).order_by("id").first()


def _supersede(contract: Contract, *, now: datetime) -> None:
    """Nothing is given for it, now or later, and Stripe will be asked to end it."""
    contract.superseded_at = now
    contract.save(update_fields=["superseded_at"])
    outbox.post(TaskName.END_SUPERSEDED, now=now, contract_id=contract.pk)


def _another_pays(contract: Contract) -> bool:
    """Say whether another contract has taken the place of this one, which goes on at Stripe.

    Of one that has ended the account may still have a period, whatever it is on by now.
    """
    if contract.subscription_id is None or contract.ended_at is not None:
        return False
    current = subscription_selectors.open_of(contract.account)
    if current is None or current.pk == contract.subscription_id:
        return False
    others = Contract.objects.filter(subscription=current, ended_at=None)
    return others.exclude(pk=contract.pk).exists()
