"""Convert the credits of products whose end has come, wallet by wallet."""

from django.db import transaction

from billing.ledger import selectors
from billing.ledger.services.ending import convert
from billing.ledger.services.wallets import lock_wallet
from billing.sweeps import Sweep, fairly
from plans.catalog.schema import Catalog


def convert_due(*, catalog: Catalog, limit: int = 100) -> int:
    """Convert in up to `limit` wallets what is left of products that `catalog` ends by now.

    One account a transaction; a repeat converts only what has come back from a hold since. By
    the wallet's clock, as everything that happens to credits. Returns in how many wallets.
    """
    sweep = Sweep("convert_stumbled")
    for conversion in catalog.conversions:
        due = selectors.convertible(conversion).select_related("account")
        for wallet in fairly(due, limit=limit - sweep.done):
            account = wallet.account
            with sweep.row(account_id=account.pk), transaction.atomic(durable=True):
                locked = lock_wallet(account, catalog=catalog)
                if conversion.at <= locked.now:
                    convert(locked, conversion, zone=account.zone)
    return sweep.done
