"""The credits of a payment follow its money: taken back as that goes back, and given back again.

Whoever changes what is refunded or disputed of a purchase calls `follow` in the same transaction;
what it makes of the credits is `clawing.target_micros` of how things stand, whatever came before.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db.models import Q, Sum

from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, Grant, LockedWallet
from billing.packs import services as packs
from billing.payments import clawing
from billing.payments.clawing import Agreed
from billing.payments.models import Purchase, Refund, Taking
from billing.subscriptions import services as subscriptions
from billing.transactions import require_transaction

# In these states the money is on its way back, or has gone.
GOES_BACK: Final = (Refund.State.APPROVED, Refund.State.SENT, Refund.State.SUCCEEDED)


def follow(locked: LockedWallet, purchase: Purchase, *, actor: Actor) -> int:
    """What is taken of a purchase's credits is what went back of its money makes it.

    Taken are exactly its own grants, and what was given back of them before: what is free goes,
    what was spent is owed. Given back are the same credits on the same terms, and first what is
    still owed for them is paid. A repeat changes nothing.

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
    purchase.credited_micros = credited_micros(purchase)
    delta_micros = target_micros(purchase) - purchase.taken_micros
    if delta_micros > 0:
        _take(locked, purchase, delta_micros, actor)
    elif delta_micros < 0:
        _give(locked, purchase, -delta_micros, actor)
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
    brought_micros = sum(grant.amount_micros for grant in brought_by(purchase))
    return max(purchase.credited_micros, brought_micros)


def family_of(purchase: Purchase) -> list[Grant]:
    """Return the grants that a purchase's credits are in: what it brought, and got back since."""
    return [*brought_by(purchase), *ledger.given_back(purchase.account, _cause(purchase))]


def brought_by(purchase: Purchase) -> list[Grant]:
    """Return the grants that a payment has brought so far, in the order in which they are taken.

    A pack's are its credits and its bonus; those of a plan's period what the subscription's own
    windows gave in it; and a change's what it gave at once.
    """
    which = Q(fact=f"change:{purchase.fact.removeprefix('stripe:')}")
    if (pack := purchase.pack_purchase) is not None:
        which |= Q(pk__in=[one for one in (pack.grant_id, pack.bonus_grant_id) if one])
    for fact in _facts_of_period(purchase):
        which |= Q(fact=fact) | Q(fact__startswith=f"{fact.replace('allowance:', 'seats:', 1)}:")
    own = ledger_selectors.grants(purchase.account).filter(which)
    return list(own.order_by("effective_at", "id"))


def _facts_of_period(purchase: Purchase) -> list[str]:
    """Return the facts of the windows that a plan's period is of, whenever they were given."""
    starts_at, ends_at = purchase.period_starts_at, purchase.period_ends_at
    if purchase.subscription is None or starts_at is None or ends_at is None:
        return []
    return subscriptions.facts_of(purchase.subscription, starts_at=starts_at, ends_at=ends_at)


def owed_micros(purchase: Purchase) -> int:
    """Return what is still owed for credits of a purchase that were spent and taken back."""
    return ledger.owed_under(purchase.account, _fact(purchase))


def _begin_what_waits(locked: LockedWallet, purchase: Purchase, actor: Actor) -> None:
    """Let a pack that waits begin once something of it is to be taken: only grants have credits."""
    pack = purchase.pack_purchase
    if pack is None or pack.is_active or target_micros(purchase) == purchase.taken_micros:
        return
    packs.begin(locked, pack, actor=actor)


def _take(locked: LockedWallet, purchase: Purchase, amount_micros: int, actor: Actor) -> None:
    """Take each grant's share while it is free; the rest of what is free, and owe what is not."""
    number, cause, grants = _next(purchase), _cause(purchase), family_of(purchase)
    fact = f"{_fact(purchase)}{number}"
    weights = [grant.amount_micros - grant.revoked_micros for grant in grants]
    revoked = owed = 0
    for grant, share in zip(grants, clawing.shares(amount_micros, weights), strict=True):
        if now_micros := min(share, _free_micros(locked, grant)):
            taken = ledger.claw_back(
                locked,
                grant_ids=[grant.pk],
                amount_micros=now_micros,
                fact=fact,
                cause=cause,
                actor=actor,
            )
            revoked += taken.revoked_micros
    if rest := amount_micros - revoked:
        taken = ledger.claw_back(
            locked,
            grant_ids=[grant.pk for grant in grants],
            amount_micros=rest,
            fact=fact,
            cause=cause,
            actor=actor,
        )
        revoked += taken.revoked_micros
        owed = taken.owed_micros
    _note(locked, purchase, number, amount_micros, revoked_micros=revoked, owed_micros=owed)


def _give(locked: LockedWallet, purchase: Purchase, amount_micros: int, actor: Actor) -> None:
    """Give back what was taken, first where something is still owed for it."""
    number = _next(purchase)
    given_micros = ledger.give_back(
        locked,
        amount_micros=amount_micros,
        number=number,
        taken_at=_taken_at(purchase),
        fact=_fact(purchase),
        cause=_cause(purchase),
        actor=actor,
    )
    _note(locked, purchase, number, -amount_micros, given_micros=given_micros)


def _free_micros(locked: LockedWallet, grant: Grant) -> int:
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
