"""Ends what nobody has paid for, after Stripe was asked: no webhook that did not come ends it.

And it goes on with changes of plan that broke off.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.payments.errors import PaymentFailed
from billing.payments.gateway import StripeRefused
from billing.payments.models import Contract, PlanChange
from billing.payments.services import applying, changing, collecting, fulfilling
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions import services as subscription_services
from billing.subscriptions.models import Subscription
from billing.sweeps import Sweep, fairly
from billing.transactions import forbid_transaction
from plans import selectors as plans

_BATCH: Final = 100
_BROKE_OFF: Final = timedelta(minutes=2)
_PAYERS_TIME: Final = timedelta(hours=23)
_log = structlog.get_logger(__name__)


def lapse_due(
    *, now: datetime, accounts: Collection[Account] | None = None, limit: int = _BATCH
) -> int:
    """End subscriptions whose paid time and grace are over; return at how many was looked.

    Stripe is looked at before: who has paid goes on. Where it does not answer, nobody lapses.

    Args:
        now: the real instant.
        accounts: those of these alone; None: of whomever.
        limit: so many at once; whose look fails is tried again, and keeps no other waiting.
    """
    forbid_transaction("payments.lapse_due")
    sweep = Sweep("lapse_stumbled")
    for subscription in fairly(subscriptions.overdue(accounts), limit=limit):
        with sweep.row(subscription_id=subscription.pk):
            for contract in Contract.objects.filter(subscription=subscription, ended_at=None):
                _look(contract, now=now)
            _lapse(subscription.account, subscription.pk)
    return sweep.tried


def go_on_with_changes(*, now: datetime) -> int:
    """Bring changes of plan to their end that broke off; give up those that nobody pays.

    Nobody pays one that waits for a day, or for longer than the window of credits by which it was
    reckoned. Returns at how many was looked.

    Args:
        now: the real instant.
    """
    forbid_transaction("payments.go_on_with_changes")
    sweep = Sweep("change_stumbled")
    for change in fairly(_left(now).order_by("created_at"), limit=_BATCH):
        with sweep.row(change_id=change.pk):
            _go_on(change, now=now)
    return sweep.tried


def _go_on(change: PlanChange, *, now: datetime) -> None:
    try:
        if change.state != PlanChange.State.BILLED:
            changing.go_on(change_id=change.pk, now=now)
        elif _is_over(change, now=now):
            changing.give_up(change_id=change.pk, now=now)
    except PaymentFailed as failed:
        _log.info("change_not_paid", change_id=change.pk, reason=failed.facts.get("reason"))


def _left(now: datetime) -> QuerySet[PlanChange]:
    """Return the changes that broke off, and those whose payers may be out of time.

    A sandbox account may be ahead of the real instant.
    """
    begun = PlanChange.objects.filter(ended_at=None, created_at__lte=now - _BROKE_OFF)
    is_over = Q(created_at__lte=now - _PAYERS_TIME) | Q(to_be_paid_by__lte=now)
    return begun.select_related("account").filter(
        ~Q(state=PlanChange.State.BILLED) | is_over | Q(account__is_sandbox=True)
    )


def _is_over(change: PlanChange, *, now: datetime) -> bool:
    return change.created_at <= now - _PAYERS_TIME or fulfilling.is_late(
        change, at=collecting.clock_of(change)
    )


def _look(contract: Contract, *, now: datetime) -> None:
    """Look at what Stripe collects. By what it has not any more, it collects nothing."""
    try:
        applying.look(kind="subscription", stripe_id=contract.stripe_id, now=now)
    except StripeRefused as refusal:
        if not refusal.is_missing:
            raise
        _log.warning("contract_is_gone_at_stripe", contract_id=contract.pk)


@transaction.atomic(durable=True)
def _lapse(account: Account, subscription_id: str) -> None:
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    subscription = Subscription.objects.select_related("account").get(pk=subscription_id)
    until = subscriptions.access_until(subscription)
    # Stripe may just have told us that it is paid.
    if subscription.ended_at is None and until is not None and until <= locked.now:
        subscription_services.lapse(locked, subscription)
