"""What time it is in wallets, and what their clocks have brought: for those who move them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Count

from billing.accounts.models import Account
from billing.ledger import store
from billing.ledger.models import Entry, Wallet


def database_now() -> datetime:
    """Return the database's instant, which every wallet's clock starts from."""
    return store.database_now()


def clock_of(account: Account) -> datetime | None:
    """Return the instant of the account's wallet; None: it has none yet."""
    wallet = Wallet.objects.filter(account=account).first()
    return None if wallet is None else store.clock(wallet)


def due_at(account_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when anything changes in the wallets of these accounts by itself, where it does."""
    wallets = Wallet.objects.filter(account__in=account_ids)
    rows = wallets.values_list("account_id", "due_at")
    return {account_id: at for account_id, at in rows if at is not None}


def clock_offsets(account_ids: Sequence[str]) -> dict[str, timedelta]:
    """Return how far ahead the wallets of these accounts are."""
    wallets = Wallet.objects.filter(account__in=account_ids)
    return dict(wallets.values_list("account_id", "clock_offset"))


def entry_kinds(account_ids: Sequence[str], *, since: datetime) -> dict[str, int]:
    """Return how many entries of each kind these accounts have had that count after `since`."""
    entries = Entry.objects.filter(wallet__account__in=account_ids, effective_at__gt=since)
    return dict(entries.order_by("kind").values_list("kind").annotate(number=Count("pk")))
