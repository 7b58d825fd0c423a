"""The use cases of payments: asking for money, hearing that it came, and giving it back."""

from billing.payments.services.applying import look
from billing.payments.services.catching_up import fetch_missed, replay, sweep
from billing.payments.services.changing import (
    ask_change,
    carry_out,
    end_contract,
    give_up,
    go_on,
    preview,
    resume_contract,
)
from billing.payments.services.checking_out import Wish, ask, open_page
from billing.payments.services.customers import ensure_customer, wire_for
from billing.payments.services.hearing import apply, apply_again, hear, ring_again
from billing.payments.services.looking_after import look_after
from billing.payments.services.portal import open_portal, require_portal
from billing.payments.services.reckoning import Judged
from billing.payments.services.reckoning import Wish as ChangeWish
from billing.payments.services.reminding import remind
from billing.payments.services.superseding import end_superseded
from billing.payments.services.syncing import Step, sync_prices

__all__ = [
    "ChangeWish",
    "Judged",
    "Step",
    "Wish",
    "apply",
    "apply_again",
    "ask",
    "ask_change",
    "carry_out",
    "end_contract",
    "end_superseded",
    "ensure_customer",
    "fetch_missed",
    "give_up",
    "go_on",
    "hear",
    "look",
    "look_after",
    "open_page",
    "open_portal",
    "preview",
    "remind",
    "replay",
    "require_portal",
    "resume_contract",
    "ring_again",
    "sweep",
    "sync_prices",
    "wire_for",
]
