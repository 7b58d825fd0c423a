"""A subscription's life: start, fall behind and recover, move, end, sweep; and who is admitted."""

from billing.subscriptions.services.admitting import (
    admit_again,
    admit_by_hand,
    admit_due,
    tell_signals,
)
from billing.subscriptions.services.ending import end, end_due, finish, finish_if_over, foresee
from billing.subscriptions.services.moving import move_subscribers
from billing.subscriptions.services.standing import mark_past_due, recover
from billing.subscriptions.services.starting import begin, keep, start
from billing.subscriptions.services.sweeping import sweep

__all__ = [
    "admit_again",
    "admit_by_hand",
    "admit_due",
    "begin",
    "end",
    "end_due",
    "finish",
    "finish_if_over",
    "foresee",
    "keep",
    "mark_past_due",
    "move_subscribers",
    "recover",
    "start",
    "sweep",
    "tell_signals",
]
