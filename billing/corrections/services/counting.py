"""What a person has had a hand in on one day, and that it stays within the catalog's bound.

The row of the day is its lock; who counts for two persons takes theirs in the order of their ids.
"""

from collections.abc import Sequence
from datetime import date, datetime

from django.contrib.auth.models import User

from billing.corrections import selectors
from billing.corrections.errors import DayCapReached
from billing.corrections.models import OperatorDay
from billing.transactions import require_transaction
from plans.catalog.schema import Catalog


def require_room(
    person: User, *, amount_micros: int, is_sandbox: bool, catalog: Catalog, now: datetime
) -> None:
    """Check that a person may still have a hand in so much today; nothing is counted yet.

    Raises:
        DayCapReached: he may not.
    """
    _sum(selectors.day_of(person, is_sandbox=is_sandbox, catalog=catalog, now=now), amount_micros)


def require_room_of_a_day(person: User, *, amount_micros: int, catalog: Catalog) -> None:
    """Check that there can be a day on which a person has a hand in so much.

    Raises:
        DayCapReached: there is none, whatever else he does.
    """
    most_micros = catalog.corrections.adjustment_day_max_micros
    _sum(OperatorDay(operator=person, max_micros=most_micros), amount_micros)


def count(
    persons: Sequence[User],
    *,
    amount_micros: int,
    is_sandbox: bool,
    catalog: Catalog,
    now: datetime,
) -> date:
    """So much counts for the day of each of them; return which day of the catalog's zone that is.

    Raises:
        DayCapReached: it is more than one of them may have a hand in.
    """
    require_transaction("corrections.count")
    for person in sorted(persons, key=lambda one: one.pk):
        _count(
            selectors.day_of(person, is_sandbox=is_sandbox, catalog=catalog, now=now), amount_micros
        )
    return selectors.today(catalog, now)


def _count(day: OperatorDay, amount_micros: int) -> None:
    """Count it for the day, whose row this transaction holds from here on."""
    which = {"operator": day.operator, "day": day.day, "is_sandbox": day.is_sandbox}
    OperatorDay.objects.bulk_create(
        [OperatorDay(**which, max_micros=day.max_micros)], ignore_conflicts=True
    )
    counted = OperatorDay.objects.select_for_update(of=("self",)).get(**which)
    counted.max_micros = day.max_micros
    counted.used_micros = _sum(counted, amount_micros)
    counted.save(update_fields=["used_micros", "max_micros"])


def _sum(day: OperatorDay, amount_micros: int) -> int:
    """Return what the day comes to with so much more.

    Raises:
        DayCapReached: that is more than it may.
    """
    used_micros = day.used_micros + amount_micros
    if used_micros > day.max_micros:
        raise DayCapReached(
            operator=day.operator.get_username(),
            used_micros=day.used_micros,
            max_micros=day.max_micros,
        )
    return used_micros
