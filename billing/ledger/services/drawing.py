"""Counted units: what is left, take them for an order, and give back what it did not keep."""

from collections.abc import Iterable
from fractions import Fraction

from billing.ledger import jumps, past
from billing.ledger.counting import Counted, Cover
from billing.ledger.models import CountedUse
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction


def counted(locked: LockedWallet) -> list[Counted]:
    """Return what is left now of each counted allowance, in the order of the plan."""
    return locked.timeline.counted()


def draw(locked: LockedWallet, covers: Iterable[Cover], *, reference: str) -> None:
    """Take the units of `covers` for `reference`; a repeat is refused by the database.

    Args:
        covers: what `cover` made of this wallet's `counted`, under the same lock.
        reference: "job:<id>", once for each allowance.
    """
    require_transaction("ledger.draw")
    left = {one.schedule.id: one.left_micros for one in locked.timeline.counted()}
    covers = list(covers)
    assert all(one.units_micros <= left[one.counted.schedule.id] for one in covers)
    with jumps.told(locked.id, now=locked.now):
        made = CountedUse.objects.bulk_create(
            CountedUse(
                wallet_id=locked.id,
                allowance_id=cover.counted.schedule.id,
                series=cover.counted.schedule.series,
                window=cover.counted.window.key,
                window_ends_at=cover.counted.window.ends_at,
                reference=reference,
                units_micros=cover.units_micros,
                created_at=locked.now,
            )
            for cover in covers
        )
    if made:
        locked.timeline.uses = past.uses(locked.id, since=locked.now)


def settle_draws(locked: LockedWallet, *, reference: str, kept_share: Fraction) -> None:
    """Keep this share of what was drawn for `reference`, rounded down; a repeat changes nothing.

    The rest goes back into the window it came from; where that is over, it is gone with it.

    Args:
        kept_share: from 0 (a failure that costs nothing) to 1.
    """
    require_transaction("ledger.settle_draws")
    assert 0 <= kept_share <= 1
    drawn = CountedUse.objects.filter(wallet_id=locked.id, reference=reference, settled_at=None)
    settled = list(drawn)
    for use in settled:
        kept = use.units_micros * kept_share
        use.kept_micros = kept.numerator // kept.denominator
        use.settled_at = locked.now
        use.save(update_fields=["kept_micros", "settled_at"])
    if settled:
        locked.timeline.uses = past.uses(locked.id, since=locked.now)
