"""The audit finds what somebody wrote past the rules of refunds, and names the purchase."""

from typing import Final

import pytest
from django.db import connection

from billing.insights import audit
from billing.payments.models import Purchase
from tests import factories
from tests.payments import back
from tests.payments.back import PAID

pytestmark = pytest.mark.django_db

# What a superuser might write with every guard switched off, and what is said of it.
WRONGS: Final = [
    ("UPDATE billing_packpurchase SET fact = 'another'", "not of the account whose pack"),
    (
        "UPDATE billing_purchase SET refunded_micros = refunded_micros + 10000",
        "does not say what its refunds and disputes say",
    ),
    (
        "UPDATE billing_purchase SET disputed_micros = disputed_micros - 10000",
        "does not say what its refunds and disputes say",
    ),
    ("DELETE FROM billing_taking", "more of the purchase's credits are taken back"),
    (
        "UPDATE billing_purchase SET credited_micros = credited_micros + 12000000",
        "not what the money that went back makes them",
    ),
    ("UPDATE billing_taking SET owed_micros = owed_micros - 1", "the ledger has not moved"),
    ("UPDATE billing_debt SET fact = 'another' WHERE fact LIKE 'purchase:%'", "has not moved"),
]


@pytest.fixture
def purchase(db: None) -> Purchase:
    """A third was paid back, a third is disputed, and most of the credits were spent."""
    back.open_shop()
    ada = factories.new_account("ada")
    seen = back.payment(ada)
    back.look(seen)
    back.spend(ada, 90)
    made = back.look(seen, [back.refund(PAID // 3)], [back.dispute(PAID // 3)])
    connection.check_constraints()
    return made


def test_what_follows_the_rules_is_clean(purchase: Purchase) -> None:
    assert list(audit.breaches()) == []


@pytest.mark.parametrize(("sql", "said"), WRONGS)
def test_what_was_written_past_the_rules_is_named(purchase: Purchase, sql: str, said: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)

    found = [breach for breach in audit.breaches() if said in breach.sentence]

    assert [breach.row for breach in found] == [purchase.pk]
