"""Tells other systems what happened: at least once, signed, in order, never while rows are locked.

An endpoint's row is the lock of all that stands in line at it. Lock order: an endpoint, its
deliveries, the account's event counter (which is locked after everything else of the account, so
publish last), and at the very end the gate of the slow (`turning`).
"""

from billing.webhooks.services.by_hand import (
    look_at_replay,
    replay_by_hand,
    retry_by_hand,
    switch_by_hand,
)
from billing.webhooks.services.delivering import DeliveryBusy, deliver
from billing.webhooks.services.publishing import publish, send_test
from billing.webhooks.services.registering import (
    ENDPOINTS_MAX,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    rotate_secret,
)
from billing.webhooks.services.repeating import REPLAY_MAX, replay, retry
from billing.webhooks.services.sweeping import pass_time, prune, sweep

__all__ = [
    "ENDPOINTS_MAX",
    "REPLAY_MAX",
    "DeliveryBusy",
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "deliver",
    "look_at_replay",
    "pass_time",
    "prune",
    "publish",
    "replay",
    "replay_by_hand",
    "retry",
    "retry_by_hand",
    "rotate_secret",
    "send_test",
    "sweep",
    "switch_by_hand",
]
