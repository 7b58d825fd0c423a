"""Debts: how they come about, what they stop, and what pays them (I16)."""

from datetime import timedelta

import pytest
from django.db import connection

from billing.accounts.models import Account
from billing.ledger import selectors
from billing.ledger.errors import AmountOutOfRange, InDebt, InsufficientCredits
from billing.ledger.models import Debt, Entry, Wallet
from plans.credits import MICROS
from tests import factories
from tests.ledger.refusing import refused
from tests.ledger.shop import allowance, customer, free, spend

pytestmark = pytest.mark.usefixtures("ends_clean")

DAY = timedelta(days=1)


def _debt(account: Account) -> int:
    return selectors.balance(factories.wallet_of(account), as_of=None).debt_micros // MICROS


def test_who_owes_holds_nothing_not_even_what_costs_nothing() -> None:
    ada = customer()
    factories.give(ada, 100)
    factories.owe(ada, 30)
    entries = Entry.objects.count()

    for credits_ in (1, 0):
        with pytest.raises(InDebt) as refusal:
            factories.hold(ada, credits_)
        assert refusal.value.facts["debt"] == "30"

    assert Entry.objects.count() == entries
    assert (free(ada), _debt(ada)) == (100, 30)


def test_what_arrives_next_pays_the_oldest_debt_first() -> None:
    ada = customer()
    first, second = factories.owe(ada, 30), factories.owe(ada, 20)

    factories.give(ada, 40)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.paid_micros, second.paid_micros) == (30 * MICROS, 10 * MICROS)
    assert first.paid_at is not None
    assert second.paid_at is None
    assert (free(ada), _debt(ada)) == (0, 10)

    factories.give(ada, 15)
    assert (free(ada), _debt(ada)) == (5, 0)
    assert factories.hold(ada, 5).amount_micros == 5 * MICROS


def test_a_days_credits_pay_it_when_nobody_looks_and_the_forecast_knows() -> None:
    ada = customer(free=allowance(cadence="daily", credits="10"))
    spend(ada, 10)
    factories.owe(ada, 25)
    wallet = factories.wallet_of(ada)
    ahead = selectors.balance(wallet, as_of=wallet.touched_at + 3 * DAY)

    factories.later(ada, 3 * DAY)

    assert (ahead.available_micros, ahead.debt_micros) == (5 * MICROS, 0)
    assert (free(ada), _debt(ada)) == (5, 0)


def test_what_comes_back_from_a_hold_pays_as_well() -> None:
    ada = customer()
    factories.give(ada, 50)
    held = factories.hold(ada, 40)
    factories.owe(ada, 15)

    factories.release(ada, held)

    assert (free(ada), _debt(ada)) == (35, 0)


def test_what_is_only_lent_pays_none_of_the_borrowers_debts() -> None:
    ada = customer()
    factories.owe(ada, 15)

    lent = factories.give(ada, 40, goes_back=True, expires_in=DAY)

    assert (free(ada), _debt(ada)) == (40, 15)
    factories.later(ada, DAY)
    lent.refresh_from_db()
    assert (lent.transferred_micros, lent.expired_micros) == (40 * MICROS, 0)


def test_one_fact_owes_once_and_nothing_is_no_debt() -> None:
    ada = customer()

    assert factories.owe(ada, 5, fact="job:1") == factories.owe(ada, 7, fact="job:1")

    with pytest.raises(AmountOutOfRange):
        factories.owe(ada, 0)
    assert Debt.objects.count() == 1
    assert _debt(ada) == 5


def test_taking_back_takes_what_is_free_of_just_these_grants_and_the_rest_is_owed() -> None:
    ada = customer()
    bought = factories.give(ada, 100, priority=1)
    other = factories.give(ada, 50)
    spend(ada, 30)

    clawed = factories.claw_back(ada, [bought], 100)

    bought.refresh_from_db()
    other.refresh_from_db()
    assert (clawed.revoked_micros, clawed.owed_micros) == (70 * MICROS, 30 * MICROS)
    assert (bought.revoked_micros, other.available_micros) == (70 * MICROS, 50 * MICROS)
    assert Debt.objects.get().grant == bought
    with pytest.raises(InDebt):
        factories.hold(ada, 1)


def test_what_was_spent_is_owed_once_however_often_it_is_taken_back() -> None:
    ada = customer()
    bought = factories.give(ada, 100)
    spend(ada, 100)

    first = factories.claw_back(ada, [bought], 60)
    second = factories.claw_back(ada, [bought], 60)
    third = factories.claw_back(ada, [bought], 60)

    owed = [one.owed_micros // MICROS for one in (first, second, third)]
    assert owed == [60, 40, 0]


def test_what_has_expired_is_gone_for_both_sides() -> None:
    ada = customer()
    bought = factories.give(ada, 100, expires_in=DAY)
    spend(ada, 40)
    factories.later(ada, DAY)

    clawed = factories.claw_back(ada, [bought], 100)

    assert (clawed.revoked_micros, clawed.owed_micros) == (0, 40 * MICROS)


def test_what_has_not_begun_is_withdrawn() -> None:
    ada = customer()
    coming = factories.give(ada, 100, begins_in=DAY)

    clawed = factories.claw_back(ada, [coming], 100)

    coming.refresh_from_db()
    assert clawed.revoked_micros == coming.revoked_micros == 100 * MICROS
    factories.later(ada, 2 * DAY)
    assert free(ada) == 0
    with pytest.raises(InsufficientCredits):
        factories.hold(ada, 1)


def test_a_past_balance_tells_the_debt_of_that_time() -> None:
    ada = customer()
    wallet = factories.wallet_of(ada)
    before = factories.later(ada, DAY)
    factories.later(ada, DAY)
    factories.owe(ada, 30)
    owing = factories.later(ada, DAY)
    factories.later(ada, DAY)
    factories.give(ada, 100)
    factories.later(ada, DAY)

    wallet.refresh_from_db()
    told = [selectors.balance(wallet, as_of=at).debt_micros for at in (before, owing, None)]

    assert told == [0, 30 * MICROS, 0]


DEBT_RULES = [
    ("amount_micros = amount_micros - 1", "debt_is_paid_once"),
    ("paid_micros = 1", "wallet_is_balanced"),
    ("paid_micros = amount_micros, paid_at = now()", "wallet_is_balanced"),
    ("paid_at = now()", "debt_is_paid_when_nothing_is_owed"),
    ("fact = 'another'", "debt_is_paid_once"),
    ("cause_id = ''", "debt_is_paid_once"),
    ("actor_type = 'nobody'", "debt_is_paid_once"),
]


@pytest.mark.parametrize(("change", "rule"), DEBT_RULES)
def test_the_database_lets_nobody_change_what_is_owed(change: str, rule: str) -> None:
    factories.owe(customer(), 30)
    before = Debt.objects.values().get()

    def act() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE billing_debt SET {change}")

    refused(act, rule)

    assert Debt.objects.values().get() == before


def test_the_database_lets_nobody_pay_a_debt_without_credits() -> None:
    factories.owe(customer(), 30)

    def act() -> None:
        Debt.objects.update(paid_micros=1)
        Wallet.objects.update(debt_micros=30 * MICROS - 1)

    refused(act, "debt_adds_up")

    assert Debt.objects.get().paid_micros == 0


def test_the_database_forgets_no_debt() -> None:
    factories.owe(customer(), 30)

    refused(lambda: Debt.objects.all()._raw_delete("default"), "debt_is_never_deleted")
    refused(lambda: Wallet.objects.update(debt_micros=0), "wallet_is_balanced")

    assert Debt.objects.count() == 1
