"""A subscription's life, verb by verb: start, fall behind and recover, move, end, sweep."""

from billing.subscriptions.services.ending import end, end_due, finish, finish_if_over
from billing.subscriptions.services.moving import move_subscribers
from billing.subscriptions.services.standing import mark_past_due, recover
from billing.subscriptions.services.starting import begin, keep, start
from billing.subscriptions.services.sweeping import sweep

__all__ = [
    "begin",
    "end",
    "end_due",
    "finish",
    "finish_if_over",
    "keep",
    "mark_past_due",
    "move_subscribers",
    "recover",
    "start",
    "sweep",
]
