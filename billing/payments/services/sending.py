"""Asks Stripe to pay back what was approved: intent first, then the call, then what it answered."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from billing.payments.gateway import StripeAway, StripeRefused, configured, refunds
from billing.payments.gateway.seen import SeenRefund
from billing.payments.models import Refund
from billing.payments.services import returning
from billing.sweeps import Sweep, fairly
from billing.transactions import forbid_transaction

_LATE: Final = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


def send(*, refund_id: str) -> None:
    """Stripe has been asked for an approved refund, and its answer is written down.

    It is asked with the refund's id as key, so that a repeat pays nothing twice. What Stripe
    refuses has failed, and its credits are given back.

    Raises:
        StripeAway: it does not answer, or may not be asked; whoever calls tries again.
    """
    forbid_transaction("payments.send_refund")
    refund = Refund.objects.select_related("purchase__account").get(pk=refund_id)
    if refund.state != Refund.State.APPROVED:
        return
    wire = configured()
    if wire is None or (wire.is_live and refund.purchase.account.is_sandbox):
        raise StripeAway("there is no key of Stripe for this account")
    try:
        seen = refunds.refund(
            wire,
            payment_id=refund.purchase.stripe_id,
            refund_id=refund.pk,
            amount_micros=refund.amount_micros,
            currency=refund.purchase.currency,
        )
    except StripeRefused as refusal:
        _log.warning("refund_refused", refund_id=refund_id, code=refusal.code)
        _give_up(refund_id, f"{refusal.code}: {refusal}")
    else:
        _note(refund_id, seen)


def send_late(*, now: datetime, limit: int = 20) -> int:
    """Ask again for what was approved some time ago; return how many Stripe has answered.

    One that Stripe does not answer waits for the next run, and keeps no other waiting.
    """
    late = Refund.objects.filter(state=Refund.State.APPROVED, decided_at__lte=now - _LATE)
    sweep = Sweep("refund_stumbled")
    for refund in fairly(late.order_by("decided_at"), limit=limit):
        with sweep.row(refund_id=refund.pk):
            send(refund_id=refund.pk)
    return sweep.done


@transaction.atomic(durable=True)
def _note(refund_id: str, seen: SeenRefund) -> None:
    locked, refund = returning.lock_refund(refund_id)
    returning.note_answer(locked, refund, seen)


@transaction.atomic(durable=True)
def _give_up(refund_id: str, failure: str) -> None:
    locked, refund = returning.lock_refund(refund_id)
    returning.give_up(locked, refund, failure=failure)
