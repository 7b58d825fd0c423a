"""An account moves: its days and months are those of another zone, and none is given twice."""

from collections.abc import Mapping

from django.db import transaction

from billing.accounts import services as accounts
from billing.accounts.models import Account
from billing.ledger.models import Wallet, ZoneChange
from billing.ledger.services.wallets import lock_wallet, settle
from plans.catalog.schema import Catalog


@transaction.atomic(durable=True)
def change_account(
    account: Account,
    *,
    zone: str | None = None,
    metadata: Mapping[str, str] | None = None,
    region: str | None = None,
    currency: str | None = None,
    catalog: Catalog,
) -> Account:
    """What is given stands in the account; what is None stays. A repeat changes nothing.

    Another zone counts from the end of each window under way, for all allowances that name
    none: `plans.periods` draws the windows between. An account that has no wallet yet begins
    in it. Lock order: the wallet, then the account; only where there was no wallet, the account.

    Args:
        zone: an IANA name.
        metadata, region, currency: see `accounts.amend_account`.

    Raises:
        InvalidAccount: see `accounts.amend_account`.
    """
    has_wallet = _has_wallet(account)
    locked = lock_wallet(account, catalog=catalog) if zone and has_wallet else None
    former = Account.objects.select_for_update().get(pk=account.pk).zone
    if zone and locked is None and _has_wallet(account):  # it was opened before we came
        locked = lock_wallet(account, catalog=catalog)
    if locked is not None and zone and zone != former:
        settle(locked)
        ZoneChange.objects.create(wallet_id=locked.id, former=former, zone=zone, at=locked.now)
    return accounts.amend_account(
        account, zone=zone, metadata=metadata, region=region, currency=currency, catalog=catalog
    )


def _has_wallet(account: Account) -> bool:
    return Wallet.objects.filter(account=account).exists()
