"""What the ledger remembers. Constraints say what is true; triggers (sql/) refuse the rest."""

from billing.ledger.models.allowances import Allowance, CountedUse
from billing.ledger.models.debts import Debt
from billing.ledger.models.entries import Entry
from billing.ledger.models.fields import (
    _allowance_id,
    _debt_id,
    _entry_id,
    _genesis,
    _grant_id,
    _hold_id,
    _transfer_id,
    _wallet_id,
)
from billing.ledger.models.holds import Allocation, Hold
from billing.ledger.models.standstills import Standstill
from billing.ledger.models.transfers import Transfer, TransferPart
from billing.ledger.models.wallets import Grant, Wallet
from billing.ledger.models.zones import ZoneChange

__all__ = [
    "Allocation",
    "Allowance",
    "CountedUse",
    "Debt",
    "Entry",
    "Grant",
    "Hold",
    "Standstill",
    "Transfer",
    "TransferPart",
    "Wallet",
    "ZoneChange",
    # Migrations call these by the module's name.
    "_allowance_id",
    "_debt_id",
    "_entry_id",
    "_genesis",
    "_grant_id",
    "_hold_id",
    "_transfer_id",
    "_wallet_id",
]
