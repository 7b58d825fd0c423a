"""Take back what was given, and remember as a debt what of it was spent already."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Sum

from billing.ledger import store
from billing.ledger.debts import Owed
from billing.ledger.errors import AmountOutOfRange
from billing.ledger.journal import AMOUNT_MAX_MICROS, Actor, Cause
from billing.ledger.models import Debt, Grant
from billing.ledger.services.becoming import came_home
from billing.ledger.services.wallets import settle
from billing.ledger.store import LockedWallet
from billing.outbox import services as outbox
from billing.outbox.names import TaskName
from billing.transactions import require_transaction


@dataclass(frozen=True, slots=True)
class ClawedBack:
    """What taking back came to: what was free is gone, and what was spent is owed."""

    revoked_micros: int
    owed_micros: int


def owe(
    locked: LockedWallet,
    *,
    amount_micros: int,
    fact: str,
    cause: Cause,
    actor: Actor,
    grant_id: str | None = None,
) -> Debt:
    """The account owes so much. A repeat with the same fact changes nothing.

    What arrives next pays it, by a grant that begins or a hold that comes back; until then
    nothing is held. What is free already stays free, and waits.

    Args:
        fact: business key; a wallet has at most one debt for each.
        grant_id: the grant that was taken back after it was spent; None: there is none.

    Raises:
        AmountOutOfRange: not above zero, or beyond 10^12 credits in all.
    """
    require_transaction("ledger.owe")
    if (before := Debt.objects.filter(wallet_id=locked.id, fact=fact).first()) is not None:
        return before
    if not 0 < amount_micros <= AMOUNT_MAX_MICROS - locked.timeline.debt_micros:
        raise AmountOutOfRange
    debt = Debt.objects.create(
        wallet_id=locked.id,
        grant_id=grant_id,
        fact=fact,
        amount_micros=amount_micros,
        cause_type=cause.type,
        cause_id=cause.id,
        actor_type=actor.type,
        actor_id=actor.id,
        created_at=locked.now,
    )
    locked.timeline.debts.append(Owed(debt.pk, amount_micros))
    store.write(locked)
    outbox.post(TaskName.TELL_DEBT, now=store.database_now(), debt_id=debt.pk)
    return debt


def claw_back(
    locked: LockedWallet,
    *,
    grant_ids: Iterable[str],
    amount_micros: int,
    fact: str,
    cause: Cause,
    actor: Actor,
    follows: bool = True,
) -> ClawedBack:
    """Take `amount_micros` back from exactly these grants, in this order.

    What was lent of them and came home is taken as they are, after them, if that is followed.
    What is free is revoked. What of the rest was spent, is held or went to another wallet becomes
    a debt, each grant's share once, however often it is taken back; what has expired is gone for
    both sides.
    The caller sees to it that one business fact takes once.

    Args:
        grant_ids: grants of this wallet.
        fact: business key of the debts; each grant's has its id behind it.
        follows: no: whoever asks knows what they have become, and takes it by itself.
    """
    require_transaction("ledger.claw_back")
    assert amount_micros > 0
    settle(locked)  # so that the rows say what is spent
    missing, revoked, owed = amount_micros, 0, 0
    grant_ids = _with_what_came_home(grant_ids) if follows else [*grant_ids]
    found = Grant.objects.filter(wallet_id=locked.id).in_bulk(grant_ids)
    for key in grant_ids:
        if (lot := locked.timeline.lots.get(key)) is not None:
            revoked += locked.timeline.revoke(lot, cause=cause, actor=actor, amount_micros=missing)
            missing = amount_micros - revoked
    store.write(locked)
    for key in grant_ids:
        if share := min(missing, spent_unowed_micros(found[key])):
            owe(
                locked,
                amount_micros=share,
                fact=f"{fact}:{key}",
                cause=cause,
                actor=actor,
                grant_id=key,
            )
            missing, owed = missing - share, owed + share
    return ClawedBack(revoked, owed)


def spent_unowed_micros(grant: Grant) -> int:
    """Return what of a grant was used, or may still be, and is not owed already."""
    home = came_home([grant.pk]).aggregate(total=Sum("amount_micros"))["total"]
    away = grant.transferred_micros - (home or 0)
    used = grant.captured_micros + grant.held_micros + away
    debts = Debt.objects.filter(wallet_id=grant.wallet_id, grant=grant)
    owed = debts.aggregate(total=Sum("amount_micros"))["total"]
    return max(0, used - (owed or 0))


def _with_what_came_home(grant_ids: Iterable[str]) -> list[str]:
    """Return these grants, and those as which what was lent of them has come home."""
    known = dict.fromkeys(grant_ids)
    while more := [
        key
        for key in came_home(known).order_by("pk").values_list("target_id", flat=True)
        if key not in known
    ]:
        known |= dict.fromkeys(more)
    return [*known]
