"""Lock and settle wallets, open them, and move a sandbox's clock."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from billing.accounts.models import Account
from billing.ledger import selectors, store
from billing.ledger.models import Allowance, Wallet
from billing.ledger.services.beginning import allowances
from billing.ledger.store import LockedWallet
from billing.transactions import require_transaction
from plans.catalog.schema import Catalog


def lock_wallet(account: Account, *, catalog: Catalog) -> LockedWallet:
    """Lock the account's wallet, opened with the free plan's allowances at first sight.

    The lock is the clock: `.now` is the database's instant (a sandbox adds its offset), never
    before the wallet's last entry, and everything due by then is settled in memory.

    Args:
        catalog: whose rules count for what will be done: the current one, or that of a job.
    """
    require_transaction("ledger.lock_wallet")
    locked = store.lock(account.pk, catalog=catalog)
    if locked is None:
        _open(account, catalog)
        locked = store.lock(account.pk, catalog=catalog)
    assert locked is not None
    return locked


def open_wallet(account: Account, *, catalog: Catalog) -> Wallet:
    """Return the account's wallet, opened with the free plan's allowances at first sight."""
    wallet = Wallet.objects.filter(account=account).first()
    if wallet is None:
        with transaction.atomic(durable=True):
            settle(lock_wallet(account, catalog=catalog))
        wallet = Wallet.objects.get(account=account)
    return wallet


def settle(locked: LockedWallet) -> None:
    """Write down what has come due; a repeat at the same instant writes nothing new."""
    require_transaction("ledger.settle")
    if not locked.is_written:
        store.write(locked)


def settle_due(*, catalog: Catalog, limit: int = 100) -> int:
    """Write down what has come due in up to `limit` wallets; return in how many.

    Nothing depends on it: who touches a wallet settles it. It only brings the rows of those
    who sleep up to date, so that reports are fresh.
    """
    accounts = Account.objects.filter(pk__in=selectors.due_wallets(limit=limit))
    for account in accounts:
        with transaction.atomic(durable=True):
            settle(lock_wallet(account, catalog=catalog))
    return len(accounts)


def move_clock(account: Account, *, by: timedelta, catalog: Catalog) -> datetime:
    """Move a sandbox wallet's clock forward; return its new instant, with all that came due.

    Only a sandbox has a clock of its own: the database refuses an offset on any other wallet.
    """
    require_transaction("ledger.move_clock")
    assert by >= timedelta(0)
    locked = lock_wallet(account, catalog=catalog)
    Wallet.objects.filter(pk=locked.id).update(clock_offset=F("clock_offset") + by)
    moved = store.lock(account.pk, catalog=catalog)
    assert moved is not None
    settle(moved)
    return moved.now


def _open(account: Account, catalog: Catalog) -> None:
    """Make the wallet; of two first sights at once, the second finds the first one's."""
    now = store.database_now()
    wallet, made = Wallet.objects.get_or_create(
        account=account,
        defaults={"touched_at": now, "created_at": now, "is_sandbox": account.is_sandbox},
    )
    if made and catalog.free_plan is not None:
        Allowance.objects.bulk_create(
            allowances(wallet.pk, catalog.free_plan, zone=account.zone, now=now)
        )
