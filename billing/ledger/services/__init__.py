"""The only package that moves credits.

Every function here is a step of somebody's use case: it runs inside the caller's transaction,
on a wallet that the caller has locked. `open_wallet`, `settle_due` and `convert_due` alone open
their own.

Lock order everywhere: job, attempt, wallet, then grants (which only the wallet's holder writes).
"""

from billing.ledger.counting import Counted, Cover, cover
from billing.ledger.journal import Actor, Cause
from billing.ledger.services.allowing import start_allowances
from billing.ledger.services.carrying import carry_allowances, end_allowances
from billing.ledger.services.claiming import Claim, claim
from billing.ledger.services.converting import convert_due
from billing.ledger.services.drawing import counted, draw, settle_draws
from billing.ledger.services.ending import convert, end_with_subscription
from billing.ledger.services.granting import GrantTerms, grant, terms_of
from billing.ledger.services.holding import capture, hold, release, take_more
from billing.ledger.services.wallets import lock_wallet, move_clock, open_wallet, settle, settle_due
from billing.ledger.store import LockedWallet

__all__ = [
    "Actor",
    "Cause",
    "Claim",
    "Counted",
    "Cover",
    "GrantTerms",
    "LockedWallet",
    "capture",
    "carry_allowances",
    "claim",
    "convert",
    "convert_due",
    "counted",
    "cover",
    "draw",
    "end_allowances",
    "end_with_subscription",
    "grant",
    "hold",
    "lock_wallet",
    "move_clock",
    "open_wallet",
    "release",
    "settle",
    "settle_draws",
    "settle_due",
    "start_allowances",
    "take_more",
    "terms_of",
]
