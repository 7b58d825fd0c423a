"""Put a plan's allowances into a wallet, in place of those that it had."""

from datetime import datetime

from billing.accounts import services as accounts
from billing.ledger import store
from billing.ledger.models import Allowance
from billing.ledger.services.beginning import allowances
from billing.ledger.services.wallets import settle
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans.catalog.offers import Plan


def start_allowances(
    locked: LockedWallet,
    plan: Plan,
    *,
    zone: str,
    anchor_at: datetime | None = None,
    subscription: str = "",
    ends_at: datetime | None = None,
    since: datetime | None = None,
    paid_from: datetime | None = None,
) -> LockedWallet:
    """Replace the wallet's allowances by those of `plan`; return it with what they give at once.

    Grants that the former allowances made keep the terms they were made with. A window that
    was given or used before, and is still under way, is not given again. Those of a free plan
    come only to whom the catalog admits to the free tier (`accounts.admit`).

    Args:
        zone: whose days and months count where the plan names no zone.
        anchor_at: from which weeks, months and years are drawn: when the subscription began;
            None: now.
        subscription: the paid subscription they belong to. Its windows are its own: whoever
            pays again in the same month has that month's credits again. Empty: none.
        ends_at: nothing comes by itself from this instant on; None: no end is known.
        since: the past instant from which they count, where what was before them ended unseen;
            None: now.
        paid_from: from when the plan is paid for, so that `give_paid` gives what its windows that
            have begun bring, and only later ones come by themselves; None: it is not paid for by
            periods.
    """
    require_transaction("ledger.start_allowances")
    settle(locked)
    Allowance.objects.filter(wallet_id=locked.id, ends_at=None).update(
        ends_at=locked.now, next_at=None
    )
    Allowance.objects.filter(wallet_id=locked.id, ends_at__gt=locked.now).update(
        ends_at=locked.now, next_at=None
    )
    if not plan.free or accounts.admit(locked.account_id, catalog=locked.catalog, now=locked.now):
        Allowance.objects.bulk_create(
            allowances(
                locked.id,
                plan,
                zone=zone,
                now=since or locked.now,
                created_at=locked.now,
                anchor_at=anchor_at,
                subscription=subscription,
                ends_at=ends_at,
                paid_from=paid_from,
            )
        )
    again = store.lock(locked.account_id, catalog=locked.catalog)
    assert again is not None
    settle(again)
    return again
