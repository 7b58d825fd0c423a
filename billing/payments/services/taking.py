"""The credits of a payment follow its money: taken back as that goes back, and given back again.

Whoever changes what is refunded or disputed of a purchase calls `follow` in the same transaction;
what it makes of the credits is `clawing.target_micros` of how things stand, whatever came before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from django.db.models import F, Sum

from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, LockedWallet
from billing.packs import services as packs
from billing.payments import clawing
from billing.payments.clawing import Agreed
from billing.payments.models import Purchase, Refund, Taking
from billing.payments.services import tracing
from billing.payments.services.tracing import Part
from billing.transactions import require_transaction

# In these states the money is on its way back, or has gone.
GOES_BACK: Final = (Refund.State.APPROVED, Refund.State.SENT, Refund.State.SUCCEEDED)


@dataclass(slots=True)
class _Claw:
    """Takes so many credits back for one fact, and keeps count.

    It counts in the credits that were brought, whatever has become of them since.
    """

    locked: LockedWallet
    fact: str
    cause: Cause
    actor: Actor
    left_micros: int
    revoked_micros: int = 0
    owed_micros: int = 0

    def take(self, one: Part, most_micros: int) -> int:
        """Take up to so much of a grant that is left to take; return how much of it that was."""
        wanted_micros = min(most_micros, one.within(self.left_micros))
        if wanted_micros <= 0:
            return 0
        taken = ledger.claw_back(
            self.locked,
            grant_ids=[one.grant.pk],
            amount_micros=wanted_micros,
            fact=self.fact,
            cause=self.cause,
            actor=self.actor,
            follows=False,  # what a grant has become is of the family, too
        )
        own_micros = taken.revoked_micros + taken.owed_micros
        revoked_micros = one.worth_of(taken.revoked_micros)
        self.revoked_micros += revoked_micros
        self.owed_micros += one.worth_of(own_micros) - revoked_micros
        self.left_micros -= one.worth_of(own_micros)
        return own_micros


def follow(locked: LockedWallet, purchase: Purchase, *, actor: Actor) -> int:
    """What is taken of a purchase's credits is what went back of its money makes it.

    Taken are exactly its own grants, with what became of them in the wallet, and what was given
    back of them before: what is free goes, what was spent is owed. Given back are the same credits
    on the same terms, and first what is still owed for them is paid. A repeat changes nothing.

    Args:
        locked: the wallet of the purchase's account.
        purchase: locked, with what is refunded and disputed as it is now.

    Returns: how many credits were taken; below zero, how many were given back.

    Raises:
        AmountOutOfRange: the wallet has no room for what is to be given back.
    """
    require_transaction("payments.taking.follow")
    _begin_what_waits(locked, purchase, actor)
    ledger.settle(locked)  # so that the rows say what is spent
    family = family_of(purchase)
    purchase.credited_micros = _credited_micros(purchase, family)
    delta_micros = target_micros(purchase) - purchase.taken_micros
    moving_micros = _moving_micros(purchase, family, delta_micros)
    if delta_micros > 0:
        _take(locked, purchase, delta_micros, moving_micros, family, actor)
    elif delta_micros < 0:
        _give(locked, purchase, -delta_micros, -moving_micros, family, actor)
    purchase.taken_micros += delta_micros
    purchase.save(
        update_fields=["refunded_micros", "disputed_micros", "credited_micros", "taken_micros"]
    )
    return delta_micros


def target_micros(purchase: Purchase) -> int:
    """Return how many of its credits a purchase has lost, as its rows stand."""
    return clawing.target_micros(
        credited_micros=purchase.credited_micros,
        paid_micros=purchase.amount_micros,
        refunded_micros=purchase.refunded_micros,
        disputed_micros=purchase.disputed_micros,
        agreed=agreed_of(purchase),
    )


def agreed_of(purchase: Purchase) -> Agreed:
    """Return the refunds of a purchase of which it was agreed how many credits they take."""
    total = purchase.refunds.filter(state__in=GOES_BACK, takes_micros__isnull=False).aggregate(
        back=Sum("amount_micros"), taken=Sum("takes_micros")
    )
    return Agreed(total["back"] or 0, total["taken"] or 0)


def credited_micros(purchase: Purchase) -> int:
    """Return what a purchase has brought so far; a plan's windows may have brought more by now."""
    return _credited_micros(purchase, tracing.brought_by(purchase))


