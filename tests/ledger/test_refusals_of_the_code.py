"""The other half of rule P: with every guard of the database gone, the code refuses alone."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from billing.accounts.models import Account
from billing.insights import audit
from billing.ledger import services as ledger
from billing.ledger.errors import AmountOutOfRange, InsufficientCredits
from billing.ledger.models import Entry, Grant, Hold
from billing.ledger.services import GrantTerms
from plans.credits import MICROS
from tests import factories

TABLES = ("wallet", "grant", "hold", "allocation", "entry")


@pytest.fixture
def ada(ada: Account) -> Account:
    """Ada's wallet lives in tables without checks, unique keys or triggers, until the test ends."""
    factories.settle(ada)
    connection.check_constraints()
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE billing_{table} DISABLE TRIGGER USER")
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass"
                " AND contype IN ('c', 'u')",
                [f"billing_{table}"],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'ALTER TABLE billing_{table} DROP CONSTRAINT "{name}"')
    return ada


def _clean() -> bool:
    return list(audit.breaches()) == []


def test_more_than_there_is_cannot_be_held(ada: Account) -> None:
    factories.give(ada, 10)

    with pytest.raises(InsufficientCredits):
        factories.hold(ada, 11)

    assert not Hold.objects.exists()
    assert not Entry.objects.filter(kind="hold").exists()
    assert _clean()


def test_more_than_was_held_cannot_be_captured(ada: Account) -> None:
    factories.give(ada, 10)
    held = factories.hold(ada, 5)

    with pytest.raises(AssertionError), transaction.atomic():
        factories.capture(ada, held, 6 * MICROS)

    assert factories.free_micros(ada) == 5 * MICROS
    assert _clean()


def test_a_hold_ends_once_whoever_asks(ada: Account) -> None:
    factories.give(ada, 10)
    held = factories.hold(ada, 5)
    factories.capture(ada, held, 5 * MICROS)

    factories.release(ada, held)
    factories.capture(ada, held, 3 * MICROS)

    assert factories.free_micros(ada) == 5 * MICROS
    assert Entry.objects.filter(hold=held).count() == 2
    assert _clean()


def test_expired_credit_cannot_be_held(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(hours=1))
    factories.later(ada, timedelta(hours=1))

    with pytest.raises(InsufficientCredits):
        factories.hold(ada, 1)

    assert _clean()


def test_what_comes_back_too_late_is_not_free(ada: Account) -> None:
    factories.give(ada, 10, expires_in=timedelta(hours=1))
    held = factories.hold(ada, 10)
    factories.later(ada, timedelta(hours=1))

    factories.release(ada, held)

    assert factories.free_micros(ada) == 0
    assert _clean()


def test_a_day_and_a_fact_are_granted_once(ada: Account) -> None:
    assert factories.claim(ada) == factories.claim(ada)
    assert factories.give(ada, 5, fact="payment:1") == factories.give(ada, 5, fact="payment:1")

    assert Grant.objects.count() == 2
    assert _clean()


@pytest.mark.parametrize("micros", [0, -1, -(2**63), 10**18 + 1, 2**63])
def test_an_amount_out_of_range_is_no_grant(ada: Account, micros: int) -> None:
    terms = GrantTerms(amount_micros=micros, source="goodwill", fact="f")

    with pytest.raises(AmountOutOfRange), transaction.atomic():
        ledger.grant(
            factories.lock(ada),
            terms,
            cause=ledger.Cause("operator", "grace"),
            actor=factories.OPERATOR,
        )

    assert not Grant.objects.exists()
    assert _clean()


def test_no_step_of_the_ledger_runs_outside_a_transaction(transactional_db: None) -> None:
    factories.publish_kling()
    bob = factories.new_account("bob")

    with pytest.raises(RuntimeError, match="must run inside a transaction"):
        factories.lock(bob)
