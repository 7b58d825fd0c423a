"""The only package that moves credits.

Every function here is a step of somebody's use case: it runs inside the caller's transaction,
on a wallet that the caller has locked. `open_wallet`, `settle_due`, `convert_due` and
`make_partitions` alone open their own.

Lock order everywhere: job, attempt, wallet, then grants (which only the wallet's holder writes).
Of several wallets all are locked at once, in the order of their ids (`lock_wallets`).
"""

from billing.ledger.counting import Counted, Cover, cover
from billing.ledger.journal import Actor, Cause
from billing.ledger.lots import Part
from billing.ledger.models import Grant, Transfer
from billing.ledger.schedules import Schedule
from billing.ledger.services.allowing import start_allowances
from billing.ledger.services.becoming import Heir, heirs
from billing.ledger.services.carrying import carry_allowances, end_allowances
from billing.ledger.services.claiming import Claim, claim
from billing.ledger.services.converting import convert_due
from billing.ledger.services.drawing import counted, draw, settle_draws
from billing.ledger.services.ending import SubscriptionEnd, convert, end_with_subscription
from billing.ledger.services.enlarging import enlarge_windows
from billing.ledger.services.granting import GrantTerms, grant, issue_of, terms_of
from billing.ledger.services.holding import capture, forfeit, hold, release, set_aside, take_more
from billing.ledger.services.owing import ClawedBack, claw_back, owe, spent_unowed_micros
from billing.ledger.services.partitioning import make_partitions
from billing.ledger.services.paying import begun_schedules, give_paid, paid_schedules, windows_from
from billing.ledger.services.restoring import (
    give_back,
    given_back,
    owed_under,
    taken_by_grant,
    traded_in,
)
from billing.ledger.services.transferring import Sending, collect, take_back, transfer
from billing.ledger.services.wallets import (
    lock_wallet,
    lock_wallet_by,
    lock_wallet_until,
    lock_wallets,
    move_clock,
    move_clocks,
    open_wallet,
    resume_grants,
    settle,
    settle_due,
)
from billing.ledger.services.zones import change_account
from billing.ledger.store import LockedWallet

__all__ = [
    "Actor",
    "Cause",
    "Claim",
    "ClawedBack",
    "Counted",
    "Cover",
    "Grant",
    "GrantTerms",
    "Heir",
    "LockedWallet",
    "Part",
    "Schedule",
    "Sending",
    "SubscriptionEnd",
    "Transfer",
    "begun_schedules",
    "capture",
    "carry_allowances",
    "change_account",
    "claim",
    "claw_back",
    "collect",
    "convert",
    "convert_due",
    "counted",
    "cover",
    "draw",
    "end_allowances",
    "end_with_subscription",
    "enlarge_windows",
    "forfeit",
    "give_back",
    "give_paid",
    "given_back",
    "grant",
    "heirs",
    "hold",
    "issue_of",
    "lock_wallet",
    "lock_wallet_by",
    "lock_wallet_until",
    "lock_wallets",
    "make_partitions",
    "move_clock",
    "move_clocks",
    "open_wallet",
    "owe",
    "owed_under",
    "paid_schedules",
    "release",
    "resume_grants",
    "set_aside",
    "settle",
    "settle_draws",
    "settle_due",
    "spent_unowed_micros",
    "start_allowances",
    "take_back",
    "take_more",
    "taken_by_grant",
    "terms_of",
    "traded_in",
    "transfer",
    "windows_from",
]