def foresee(locked: LockedWallet, purchase: Purchase, delta_micros: int) -> tuple[int, int]:
    """Return what would be revoked and what owed, if so many more of its credits were taken now.

    Counted in the credits that it has brought, as is what is taken.

    Args:
        locked: the wallet of the purchase's account.
    """
    pack = purchase.pack_purchase
    if pack is not None and not pack.is_active:  # what has not begun is free
        return delta_micros, 0
    family = family_of(purchase)
    moving_micros = _moving_micros(purchase, family, delta_micros)
    most = _most(locked, purchase, family)
    free_micros = spent_micros = 0
    for one in family:
        free = min(most[one.grant.pk], _free_micros(locked, one.grant))
        spent = min(most[one.grant.pk] - free, ledger.spent_unowed_micros(one.grant))
        free_micros += one.worth_of(free)
        spent_micros += one.worth_of(spent)
    revoked_micros = min(moving_micros, free_micros)
    return revoked_micros, min(moving_micros - revoked_micros, spent_micros)


def family_of(purchase: Purchase) -> list[Part]:
    """Return what a purchase's credits are in: what it brought and got back, and what that became.

    That is what was lent and came home, was given anew, or was converted. What was given back
    counts as what it was of.
    """
    family = _with_heirs(tracing.brought_by(purchase))
    for grant in ledger.given_back(purchase.account, _cause(purchase)):
        of = family.get(grant.fact.rpartition(":")[2])
        worth = of.worth if of is not None else Fraction(1)
        family |= _with_heirs([Part(grant, Fraction(1), worth, is_own=False)])
    return [*family.values()]


def owed_micros(purchase: Purchase) -> int:
    """Return what is still owed for credits of a purchase that were spent and taken back."""
    return ledger.owed_under(purchase.account, _fact(purchase))


def _begin_what_waits(locked: LockedWallet, purchase: Purchase, actor: Actor) -> None:
    """Let a pack that waits begin once something of it is to be taken: only grants have credits."""
    pack = purchase.pack_purchase
    if pack is None or pack.is_active or target_micros(purchase) == purchase.taken_micros:
        return
    packs.begin(locked, pack, actor=actor)


def _with_heirs(parts: Iterable[Part]) -> dict[str, Part]:
    found = {one.grant.pk: one for one in parts}
    for heir in ledger.heirs([one.grant for one in found.values()]):
        of = found[heir.parent_id]
        found[heir.grant.pk] = Part(
            heir.grant, of.share, of.worth * heir.worth, weighs=heir.is_converted, is_own=False
        )
    return found


def _credited_micros(purchase: Purchase, parts: Iterable[Part]) -> int:
    """Return what a purchase has brought; what it only got back, it had brought before."""
    own = (one.own_micros for one in parts if one.is_own)
    return max(purchase.credited_micros, sum(own))


def _moving_micros(purchase: Purchase, family: list[Part], delta_micros: int) -> int:
    """Return how much of what is to be taken, or given back, the ledger has to move."""
    if purchase.contract_id is None or not delta_micros:
        return delta_micros
    traded = ledger.traded_in([one.grant.pk for one in family])
    if not traded:
        return delta_micros
    moved = purchase.takings.aggregate(
        total=Sum(F("revoked_micros") + F("owed_micros") - F("given_micros"))
    )["total"]
    taken_micros = purchase.taken_micros
    return clawing.moving_micros(
        delta_micros=delta_micros,
        target_micros=taken_micros + delta_micros,
        credited_micros=_credited_micros(purchase, family),
        traded_micros=sum(
            one.worth_of(one.share_of(traded.get(one.grant.pk, 0))) for one in family
        ),
        unmoved_micros=taken_micros - (moved or 0),
    )


