"""Stripe's own test clocks: the time of one customer, which is moved forward only."""

import time
from datetime import datetime
from typing import Final

import stripe

from billing.payments.gateway.client import StripeAway, Wire, understood

_READY: Final = "ready"
_LOOK_SECONDS: Final = (0.02, 0.05, 0.1, 0.2, 0.5)  # then each second
_PATIENCE_SECONDS: Final = 120.0
_STEP_SECONDS: Final = 700 * 24 * 3600  # with nothing under it, a clock goes two years at once
_PAGE: Final = 100  # the most that Stripe gives at once


def make_clock(wire: Wire, *, key: str, at: datetime, name: str) -> str:
    """Return the id of a clock that shows `at`, made with the first request of this `key`.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    with understood():
        made = wire.client().v1.test_helpers.test_clocks.create(
            {"frozen_time": int(at.timestamp()), "name": name}, {"idempotency_key": key}
        )
        return made.id


def advance_clock(wire: Wire, stripe_id: str, *, to: datetime) -> bool:
    """Let the clock show `to`, and all have happened that happens until then.

    One that shows it already, or is on its way, is not moved again. Returns whether it was moved.

    Raises:
        StripeAway: it was not ready in time, too: try again.
        StripeRefused: as it says.
    """
    clocks = wire.client().v1.test_helpers.test_clocks
    with understood():
        goal, began = int(to.timestamp()), _ready(clocks, stripe_id)
        shown = began
        while shown < goal:
            try:
                clocks.advance(stripe_id, {"frozen_time": min(goal, shown + _STEP_SECONDS)})
            except stripe.InvalidRequestError:
                if _ready(clocks, stripe_id) == shown:  # else somebody else has moved it meanwhile
                    raise
            shown = _ready(clocks, stripe_id)
        return shown > began


def kept_for(wire: Wire, customer_id: str) -> list[tuple[str, str]]:
    """Return all subscriptions and bills of a customer, the oldest first: of each kind and id.

    Raises:
        StripeAway, StripeRefused: as they say.
    """
    v1 = wire.client().v1
    with understood():
        contracts = v1.subscriptions.list(
            {"customer": customer_id, "status": "all", "limit": _PAGE}
        )
        invoices = v1.invoices.list({"customer": customer_id, "limit": _PAGE})
        made = [("subscription", one.id) for one in contracts.auto_paging_iter()]
        billed = [("invoice", one.id) for one in invoices.auto_paging_iter()]
    return [*reversed(made), *reversed(billed)]


def _ready(clocks: object, stripe_id: str) -> int:
    """Wait until the clock stands, and return what it shows, in seconds since 1970."""
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    looks = iter(_LOOK_SECONDS)
    while time.monotonic() < ends_at:
        told = clocks.retrieve(stripe_id)  # type: ignore[attr-defined]  # the client's service
        if told.status == _READY:
            return int(told.frozen_time)
        time.sleep(next(looks, 1.0))  # noqa: TID251 (seconds, and of a sandbox alone)
    raise StripeAway("its test clock is still on its way")
