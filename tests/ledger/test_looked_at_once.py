"""A wallet and a hold are looked at once a commit, and again after whatever changes them later."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger.models import Debt, Grant, Hold, Wallet
from tests import factories
from tests.ledger.refusing import refused


def one_more_debt() -> None:
    debt = Debt.objects.get()
    debt.pk, debt.fact = new_id("de"), "test:another"
    debt.save(force_insert=True)


def one_more_allocation() -> None:
    """Have the hold take one micro more than it says."""
    run(
        "INSERT INTO billing_allocation"
        " (hold_id, grant_id, wallet_id, position, amount_micros, created_at)"
        " SELECT hold_id, grant_id, wallet_id, position + 1, 1, created_at FROM billing_allocation"
    )


CHANGES: dict[str, tuple[Callable[[], object], str]] = {
    "wallet": (
        lambda: Wallet.objects.update(available_micros=F("available_micros") + 1),
        "wallet_is_balanced",
    ),
    "grant": (
        lambda: Grant.objects.update(held_micros=F("held_micros") - 1, expired_micros=1),
        "wallet_is_balanced",
    ),
    "hold": (
        lambda: Hold.objects.update(state=Hold.State.RELEASED, settled_at=Now()),
        "hold_adds_up",
    ),
    "debt": (one_more_debt, "wallet_is_balanced"),
    "allocation": (one_more_allocation, "hold_adds_up"),
}


def checked() -> str:
    """Return what has been looked at since the last change."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(current_setting('linggan.checked', true), '')")
        (said,) = cursor.fetchone()
    assert isinstance(said, str)
    return said


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def looked_at(ada: Account) -> None:
    """What Ada has, held and owes has been looked at in this very transaction."""
    factories.give(ada, 100, expires_in=timedelta(days=1))
    factories.hold(ada, 30)
    factories.owe(ada, 100)
    connection.check_constraints()
    assert Wallet.objects.get().pk in checked()
    assert Hold.objects.get().pk in checked()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("looked_at")
def test_what_changes_after_it_was_looked_at_is_looked_at_again(change: str) -> None:
    act, rule = CHANGES[change]

    refused(act, rule)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("looked_at")
def test_it_is_looked_at_again_where_each_statement_is(change: str) -> None:
    act, rule = CHANGES[change]

    run("SET CONSTRAINTS ALL IMMEDIATE")

    refused(act, rule)


@pytest.mark.usefixtures("looked_at")
def test_what_was_looked_at_is_so_still_when_a_savepoint_goes_back() -> None:
    before = checked()

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        run("UPDATE billing_grant SET reason = reason")
        assert checked() == ""
        raise ZeroDivisionError

    assert checked() == before


def test_nothing_is_known_of_what_another_transaction_looked_at(transactional_db: None) -> None:
    factories.publish_kling()
    factories.give(factories.new_account("ada"), 100)

    assert checked() == ""


def test_ids_are_read_and_made_as_python_does(db: None) -> None:
    made = [new_id("ho"), "ho_0000000000", "ho_7zzzzzzzzz", "ho_01m8et5ak0rest"]
    not_made = ["ho_01m8et5ak", "ho_01m8et5iku", "", "ho_u1m8et5ak0", "ho_01m8et5akO"]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, billing_entry_floor(billing_made_at(id))"
            " FROM unnest(%s::text[]) AS ids(id)",
            [made + not_made],
        )
        found = dict(cursor.fetchall())

    assert found == {one: f"en_{one[3:13]}" for one in made} | dict.fromkeys(not_made)
