"""Looks after contracts for which nobody rings: their prices, and the cards that pay them."""

from datetime import datetime

from billing.payments.gateway import configured
from billing.payments.services import repricing, watching
from billing.transactions import forbid_transaction


def look_after(*, now: datetime) -> int:
    """Push new prices, and watch cards that are about to end; return how many were looked at."""
    forbid_transaction("payments.look_after")
    if configured() is None:
        return 0
    return repricing.push_prices(now=now) + watching.watch_cards(now=now)