def _take(
    locked: LockedWallet,
    purchase: Purchase,
    delta_micros: int,
    moving_micros: int,
    family: list[Part],
    actor: Actor,
) -> None:
    """Take each grant's share while it is free; the rest of what is free, and owe what is not.

    Of a grant that several payments have brought no more than what this one has brought.
    """
    number = _next(purchase)
    claw = _Claw(locked, f"{_fact(purchase)}{number}", _cause(purchase), actor, moving_micros)
    most = _most(locked, purchase, family)
    dues = clawing.shares(moving_micros, [_weight(one) for one in family])
    for due in (dues, [moving_micros] * len(family)):
        for one, micros in zip(family, due, strict=True):
            key = one.grant.pk
            now_micros = min(one.within(micros), most[key], _free_micros(locked, one.grant))
            most[key] -= claw.take(one, now_micros)
    for one in sorted(family, key=lambda one: not one.is_whole):
        claw.take(one, one.grant.amount_micros if one.is_whole else most[one.grant.pk])
    _note(
        *(locked, purchase, number, delta_micros),
        revoked_micros=claw.revoked_micros,
        owed_micros=claw.owed_micros,
    )


def _weight(one: Part) -> int:
    """Return what a grant weighs where what is taken is divided: what was not revoked of it."""
    if not one.weighs:
        return 0
    return one.worth_of(one.share_of(one.grant.amount_micros - one.grant.revoked_micros))


def _give(
    locked: LockedWallet,
    purchase: Purchase,
    amount_micros: int,
    moving_micros: int,
    family: list[Part],
    actor: Actor,
) -> None:
    """Give back what was taken, first where something is still owed for it."""
    number = _next(purchase)
    given_micros = ledger.give_back(
        locked,
        amount_micros=moving_micros,
        number=number,
        taken_at=_taken_at(purchase),
        fact=_fact(purchase),
        cause=_cause(purchase),
        actor=actor,
        worth={one.grant.pk: one.worth for one in family},
    )
    _note(locked, purchase, number, -amount_micros, given_micros=given_micros)


def _most(locked: LockedWallet, purchase: Purchase, family: list[Part]) -> dict[str, int]:
    """Return by grant the most that may be taken of it for a purchase from now on."""
    most = {one.grant.pk: one.grant.amount_micros for one in family}
    shared = [one for one in family if not one.is_whole]
    if shared:
        traded = ledger.traded_in([one.grant.pk for one in shared])
        taken = ledger.taken_by_grant(locked.id, fact=_fact(purchase), cause=_cause(purchase))
        for one in shared:
            gone_micros = one.share_of(traded.get(one.grant.pk, 0)) + taken.get(one.grant.pk, 0)
            most[one.grant.pk] = max(0, one.own_micros - gone_micros)
    return most


def _free_micros(locked: LockedWallet, grant: ledger.Grant) -> int:
    lot = locked.timeline.lots.get(grant.pk)
    return lot.pending_micros + lot.available_micros if lot is not None else 0


def _taken_at(purchase: Purchase) -> datetime:
    taken: Iterable[datetime] = purchase.takings.filter(delta_micros__gt=0).values_list(
        "created_at", flat=True
    )
    return max(taken)


def _next(purchase: Purchase) -> int:
    return purchase.takings.count() + 1


def _note(
    locked: LockedWallet, purchase: Purchase, number: int, delta_micros: int, **moved: int
) -> None:
    Taking.objects.create(
        purchase=purchase, number=number, delta_micros=delta_micros, created_at=locked.now, **moved
    )


def _cause(purchase: Purchase) -> Cause:
    return Cause("refund", purchase.pk)


def _fact(purchase: Purchase) -> str:
    """Return how the facts of debts begin that are owed for its credits."""
    return f"purchase:{purchase.pk}:"
