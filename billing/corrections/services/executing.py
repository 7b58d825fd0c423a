"""Moves what an adjustment is about, within what each person may have a hand in on one day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from billing.corrections.errors import NotEnoughToTake
from billing.corrections.models import Adjustment
from billing.corrections.services import counting
from billing.ledger import selectors as ledger_selectors
from billing.ledger import services as ledger
from billing.ledger.services import Actor, Cause, LockedWallet
from billing.transactions import require_transaction
from plans import burn_order
from plans import selectors as plans
from plans.catalog.schema import Catalog


@dataclass(frozen=True, slots=True)
class Movement:
    """What an adjustment would move, and what there is.

    Attributes:
        available_micros, debt_micros: what the account has free, and owes, before.
        free_micros: what is free of the grants that it would be taken from.
        given_micros: what would come.
        taken_micros, owed_micros: what would be taken, and what would be owed for the rest.
    """

    available_micros: int
    debt_micros: int
    free_micros: int
    given_micros: int
    taken_micros: int
    owed_micros: int


def would_move(locked: LockedWallet, adjustment: Adjustment, *, catalog: Catalog) -> Movement:
    """Return what the adjustment would move by now; where less is free, the rest is owed."""
    need_micros = max(-adjustment.amount_micros, 0)
    free_micros = sum(_free_micros(locked, one) for one in _taken_from(locked, adjustment, catalog))
    taken_micros = min(need_micros, free_micros)
    return Movement(
        available_micros=sum(lot.available_micros for lot in locked.timeline.lots.values()),
        debt_micros=locked.timeline.debt_micros,
        free_micros=free_micros,
        given_micros=max(adjustment.amount_micros, 0),
        taken_micros=taken_micros,
        owed_micros=need_micros - taken_micros,
    )


def require_enough(adjustment: Adjustment, movement: Movement) -> None:
    """Check that what is to be taken is free, or may be owed.

    Raises:
        NotEnoughToTake: it is neither.
    """
    _require_free(adjustment, movement)
    if movement.owed_micros:
        _spent(adjustment, movement.taken_micros, movement.owed_micros)


def execute(adjustment: Adjustment, *, approver: User | None, now: datetime) -> None:
    """The adjustment, whose row is locked, has moved its credits and counts for its persons.

    What is given has the terms of the catalog that it was requested by; the bounds are those of
    the one in force.

    Raises:
        DayCapReached, NotEnoughToTake, AmountOutOfRange: nothing has moved.
    """
    require_transaction("corrections.execute")
    current = plans.current().catalog
    locked = ledger.lock_wallet(adjustment.account, catalog=current)
    persons = [adjustment.requester, *([approver] if approver is not None else [])]
    day = counting.count(
        persons,
        amount_micros=abs(adjustment.amount_micros),
        is_sandbox=adjustment.account.is_sandbox,
        catalog=current,
        now=now,
    )
    actor = Actor("operator", (approver or adjustment.requester).get_username())
    if adjustment.amount_micros > 0:
        _give(locked, adjustment, actor)
    else:
        _take(locked, adjustment, current, actor)
    adjustment.state = Adjustment.State.EXECUTED
    adjustment.approver = approver
    adjustment.decided_at = now
    adjustment.counted_on = day
    adjustment.save(
        update_fields=[
            *("state", "approver", "decided_at", "counted_on"),
            *("grant", "revoked_micros", "debt"),
        ]
    )


def _give(locked: LockedWallet, adjustment: Adjustment, actor: Actor) -> None:
    terms = plans.version(adjustment.catalog_version_id).catalog.corrections.goodwill
    given = ledger.terms_of(
        terms,
        amount_micros=adjustment.amount_micros,
        fact=f"adjustment:{adjustment.pk}",
        zone=adjustment.account.zone,
        at=locked.now,
        reason=adjustment.reason,
    )
    cause = Cause("adjustment", adjustment.pk)
    adjustment.grant = ledger.grant(locked, given, cause=cause, actor=actor)


def _take(locked: LockedWallet, adjustment: Adjustment, catalog: Catalog, actor: Actor) -> None:
    """Take back what is free of the grants; the rest is owed, or all of it is refused."""
    fact, cause = f"adjustment:{adjustment.pk}", Cause("adjustment", adjustment.pk)
    movement = would_move(locked, adjustment, catalog=catalog)
    _require_free(adjustment, movement)
    if take_micros := movement.taken_micros:
        taken = ledger.claw_back(
            locked,
            grant_ids=_taken_from(locked, adjustment, catalog),
            amount_micros=take_micros,
            fact=fact,
            cause=cause,
            actor=actor,
        )
        assert taken.revoked_micros == take_micros, "what is free can be taken"
        adjustment.revoked_micros = take_micros
    if rest_micros := movement.owed_micros:
        adjustment.debt = ledger.owe(
            locked,
            amount_micros=rest_micros,
            fact=fact,
            cause=cause,
            actor=actor,
            grant_id=_spent(adjustment, take_micros, rest_micros),
        )


def _require_free(adjustment: Adjustment, movement: Movement) -> None:
    if movement.owed_micros and not adjustment.as_debt:
        raise NotEnoughToTake(
            need_micros=-adjustment.amount_micros, available_micros=movement.free_micros
        )


def _spent(adjustment: Adjustment, take_micros: int, rest_micros: int) -> str | None:
    """Return the one grant of which the rest was spent: it is owed once, whoever takes it back.

    Raises:
        NotEnoughToTake: so much of it was not spent, or it is owed already.
    """
    if len(adjustment.grant_ids) != 1:
        return None
    grant = ledger_selectors.grants(adjustment.account).get(pk=adjustment.grant_ids[0])
    spent_micros = ledger.spent_unowed_micros(grant)
    if spent_micros < rest_micros:
        raise NotEnoughToTake(
            need_micros=take_micros + rest_micros,
            available_micros=take_micros + spent_micros,
            may_be_owed=True,
        )
    return grant.pk


def _free_micros(locked: LockedWallet, grant_id: str) -> int:
    """Return what can be taken back of a grant: what is free of it, or has not begun yet."""
    lot = locked.timeline.lots.get(grant_id)
    return 0 if lot is None else lot.pending_micros + lot.available_micros


def _taken_from(locked: LockedWallet, adjustment: Adjustment, catalog: Catalog) -> Sequence[str]:
    """Return the grants that it takes from, in their order; without names: as they burn.

    Of those none that was lent: it is its lender's.
    """
    if adjustment.grant_ids:
        named: list[str] = adjustment.grant_ids
        return named
    rank = burn_order.rank(catalog.burn_order)
    lots = locked.timeline.lots.values()
    free = [lot for lot in lots if lot.available_micros and not lot.goes_back]
    return [lot.id for lot in sorted(free, key=rank)]
