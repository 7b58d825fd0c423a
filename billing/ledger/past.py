"""What the windows of a wallet's allowances gave, and what was taken from them. Nothing decides."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import connection

from billing.ledger import statements
from billing.ledger.counting import Use
from billing.ledger.models import CountedUse
from billing.ledger.schedules import Schedule
from plans import asking

_GIVEN_OF_LATE: Final = timedelta(days=70)
_A_YEAR_OF_LATE: Final = timedelta(days=800)


def uses(wallet_id: str, *, since: datetime) -> list[Use]:
    """Return what was taken from windows that were not over at `since`, in order.

    What was settled by then comes as one use a window; to look back further see `each_use`.
    """
    with connection.cursor() as cursor:
        cursor.execute(statements.USES, {"wallet": wallet_id, "since": since})
        return [Use(*row) for row in cursor.fetchall()]


def each_use(wallet_id: str, *, since: datetime) -> list[Use]:
    """Return the use of each order of windows that were not over at `since`, in order."""
    rows = CountedUse.objects.filter(wallet_id=wallet_id, window_ends_at__gt=since)
    return [
        Use(*row)
        for row in rows.order_by("created_at", "id").values_list(
            *("series", "window", "window_ends_at", "units_micros"),
            *("kept_micros", "created_at", "settled_at"),
        )
    ]


def given(
    wallet_id: str,
    schedules: list[Schedule],
    *,
    until: datetime | None,
    known_at: datetime | None = None,
) -> set[str]:
    """Return the facts of what the schedules' allowances gave of late, when it will be asked.

    Args:
        until: the instant up to which will be settled; None: any.
        known_at: what was given later is not known yet; None: all is.
    """
    starts = [one.next_at for one in schedules if one.next_at is not None]
    if not starts or (until is not None and min(starts) > until):
        return set()
    found = given_of_late(wallet_id, schedules)
    return {fact for fact, made_at in found if known_at is None or made_at <= known_at}


def given_of_late(wallet_id: str, schedules: Iterable[Schedule]) -> list[tuple[str, datetime]]:
    """Return the facts of what the schedules' allowances gave of late, and when it was written.

    Of late means not long before the next window: a later zone or plan may name a day again
    that was given already, but never one of months ago; a year may be named again for a year.
    """
    coming = [(one, one.next_at) for one in schedules if one.next_at is not None]
    if not coming:
        return []
    first = min(at for _one, at in coming)
    whose = {
        "wallet": wallet_id,
        "since": first - _GIVEN_OF_LATE,
        "yearly": sorted({one.series for one, _at in coming if one.terms.cadence == "yearly"}),
        "yearly_since": first - _A_YEAR_OF_LATE,
    }
    [found] = asking.ask((statements.GIVEN, whose))
    return found
