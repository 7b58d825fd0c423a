"""A subscription's life: start, be paid for, fall behind, move, end, sweep; who is admitted."""

from billing.subscriptions.services.admitting import (
    admit_again,
    admit_by_hand,
    admit_due,
    tell_signals,
)
from billing.subscriptions.services.afterwards import give_afterwards
from billing.subscriptions.services.ending import end, end_due, finish, finish_if_over, foreseer
from billing.subscriptions.services.freezing import freeze, unfreeze
from billing.subscriptions.services.moving import move_subscribers
from billing.subscriptions.services.paying import (
    Period,
    Sold,
    begin_sold,
    catch_up,
    change_sold,
    end_at,
    facts_of,
    fall_behind,
    lapse,
    pause,
    renew,
    unpause,
)
from billing.subscriptions.services.seating import change_seats
from billing.subscriptions.services.standing import mark_past_due, recover
from billing.subscriptions.services.starting import begin, keep, start
from billing.subscriptions.services.sweeping import sweep
from billing.subscriptions.services.unpaying import (
    give_time_again,
    is_not_given_again,
    take_time_back,
)

__all__ = [
    "Period",
    "Sold",
    "admit_again",
    "admit_by_hand",
    "admit_due",
    "begin",
    "begin_sold",
    "catch_up",
    "change_seats",
    "change_sold",
    "end",
    "end_at",
    "end_due",
    "facts_of",
    "fall_behind",
    "finish",
    "finish_if_over",
    "foreseer",
    "freeze",
    "give_afterwards",
    "give_time_again",
    "is_not_given_again",
    "keep",
    "lapse",
    "mark_past_due",
    "move_subscribers",
    "pause",
    "recover",
    "renew",
    "start",
    "sweep",
    "take_time_back",
    "tell_signals",
    "unfreeze",
    "unpause",
]
