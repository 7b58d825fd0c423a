"""Ends what nobody has paid for, after Stripe was asked: no webhook that did not come ends it.

And it goes on with changes of plan that broke off.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.accounts.models import Account
from billing.ledger import services as ledger
from billing.payments.errors import PaymentFailed
from billing.payments.models import Contract, PlanChange
from billing.payments.services import applying, changing
from billing.subscriptions import selectors as subscriptions
from billing.subscriptions import services as subscription_services
from billing.subscriptions.models import Subscription
from billing.transactions import forbid_transaction
from plans import selectors as plans

_BATCH: Final = 100
_BROKE_OFF: Final = timedelta(minutes=2)
_PAYERS_TIME: Final = timedelta(hours=23)
_log = structlog.get_logger(__name__)


def lapse_due(*, now: datetime) -> int:
    """End subscriptions whose paid time and grace are over; return at how many was looked.

    Stripe is looked at before: who has paid goes on. Where it does not answer, nobody lapses.

    Args:
        now: the real instant.
    """
    forbid_transaction("payments.lapse_due")
    looked = 0
    for subscription in subscriptions.overdue()[:_BATCH]:
        looked += 1
        try:
            for contract in Contract.objects.filter(subscription=subscription, ended_at=None):
                applying.look(kind="subscription", stripe_id=contract.stripe_id, now=now)
            _lapse(subscription.account, subscription.pk)
        except Exception:  # noqa: BLE001 (whatever it is, the other accounts must not wait for it)
            _log.exception("lapse_stumbled", subscription_id=subscription.pk)
    return looked


def go_on_with_changes(*, now: datetime) -> int:
    """Bring changes of plan to their end that broke off; give up those that nobody pays.

    Returns how many there were.
    """
    forbid_transaction("payments.go_on_with_changes")
    left = PlanChange.objects.filter(ended_at=None, created_at__lte=now - _BROKE_OFF)
    tried = 0
    for change in left.order_by("created_at")[:_BATCH]:
        tried += 1
        waits = change.state == PlanChange.State.BILLED
        try:
            if waits and change.created_at <= now - _PAYERS_TIME:
                changing.give_up(change_id=change.pk, now=now)
            elif not waits:
                changing.carry_out(change_id=change.pk, now=now)
        except PaymentFailed as failed:
            _log.info("change_not_paid", change_id=change.pk, reason=failed.facts.get("reason"))
        except Exception:  # noqa: BLE001 (whatever it is, the other changes must not wait for it)
            _log.exception("change_stumbled", change_id=change.pk)
    return tried


@transaction.atomic(durable=True)
def _lapse(account: Account, subscription_id: str) -> None:
    locked = ledger.lock_wallet(account, catalog=plans.current().catalog)
    subscription = Subscription.objects.select_related("account").get(pk=subscription_id)
    until = subscriptions.access_until(subscription)
    # Stripe may just have told us that it is paid.
    if subscription.ended_at is None and until is not None and until <= locked.now:
        subscription_services.lapse(locked, subscription)
