"""What somebody with every right writes past the product is found by one audit, to the row.

Some customers live side by side, and nothing is wrong with any of them. Then rows of them are
changed in many places, with every trigger, CHECK and key of the database gone. One run of `audit`
must name every row that was changed, or for a row that is gone the one that misses it, and no
row of a customer whose rows were left alone.
"""

from collections.abc import Callable, Iterable, Iterator

import pytest
from django.db import connection
from pytest_django import Settings

from billing.accounts.models import Account
from billing.insights import audit
from billing.outbox import gateway
from tests import everything, thoroughness
from tests.drift import places, traffic
from tests.drift.places import KINDS, Kind, Place
from tests.thoroughness import by_profile

pytestmark = [pytest.mark.django_db, pytest.mark.night]

PLACES = max(len(KINDS), by_profile(desk=1, ci=1, night=500))
# At night each customer has one changed row, so that nothing can hide behind anything else.
PLACES_OF_ONE = by_profile(desk=5, ci=5, night=1)
LEFT_ALONE = 2
_TABLES = (
    *("wallet", "grant", "hold", "entry", "allocation", "debt", "counteduse"),
    *("job", "attempt", "campaigngrant", "packpurchase", "redemptioncode"),
)


@pytest.fixture
def crowd(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[Account]:
    """Customers who lived a little, the first of whom is given what others lose."""
    settings.BACKENDS = everything.BACKENDS
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    everything.open_platform()
    changed = -(-PLACES // PLACES_OF_ONE)
    return [traffic.live(f"c{number}") for number in range(1 + changed + LEFT_ALONE)]


def rows_of(accounts: Iterable[Account]) -> Iterator[str]:
    """Yield the names of all rows of these accounts, as the audit would call them."""
    for account in accounts:
        for table in _TABLES:
            for row in places.rows_of(Kind(table, ""), account):
                yield f"{table} {row}" if table in places.NUMBERED else row


def test_every_changed_row_is_found_and_named_and_no_other(
    crowd: list[Account], record_property: Callable[[str, object], None]
) -> None:
    with connection.cursor() as cursor:  # what 500 customers wrote is checked in one statement
        cursor.execute("SET LOCAL statement_timeout = 0")
    connection.check_constraints()
    assert [str(breach) for breach in audit.breaches()] == []
    left_alone = set(rows_of(crowd[-LEFT_ALONE:]))
    places.forget_the_rules()
    changed: list[Place] = []
    for number in range(PLACES):
        # Neighbours in the list touch the same table, so they go to different customers.
        account = crowd[1 + number % (len(crowd) - 1 - LEFT_ALONE)]
        changed.append(places.change(KINDS[number % len(KINDS)], account, number))

    found = {breach.row for breach in audit.breaches()}

    missed = [f"{one.kind} ({one.row})" for one in changed if one.named not in found]
    assert missed == []
    assert found & left_alone == set()
    known = set(rows_of(crowd)) | {one.named for one in changed} | {one.row for one in changed}
    assert found - known == set(), "a breach is told by a row, not in general"
    record_property(
        thoroughness.LOOKED,
        f"drift: {len(changed)} rows of {len(crowd)} customers changed in {len(KINDS)} ways, "
        f"{len(changed) - len(missed)} named; {len(found & left_alone)} invented",
    )
