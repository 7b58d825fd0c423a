"""Pays back by itself what was paid for and could not be given: nobody has to ask for it.

Lock order: the wallet, the purchase, then the refund.
"""

from datetime import datetime
from typing import Final

from billing.ids import new_id
from billing.ledger.services import Actor, LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.payments.gateway.seen import SeenPayment
from billing.payments.models import Purchase, Refund
from billing.payments.services import disputing, returning
from billing.transactions import require_transaction

State = Refund.State
_SERVICE: Final = Actor("service", "refunds")


def pay_back(
    locked: LockedWallet,
    purchase: Purchase,
    *,
    reason: str,
    now: datetime,
    payment: SeenPayment | None = None,
) -> Refund | None:
    """All that is left of a purchase goes back, and Stripe will be asked for it.

    What a bank has of it waits until that has decided (`go_on`). In the caller's transaction; a
    repeat returns the first refund. None: nothing is left to go back.

    Args:
        locked: the wallet of the purchase's account.
        purchase: locked after it.
        reason: a word for why it could not be given.
        now: the real instant.
        payment: by which it was paid, as it was seen at the same time: what went back of it at
            Stripe already does not go back again; None: it was not looked at.
    """
    require_transaction("payments.pay_back")
    if payment is not None:
        returning.apply(locked, purchase, payment)
    key = f"not_given:{purchase.pk}"
    known = Refund.objects.filter(key=key).first()
    left_micros = purchase.amount_micros - purchase.refunded_micros
    if known is not None or not left_micros:
        return known
    refund = Refund.objects.create(
        pk=new_id("rf"),
        purchase=purchase,
        key=key,
        amount_micros=left_micros,
        state=State.REQUESTED,
        source=Refund.Source.SERVICE,
        rule=Refund.Rule.NOT_GIVEN,
        reason=reason[:64],
        requested_at=now,
    )
    _decide(locked, purchase, refund, now=now)
    return refund


def go_on(locked: LockedWallet, purchase: Purchase, *, now: datetime) -> None:
    """What waited for a bank goes back, if that has given it back. A repeat changes nothing.

    Args:
        locked: the wallet of the purchase's account.
        purchase: locked after it, with its disputes as they were seen last.
        now: the real instant.
    """
    require_transaction("payments.undoing.go_on")
    waiting = purchase.refunds.filter(rule=Refund.Rule.NOT_GIVEN, state=State.REQUESTED).first()
    if waiting is not None:
        _decide(locked, purchase, waiting, now=now)


def _decide(locked: LockedWallet, purchase: Purchase, refund: Refund, *, now: datetime) -> None:
    """Have all go back that is left, unless a bank has yet to decide; what it keeps is gone."""
    lost_micros = disputing.taken_micros(purchase, lost_only=True)
    if disputing.taken_micros(purchase) > lost_micros:
        return
    left_micros = purchase.amount_micros - purchase.refunded_micros - lost_micros
    if left_micros > 0:
        refund.state, refund.amount_micros = State.APPROVED, left_micros
        outbox.post(TaskName.SEND_REFUND, now=now, refund_id=refund.pk)
    else:
        refund.state, refund.ended_at = State.WITHDRAWN, now
    refund.decided_at = now
    refund.save(update_fields=["state", "amount_micros", "decided_at", "ended_at"])
    returning.settle(locked, purchase, actor=_SERVICE)
