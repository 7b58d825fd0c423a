"""Lock and settle wallets, open them, and move a sandbox's clock."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from billing.accounts import services as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.ledger import selectors, store
from billing.ledger.models import Allowance, Standstill, Wallet
from billing.ledger.services.beginning import allowances
from billing.ledger.store import LockedWallet
from billing.sweeps import Sweep
from billing.transactions import require_transaction
from plans.asking import Given, PreparedRows
from plans.catalog.schema import Catalog


def lock_wallet(account: Account, *, catalog: Catalog) -> LockedWallet:
    """Lock the account's wallet, opened with the free plan's allowances at first sight.

    An organization's opens empty, and so does that of whom the catalog does not admit to the free
    tier (`accounts.admit`).

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


def lock_wallets(accounts: Iterable[Account], *, catalog: Catalog) -> dict[str, LockedWallet]:
    """Lock the wallets of all these accounts, in the order of their ids; return them by account.

    Whoever needs a second wallet asks for both here, before he holds either: two who lock the
    same ones in the same order cannot wait for each other. Those that are missing are opened
    first, for the same reason.
    """
    require_transaction("ledger.lock_wallets")
    wanted = {account.pk: account for account in accounts}
    if len(wanted) == 1:
        return {key: lock_wallet(one, catalog=catalog) for key, one in wanted.items()}
    known = Wallet.objects.filter(account__in=wanted).values_list("account_id", flat=True)
    for missing in sorted(wanted.keys() - set(known)):
        _open(wanted[missing], catalog)
    order = Wallet.objects.filter(account__in=wanted).order_by("pk")
    return {
        key: lock_wallet(wanted[key], catalog=catalog)
        for key in order.values_list("account_id", flat=True)
    }


def lock_wallet_by(account: Account, *, by: Membership | None, catalog: Catalog) -> LockedWallet:
    """Lock the account's wallet for what a member decides for it; return it.

    Args:
        by: the member: his is locked as well, so that nobody freezes him meanwhile; None: nobody's
            of an organization.
    """
    whom = [account] if by is None else [account, by.account]
    return lock_wallets(whom, catalog=catalog)[account.pk]


def lock_wallet_until(account: Account, *, until: datetime, catalog: Catalog) -> LockedWallet:
    """Lock a wallet as it was at the past instant `until`, to write down what happened then.

    If it has been written since, it is settled as far as that. `.now` is the lock's instant all
    the same. What was done with a wallet that was locked before and not written is forgotten.
    """
    require_transaction("ledger.lock_wallet_until")
    locked = store.lock(account.pk, catalog=catalog, until=until)
    assert locked is not None
    return locked


def open_wallet(account: Account, *, catalog: Catalog) -> Wallet:
    """Return the account's wallet, opened with the free plan's allowances at first sight."""
    found = _of(account=account.pk)
    if not found:
        with transaction.atomic(durable=True):
            settle(lock_wallet(account, catalog=catalog))
        found = _of(account=account.pk)
    [wallet] = found
    return wallet


_of = PreparedRows(lambda: Wallet.objects.filter(account=Given("account")))


def settle(locked: LockedWallet) -> None:
    """Write down what has come due; a repeat at the same instant writes nothing new."""
    require_transaction("ledger.settle")
    if not locked.is_written:
        store.write(locked)


def settle_due(*, catalog: Catalog, limit: int = 100) -> int:
    """Write down what has come due in up to `limit` wallets; return in how many.

    Nothing depends on it: who touches a wallet settles it. It only brings the rows of those
    who sleep up to date, so that reports are fresh. One that fails, or is busy, is tried again by
    the next run, and does not keep the others waiting.
    """
    sweep = Sweep("settle_stumbled")
    for account in Account.objects.filter(pk__in=selectors.due_wallets(limit=limit)):
        with sweep.row(account_id=account.pk), transaction.atomic(durable=True):
            settle(lock_wallet(account, catalog=catalog))
    return sweep.done


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


def move_clocks(account_ids: Sequence[str], *, offset: timedelta) -> None:
    """The clocks of these sandbox wallets are ahead by `offset`, or more where they were already.

    What has come due by then is settled by whoever touches a wallet next, at the instants at
    which it came due.
    """
    require_transaction("ledger.move_clocks")
    wallets = Wallet.objects.filter(account__in=account_ids).order_by("pk").select_for_update()
    found = list(wallets.values_list("pk", flat=True))
    Wallet.objects.filter(pk__in=found, clock_offset__lt=offset).update(clock_offset=offset)


def resume_grants(locked: LockedWallet) -> None:
    """What comes by itself comes again, from where it was halted; the day's count is forgotten.

    A repeat changes nothing.
    """
    require_transaction("ledger.resume_grants")
    automatic = locked.timeline.automatic
    if automatic.halted_at is None:
        return
    Standstill.objects.create(
        wallet_id=locked.id, halted_at=automatic.halted_at, resumed_at=locked.now
    )
    automatic.halted_at, automatic.count = None, 0
    locked.timeline.settle(locked.now)
    store.write(locked)


def _open(account: Account, catalog: Catalog) -> None:
    """Make the wallet; of two first sights at once, the second finds the first one's."""
    now = store.database_now()
    wallet, made = Wallet.objects.get_or_create(
        account=account,
        defaults={"touched_at": now, "created_at": now, "is_sandbox": account.is_sandbox},
    )
    # What is given free is for people: else whoever founds organizations would have it again.
    plan = catalog.free_plan if account.is_person else None
    if made and plan is not None and accounts.admit(account.pk, catalog=catalog, now=now):
        begun = [*allowances(wallet.pk, plan, zone=_zone_of(account), now=now)]
        Allowance.objects.bulk_create(begun)
        # Whoever opens it may write nothing more: another wallet may pay what he is here for.
        due_at = min((one.next_at for one in begun if one.next_at is not None), default=None)
        Wallet.objects.filter(pk=wallet.pk).update(due_at=due_at)


def _zone_of(account: Account) -> str:
    """Return the account's zone as it is now that its wallet's row is ours: it may have moved."""
    return Account.objects.values_list("zone", flat=True).get(pk=account.pk)
