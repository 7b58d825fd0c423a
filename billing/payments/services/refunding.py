"""Money back: asked for by one, approved by another; a cooling-off by its rule alone.

The credits are taken with the approval, before Stripe is asked: what is spent meanwhile would be
given twice. Lock order: the wallet, the purchase, then the refund.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http.errors import Forbidden, IdempotencyMismatch
from billing.ids import new_id
from billing.ledger.services import Actor, LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.payments import selectors
from billing.payments.errors.refunds import (
    InvalidRefund,
    NotYourRefund,
    OwnRefund,
    RefundChanged,
    RefundDecided,
)
from billing.payments.models import Purchase, Refund
from billing.payments.money import written
from billing.payments.services import offering, returning
from billing.payments.services.offering import Offer
from billing.transactions import require_transaction

State = Refund.State
Rule = Refund.Rule
KEY_LENGTH_MAX: Final = 128
_REASON_LENGTH_MAX: Final = 64
_TEXT_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to have paid back, and why.

    Attributes:
        amount_micros: None: all that is left, or what the rule says.
        currency: of the amount, where whoever asks says it; it is the payment's.
        rule: "goodwill", or "cooling_off", which says itself how much it is.
        reason: a word for what it is about.
        text: the explanation; an operator owes one.
    """

    rule: str
    reason: str
    amount_micros: int | None = None
    currency: str = ""
    text: str = ""


@transaction.atomic(durable=True)
def preview_refund(*, purchase_id: str, wish: Wish) -> Offer:
    """Return what would move if the refund were approved now. Nothing is written.

    Raises:
        InvalidRefund, RefundTooLarge, PaymentDisputed, NotReturnable: as `request_refund`.
    """
    locked, purchase = returning.lock_purchase(purchase_id)
    return offering.offer(
        locked, purchase, rule=Rule(wish.rule), amount_micros=wish.amount_micros, at=locked.now
    )


@transaction.atomic(durable=True)
def look_at_refund(*, refund_id: str) -> Offer:
    """Return what a request would move if it were approved now. Nothing is written.

    Raises:
        RefundChanged, RefundTooLarge, PaymentDisputed, NotReturnable: as `approve_refund`.
    """
    locked, refund = returning.lock_refund(refund_id)
    return _same_offer(locked, refund)


@transaction.atomic(durable=True)
def request_refund(
    *, purchase_id: str, wish: Wish, requester: User, key: str, now: datetime
) -> Refund:
    """A refund waits for another person. A repeat with the same key returns the first.

    Raises:
        Forbidden: he may not request refunds.
        InvalidRefund: no key, reason or explanation, or an amount that cannot be paid.
        RefundTooLarge: more than is left of what was paid.
        PaymentDisputed: the bank has the money.
        NotReturnable: its cooling-off is over, or does not let it go back.
        IdempotencyMismatch: the key has another refund.
    """
    _require_permission(requester, "request_refund")
    if not wish.text.strip():
        raise InvalidRefund(_("A refund needs an explanation."), field="text")
    locked, purchase = returning.lock_purchase(purchase_id)
    return _request(
        locked,
        purchase,
        wish,
        key=f"operator:{_key(key)}",
        source=Refund.Source.OPERATOR,
        requester=requester,
        now=now,
    )


def ask_refund(
    *, account: Account, purchase_ref: str, wish: Wish, key: str, now: datetime
) -> Refund:
    """A platform's server has asked for a refund: by a rule it is approved, else a person decides.

    A step: in the transaction that answers under the caller's key. A repeat returns the first.

    Args:
        purchase_ref: the id of a purchase of the account's, or of its pack purchase.
        key: unique among all of the caller's.

    Raises:
        NotFound: the account has no such purchase.
        InvalidRefund, RefundTooLarge, PaymentDisputed, NotReturnable: as `request_refund`.
    """
    require_transaction("payments.ask_refund")
    locked, purchase = returning.lock_purchase(selectors.own_purchase_id(account, purchase_ref))
    refund = _request(
        locked, purchase, wish, key=key, source=Refund.Source.SERVICE, requester=None, now=now
    )
    if refund.rule == Rule.COOLING_OFF and refund.state == State.REQUESTED:
        refund.purchase = purchase
        _approve(locked, refund, approver=None, actor=Actor("service", "refunds"), now=now)
    return refund


@transaction.atomic(durable=True)
def approve_refund(*, refund_id: str, approver: User, now: datetime) -> Refund:
    """Its credits are taken, in this very transaction, and Stripe will be asked. A repeat is none.

    Raises:
        Forbidden: he may not approve refunds.
        RefundDecided: it was decided on before, by another or otherwise.
        OwnRefund: he has requested it himself.
        RefundChanged: by its rule another amount would go back by now.
        RefundTooLarge, PaymentDisputed, NotReturnable: as they stand by now.
    """
    _require_permission(approver, "approve_refund")
    locked, refund = returning.lock_refund(refund_id)
    if refund.state in _AFTER_APPROVAL and refund.approver_id == approver.pk:
        return refund
    _require_decidable(refund, by=approver)
    actor = Actor("operator", approver.get_username())
    _approve(locked, refund, approver=approver, actor=actor, now=now)
    return refund


