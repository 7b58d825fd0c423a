"""What went back of a payment, as Stripe says, and what follows from it.

Lock order: the contract that it pays for, the wallet, the purchase, then its refunds and disputes,
which only its holder writes.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from django.db.models import Sum

from billing.ledger import clocks
from billing.ledger import services as ledger
from billing.ledger.services import Actor, LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.payments.gateway.refunds import REFUND
from billing.payments.gateway.seen import SeenPayment, SeenRefund
from billing.payments.models import Contract, Dispute, Purchase, Refund
from billing.payments.services import disputing, lasting, taking, telling
from billing.transactions import require_transaction
from plans import selectors as plans

STRIPE: Final = Actor("service", "stripe")
State = Refund.State
_STATE_OF: Final[Mapping[str, str]] = {
    "pending": State.SENT,
    "requires_action": State.SENT,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
# What may follow on what: an answer that comes late never makes a refund younger.
_GOES_ON: Final[Mapping[str, frozenset[str]]] = {
    State.APPROVED: frozenset({State.SENT, State.SUCCEEDED, State.FAILED}),
    State.SENT: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset({State.FAILED}),
}


def lock_purchase(purchase_id: str) -> tuple[LockedWallet, Purchase]:
    """Lock the contract that a purchase pays for, the wallet of its account, then the purchase.

    Raises:
        Purchase.DoesNotExist: there is none.
    """
    require_transaction("payments.lock_purchase")
    known = Purchase.objects.select_related("account").get(pk=purchase_id)
    contract = Contract.objects.select_for_update().filter(pk=known.contract_id).first()
    locked = ledger.lock_wallet(known.account, catalog=plans.current().catalog)
    purchase = Purchase.objects.select_for_update().get(pk=purchase_id)
    purchase.contract = contract
    return locked, purchase


def lock_refund(refund_id: str) -> tuple[LockedWallet, Refund]:
    """Lock what `lock_purchase` does, and the refund; the purchase is the refund's.

    Raises:
        Refund.DoesNotExist: there is none.
    """
    require_transaction("payments.lock_refund")
    purchase_id = Refund.objects.values_list("purchase_id", flat=True).get(pk=refund_id)
    locked, purchase = lock_purchase(purchase_id)
    refund = Refund.objects.select_for_update(of=("self",)).get(pk=refund_id)
    refund.purchase = purchase
    return locked, refund


def apply(locked: LockedWallet, purchase: Purchase, seen: SeenPayment) -> None:
    """Let refunds and disputes of a payment be as they were seen, and its credits follow them.

    In the caller's transaction. Whatever was seen before, and in whatever order, what was seen
    last counts; a repeat changes nothing. `payment.refunded` and `payment.disputed` are published
    of what has changed.

    Args:
        locked: the wallet of the purchase's account.
        purchase: locked after it.

    Raises:
        AmountOutOfRange: the wallet has no room for what is to be given back.
    """
    require_transaction("payments.returning.apply")
    refunds = [
        changed
        for one in seen.refunds
        if (changed := _note_refund(purchase, one, now=locked.now)) is not None
    ]
    disputes = disputing.note(purchase, seen.disputes, now=locked.now)
    settle(locked, purchase, refunds=refunds, disputes=disputes, actor=STRIPE)


def note_answer(locked: LockedWallet, refund: Refund, seen: SeenRefund) -> None:
    """Write down what Stripe answered to one of our refunds, and let the credits follow.

    A look may have seen it before; a repeat changes nothing.
    """
    require_transaction("payments.returning.note_answer")
    changed = _note_refund(refund.purchase, seen, now=locked.now)
    settle(locked, refund.purchase, refunds=[changed] if changed else [], actor=STRIPE)


def give_up(locked: LockedWallet, refund: Refund, *, failure: str) -> None:
    """Stripe has refused one of our refunds for good: its credits come back."""
    require_transaction("payments.returning.give_up")
    if refund.state != State.APPROVED:  # a look has found it at Stripe
        return
    refund.state, refund.failure, refund.ended_at = State.FAILED, failure[:500], locked.now
    refund.save(update_fields=["state", "failure", "ended_at"])
    settle(locked, refund.purchase, refunds=[refund], actor=STRIPE)


def settle(
    locked: LockedWallet,
    purchase: Purchase,
    *,
    refunds: Iterable[Refund] = (),
    disputes: Iterable[Dispute] = (),
    actor: Actor,
) -> None:
    """Let a purchase's sums, its credits and what hangs on them follow its refunds and disputes.

    Args:
        refunds, disputes: what has changed and is told of; last of all, for its lock.
    """
    require_transaction("payments.returning.settle")
    total = purchase.refunds.filter(state__in=taking.GOES_BACK).aggregate(sum=Sum("amount_micros"))
    # Ours may be on its way while somebody pays it back at Stripe, which will refuse ours then.
    purchase.refunded_micros = min(purchase.amount_micros, total["sum"] or 0)
    purchase.disputed_micros = disputing.taken_micros(purchase)
    refunds, disputes = list(refunds), list(disputes)
    if refunds or disputes or purchase.refunded_micros or purchase.disputed_micros:
        locked = lasting.follow_time(locked, purchase)  # before the credits that it brings again
    taking.follow(locked, purchase, actor=actor)
    if (refunds or disputes) and lasting.is_gone(purchase):
        _take_rewards_back(purchase)
    for refund in refunds:
        telling.tell_refund(purchase, refund, now=locked.now)
    for dispute in disputes:
        telling.tell_dispute(purchase, dispute, now=locked.now)


def _note_refund(purchase: Purchase, seen: SeenRefund, *, now: datetime) -> Refund | None:
    """Write down how a refund stands; return it if that is news."""
    state = _STATE_OF.get(seen.status, State.SENT)
    refund = _find(purchase, seen)
    if refund is None:
        return Refund.objects.create(
            purchase=purchase,
            key=f"stripe:{seen.id}",
            stripe_id=seen.id,
            amount_micros=seen.amount_micros,
            state=state,
            source=Refund.Source.STRIPE,
            reason=seen.reason or "at_stripe",
            failure=seen.failure,
            requested_at=seen.created_at,
            ended_at=None if state == State.SENT else now,
        )
    if state not in _GOES_ON.get(refund.state, ()):
        return None
    refund.state, refund.stripe_id, refund.failure = state, seen.id, seen.failure
    refund.ended_at = None if state == State.SENT else now
    refund.save(update_fields=["state", "stripe_id", "failure", "ended_at"])
    return refund


def _find(purchase: Purchase, seen: SeenRefund) -> Refund | None:
    """Return our row of a refund: by Stripe's id, or by ours where its answer never reached us.

    One that we have given up and Stripe has made all the same is one of its own.
    """
    known = purchase.refunds.filter(stripe_id=seen.id).first()
    if known is None and (refund_id := seen.metadata.get(REFUND)):
        known = purchase.refunds.filter(pk=refund_id, stripe_id="", state=State.APPROVED).first()
    return known


def _take_rewards_back(purchase: Purchase) -> None:
    """Have taken back what somebody earned by it; by a subscription, when nothing of it is paid.

    What is only disputed, or on its way back, may yet come again.
    """
    earned_by = purchase.pack_purchase_id or purchase.subscription_id
    if earned_by is None:
        return
    if purchase.pack_purchase_id is None:
        others = Purchase.objects.filter(subscription=purchase.subscription_id, amount_micros__gt=0)
        if not all(lasting.is_gone(one) for one in others.exclude(pk=purchase.pk)):
            return
    outbox.post(TaskName.TAKE_BACK_REWARDS, now=clocks.database_now(), purchase_id=earned_by)
