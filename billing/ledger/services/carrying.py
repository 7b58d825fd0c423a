"""Give a wallet other terms without a second or a missing window; or no allowances any more."""

from datetime import datetime

from django.db.models import Q

from billing.accounts import services as accounts
from billing.ledger import store
from billing.ledger.models import Allowance
from billing.ledger.services.beginning import allowances, apart
from billing.ledger.services.wallets import settle
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans.catalog.offers import Plan
from plans.periods import Move


def carry_allowances(
    locked: LockedWallet, plan: Plan, *, zone: str, ends_at: datetime | None = None
) -> LockedWallet:
    """Replace the wallet's allowances by those of `plan`, each from its next window on.

    What is due by now is given on the old terms. An allowance goes on as the one of its own
    code, or else as one of the same cadence: with that one's anchor, windows and subscription,
    so that nobody gets two grants in one window and nobody misses one, and so that what came
    once does not come again under another name. One that is new begins now; one that the plan
    has no more is over. Those of a free plan go on only for whom the catalog admits to the free
    tier, or who had them before it asked.

    Args:
        zone: whose days and months count where the plan names no zone.
        ends_at: nothing comes by itself from this instant on; None: no end is known.
    """
    require_transaction("ledger.carry_allowances")
    settle(locked)
    former, moves = _close(locked), store.moves(locked.id)
    if plan.free and not accounts.admit(
        locked.account_id, catalog=locked.catalog, now=locked.now, is_under_way=bool(former)
    ):
        return _again(locked)
    paid_by = next((one.subscription for one in former if one.subscription), "")
    begun = list(
        allowances(
            locked.id, plan, zone=zone, now=locked.now, subscription=paid_by, ends_at=ends_at
        )
    )
    heirs = _heirs(begun, former)
    for heir, one in heirs:
        _inherit(heir, one, now=locked.now, moves=moves)
    _keep_apart([*(heir for heir, _one in heirs), *begun])
    Allowance.objects.bulk_create(begun)
    return _again(locked)


def end_allowances(locked: LockedWallet) -> LockedWallet:
    """Let nothing come by itself any more; what was granted keeps its terms."""
    require_transaction("ledger.end_allowances")
    settle(locked)
    _close(locked)
    return _again(locked)


def _close(locked: LockedWallet) -> list[Allowance]:
    """End the allowances that are under way, and return them as they were."""
    under_way = Allowance.objects.filter(wallet_id=locked.id).filter(
        Q(ends_at=None) | Q(ends_at__gt=locked.now)
    )
    former = list(under_way.order_by("position", "id"))
    under_way.update(ends_at=locked.now, next_at=None)
    return former


def _heirs(begun: list[Allowance], former: list[Allowance]) -> list[tuple[Allowance, Allowance]]:
    """Return which of the new ones goes on in the windows of which old one."""
    found: list[tuple[Allowance, Allowance]] = []
    free = list(former)
    for is_heir in (_same_code, _same_rhythm):
        for heir in begun:
            one = next((old for old in free if is_heir(heir, old)), None)
            if one is not None and all(heir is not known for known, _old in found):
                found.append((heir, one))
                free.remove(one)
    return found


def _same_code(heir: Allowance, old: Allowance) -> bool:
    return heir.code == old.code and _same_rhythm(heir, old)


def _same_rhythm(heir: Allowance, old: Allowance) -> bool:
    return (heir.cadence, heir.mode, heir.unit) == (old.cadence, old.mode, old.unit)


def _inherit(heir: Allowance, one: Allowance, *, now: datetime, moves: tuple[Move, ...]) -> None:
    """Let `heir` go on in the windows of `one`, from the next of them on.

    One that gives nothing more by itself has given the window that holds `now`: what comes once
    is there, what rolls waits for its first use, and of a last month only the end is awaited.
    """
    heir.anchor_at = one.anchor_at
    heir.subscription = one.subscription
    known_as = one.windows_of or one.code
    heir.windows_of = "" if known_as == heir.code else known_as
    if heir.mode != Allowance.Mode.AUTO or heir.unit != "credit":
        return
    next_at = one.next_at
    if next_at is None and one.cadence not in {"once", "rolling"}:
        next_at = store.schedule(one, moves=moves).window(now).ends_at
    within = store.schedule(heir, moves=moves).within
    heir.next_at = heir.first_at = None if next_at is None else within(next_at)


def _keep_apart(rows: list[Allowance]) -> None:
    """See that no two allowances share their windows; of two the first of `rows` keeps them."""
    known: dict[tuple[str, str], Allowance] = {}
    for row in rows:
        one = known.setdefault((row.windows_of or row.code, row.subscription), row)
        if one is not row:
            row.windows_of = apart(row.code)


def _again(locked: LockedWallet) -> LockedWallet:
    again = store.lock(locked.account_id, catalog=locked.catalog)
    assert again is not None
    settle(again)
    return again
