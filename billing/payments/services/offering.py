"""What of a payment can go back, and what would move: judged when asked for, and when decided."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing.ledger.services import Grant, LockedWallet
from billing.payments import clawing, cooling
from billing.payments.clawing import Agreed
from billing.payments.errors.refunds import (
    InvalidRefund,
    NotReturnable,
    PaymentDisputed,
    RefundTooLarge,
)
from billing.payments.models import Purchase, Refund
from billing.payments.money import micros_of, written
from billing.payments.services import taking
from billing.transactions import require_transaction
from plans import periods
from plans import selectors as plans
from plans.catalog.commerce import CoolingOff


@dataclass(frozen=True, slots=True)
class Offer:
    """What would move if a refund were approved.

    Attributes:
        amount_micros: the money that would go back.
        agreed_micros: how many credits that takes by its rule; None: as large a share of them.
        taken_micros: how many credits would be taken, of which are free...
        revoked_micros: ...so many, and for the rest that was spent...
        owed_micros: ...so many would be owed; what has expired is gone already.
        left_micros: the money that would be left of the payment.
    """

    amount_micros: int
    currency: str
    agreed_micros: int | None
    taken_micros: int
    revoked_micros: int
    owed_micros: int
    left_micros: int


def offer(
    locked: LockedWallet,
    purchase: Purchase,
    *,
    rule: Refund.Rule,
    amount_micros: int | None,
    at: datetime,
) -> Offer:
    """Return what would move by now for a refund of the purchase, which is locked.

    Args:
        amount_micros: None: all that is left; a cooling-off says itself how much it is.
        at: when it is asked for: its cooling-off must last by then.

    Raises:
        InvalidRefund: an amount that cannot be paid, or one that the rule would have to say.
        RefundTooLarge: more than is left of what was paid.
        PaymentDisputed: the bank has the money.
        NotReturnable: the cooling-off is over, or does not let it go back.
    """
    require_transaction("payments.offer")
    if purchase.disputed_micros:
        raise PaymentDisputed
    left_micros = purchase.amount_micros - purchase.refunded_micros
    if rule == Refund.Rule.COOLING_OFF:
        if amount_micros is not None:
            raise InvalidRefund(_("A cooling-off says itself how much it is."), field="amount")
        amount_micros, agreed_micros = _cooling_off(locked, purchase, at=at)
        return _moving(locked, purchase, amount_micros, agreed_micros, left_micros)
    if amount_micros is None:
        amount_micros = left_micros
    if amount_micros > left_micros or not left_micros:
        raise RefundTooLarge(left=written(left_micros, purchase.currency))
    if amount_micros <= 0 or amount_micros % micros_of(1, purchase.currency):
        raise InvalidRefund(
            _("Write an amount above zero with no more places than the currency has."),
            field="amount",
        )
    return _moving(locked, purchase, amount_micros, None, left_micros)


def _cooling_off(locked: LockedWallet, purchase: Purchase, *, at: datetime) -> tuple[int, int]:
    """Return what a cooling-off pays back by now, and how many credits it takes for that.

    It is what is left of what was bought, and the bonus as a whole, for which nothing is paid.
    """
    terms, pack = _terms(purchase), purchase.pack_purchase
    if terms is None or pack is None:
        raise NotReturnable(_("This purchase has no cooling-off."), reason="no_rule")
    until = periods.add_period(purchase.paid_at, terms.within, zone=purchase.account.zone)
    if at >= until:
        raise NotReturnable(_("The cooling-off of this purchase is over."), reason="too_late")
    if purchase.refunded_micros:
        raise NotReturnable(_("Money of this purchase went back already."), reason="refunded")
    left_micros, bonus_left_micros = pack.credits_micros, pack.bonus_micros
    if pack.is_active:
        left_micros = _left_micros(locked, pack.grant)
        bonus_left_micros = _left_micros(locked, pack.bonus_grant)
    is_unused = (left_micros, bonus_left_micros) == (pack.credits_micros, pack.bonus_micros)
    if terms.unused and not is_unused:
        raise NotReturnable(_("Credits of this purchase were used."), reason="used")
    amount_micros = cooling.offer_micros(
        paid_micros=purchase.amount_micros,
        bought_micros=pack.credits_micros,
        left_micros=left_micros,
        factor=terms.factor,
        unit_micros=micros_of(1, purchase.currency),
    )
    if not amount_micros:
        raise NotReturnable(_("Nothing is left that could be paid back."), reason="nothing_left")
    return amount_micros, left_micros + pack.bonus_micros


def _terms(purchase: Purchase) -> CoolingOff | None:
    """Return the rule by which the purchase was sold; None: it was sold without one."""
    if purchase.pack_purchase is None:
        return None
    sold = plans.version(purchase.pack_purchase.catalog_version_id).catalog
    return sold.payments.cooling_off


def _left_micros(locked: LockedWallet, grant: Grant | None) -> int:
    """Return what is free of a grant: what is held is being used."""
    lot = locked.timeline.lots.get(grant.pk) if grant is not None else None
    return lot.pending_micros + lot.available_micros if lot is not None else 0


def _moving(
    locked: LockedWallet,
    purchase: Purchase,
    amount_micros: int,
    agreed_micros: int | None,
    left_micros: int,
) -> Offer:
    is_agreed = agreed_micros is not None
    before = taking.agreed_of(purchase)
    taken_micros = (
        clawing.target_micros(
            credited_micros=taking.credited_micros(purchase),
            paid_micros=purchase.amount_micros,
            refunded_micros=purchase.refunded_micros + amount_micros,
            disputed_micros=purchase.disputed_micros,
            agreed=Agreed(
                before.back_micros + (amount_micros if is_agreed else 0),
                before.taken_micros + (agreed_micros or 0),
            ),
        )
        - purchase.taken_micros
    )
    revoked_micros, owed_micros = taking.foresee(locked, purchase, taken_micros)
    return Offer(
        amount_micros=amount_micros,
        currency=purchase.currency,
        agreed_micros=agreed_micros,
        taken_micros=taken_micros,
        revoked_micros=revoked_micros,
        owed_micros=owed_micros,
        left_micros=left_micros - amount_micros,
    )