@transaction.atomic(durable=True)
def refuse_refund(*, refund_id: str, approver: User, now: datetime) -> Refund:
    """Nothing moves, now or ever. A repeat by the same person changes nothing.

    Raises:
        Forbidden, RefundDecided, OwnRefund: as for an approval.
    """
    _require_permission(approver, "approve_refund")
    _locked, refund = returning.lock_refund(refund_id)
    if refund.state == State.REFUSED and refund.approver_id == approver.pk:
        return refund
    _require_decidable(refund, by=approver)
    _end(refund, State.REFUSED, approver=approver, now=now)
    return refund


@transaction.atomic(durable=True)
def withdraw_refund(*, refund_id: str, requester: User, now: datetime) -> Refund:
    """Who has requested it has taken that back: nothing moves. A repeat changes nothing.

    Raises:
        NotYourRefund: another has requested it.
        RefundDecided: it was decided on.
    """
    _locked, refund = returning.lock_refund(refund_id)
    if refund.requester_id != requester.pk:
        raise NotYourRefund
    if refund.state == State.WITHDRAWN:
        return refund
    if refund.state != State.REQUESTED:
        raise RefundDecided(state=refund.state)
    _end(refund, State.WITHDRAWN, approver=None, now=now)
    return refund


_AFTER_APPROVAL: Final = frozenset({State.APPROVED, State.SENT, State.SUCCEEDED, State.FAILED})


def _request(
    locked: LockedWallet,
    purchase: Purchase,
    wish: Wish,
    *,
    key: str,
    source: str,
    requester: User | None,
    now: datetime,
) -> Refund:
    known = Refund.objects.filter(key=key).first()
    if known is not None:
        return _same(known, purchase, wish, requester)
    if not 1 <= len(wish.reason.strip()) <= _REASON_LENGTH_MAX:
        raise InvalidRefund(
            _("A reason is 1 to %(most)s characters long.") % {"most": _REASON_LENGTH_MAX},
            field="reason",
        )
    if wish.currency not in {"", purchase.currency}:
        raise InvalidRefund(
            _("This was paid in %(currency)s.") % {"currency": purchase.currency}, field="amount"
        )
    rule = Rule(wish.rule)
    offer = offering.offer(
        locked, purchase, rule=rule, amount_micros=wish.amount_micros, at=locked.now
    )
    return Refund.objects.create(
        pk=new_id("rf"),
        purchase=purchase,
        key=key,
        amount_micros=offer.amount_micros,
        takes_micros=offer.agreed_micros,
        state=State.REQUESTED,
        source=source,
        rule=rule,
        reason=wish.reason.strip(),
        text=wish.text.strip()[:_TEXT_LENGTH_MAX],
        requester=requester,
        requested_at=now,
    )


def _approve(
    locked: LockedWallet, refund: Refund, *, approver: User | None, actor: Actor, now: datetime
) -> None:
    """Take the credits of a refund, and have Stripe asked for its money."""
    _same_offer(locked, refund)
    refund.state, refund.approver, refund.decided_at = State.APPROVED, approver, now
    refund.save(update_fields=["state", "approver", "decided_at"])
    returning.settle(locked, refund.purchase, actor=actor)
    outbox.post(TaskName.SEND_REFUND, now=now, refund_id=refund.pk)


def _same_offer(locked: LockedWallet, refund: Refund) -> Offer:
    """Return what a request moves by now; its rule is asked again, of the instant of the request.

    Raises:
        RefundChanged: what was looked at is not what would be approved.
    """
    purchase, is_ruled = refund.purchase, refund.rule == Rule.COOLING_OFF
    offer = offering.offer(
        locked,
        purchase,
        rule=Rule(refund.rule),
        amount_micros=None if is_ruled else refund.amount_micros,
        at=min(refund.requested_at, locked.now),
    )
    if (offer.amount_micros, offer.agreed_micros) != (refund.amount_micros, refund.takes_micros):
        raise RefundChanged(amount=written(offer.amount_micros, offer.currency))
    return offer


def _end(refund: Refund, state: State, *, approver: User | None, now: datetime) -> None:
    refund.state, refund.approver = state, approver
    refund.decided_at = refund.ended_at = now
    refund.save(update_fields=["state", "approver", "decided_at", "ended_at"])


def _require_permission(operator: User, permission: str) -> None:
    if not (operator.is_staff and operator.has_perm(f"billing.{permission}")):
        raise Forbidden(
            _("%(operator)s may not do this.") % {"operator": operator.get_username()},
            permission=permission,
        )


def _require_decidable(refund: Refund, *, by: User) -> None:
    if refund.state != State.REQUESTED:
        raise RefundDecided(state=refund.state)
    if refund.requester_id == by.pk:
        raise OwnRefund


def _key(key: str) -> str:
    if not 1 <= len(key) <= KEY_LENGTH_MAX:
        raise InvalidRefund(
            _("A key is 1 to %(most)s characters long.") % {"most": KEY_LENGTH_MAX}, field="key"
        )
    return key


def _same(known: Refund, purchase: Purchase, wish: Wish, requester: User | None) -> Refund:
    """Return the first refund of a key, where it is the one that is wanted again."""
    is_same = (
        known.purchase_id == purchase.pk
        and (known.rule, known.reason) == (wish.rule, wish.reason.strip())
        and wish.amount_micros in {None, known.amount_micros}
        and known.requester_id == (requester.pk if requester is not None else None)
    )
    if not is_same:
        raise IdempotencyMismatch(_("This key has another refund; take a new one."))
    return known
