"""Does what catalogs say for an instant, once that instant has come."""

from datetime import datetime

from billing.ledger import services as ledger
from billing.subscriptions.services.admitting import admit_due
from billing.subscriptions.services.ending import end_due
from billing.subscriptions.services.moving import move_subscribers
from plans import selectors as plans


def sweep(*, now: datetime) -> int:
    """End what ends by itself, move who is moved, convert what is sunset, admit who waited.

    One batch of each.

    Two sweeps at once do no harm. Returns how many accounts were looked after.
    """
    ended = end_due()
    moved = move_subscribers(now=now)
    converted = ledger.convert_due(catalog=plans.current().catalog)
    return ended + moved + converted + admit_due()
