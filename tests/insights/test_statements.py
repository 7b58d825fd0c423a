"""A monthly statement adds up: what there was, what came and went, and what there is."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.insights import statements
from billing.insights.statements import Moved, Section, Statement
from billing.ledger import selectors
from plans.credits import MICROS
from tests import factories
from tests.insights import sales
from tests.insights.sales import look, paid, spend

pytestmark = pytest.mark.usefixtures("kling")


@pytest.fixture
def ada() -> Account:
    """Ada is in the sandbox, where her clock can be moved, and lives in Shanghai."""
    return factories.new_account("ada")


def this_month(account: Account) -> Statement:
    """Return the statement of the month that goes on."""
    told = statements.statement(account, statements.months_of(account)[0])
    assert told is not None
    return told


def ask(path: str, *, language: str = "en") -> Any:  # noqa: ANN401 (Django's test response)
    token = tokens.sign("ada", lifetime=timedelta(hours=1), is_sandbox=True, now=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    return Client().get(path, headers=headers)


def test_a_statement_tells_what_was_bought_given_used_sent_and_taken_back(ada: Account) -> None:
    payment = paid(ada)
    look(payment)
    factories.give(ada, 100, source="goodwill")
    spend(ada, 600)
    factories.send(ada, factories.new_account("eve"), 50 * MICROS)
    factories.hold(ada, 40)
    look(payment, refunds=[sales.refund(ada, payment.amount_micros // 2)])

    told = this_month(ada)

    sums: dict[Section, int] = {}
    for one in told.moved:
        sums[one.section] = sums.get(one.section, 0) + one.micros // MICROS
    assert (sums[Section.BOUGHT], sums[Section.GRANTED], sums[Section.USED]) == (3500, 100, -600)
    assert (sums[Section.SENT], sums[Section.TAKEN_BACK]) == (-50, -1750)
    assert told.opening_micros == 0
    assert told.closing_micros == sum(sums.values()) * MICROS == 1200 * MICROS
    assert told.held_micros == 40 * MICROS
    assert not told.is_final


def test_what_was_used_is_told_by_model_and_how_many_orders(ada: Account) -> None:
    factories.give(ada, 100)
    spend(ada, 30)

    [used] = statements.lines_of(this_month(ada), Section.USED)

    assert used == Moved(Section.USED, "", -30 * MICROS, 1)


def test_a_debt_is_told_beside_the_balance(ada: Account) -> None:
    payment = paid(ada)
    look(payment)
    spend(ada, 3500)
    look(payment, refunds=[sales.refund(ada, payment.amount_micros)])
    first = this_month(ada)
    factories.later(ada, timedelta(days=45))
    factories.give(ada, 500)

    second = this_month(ada)

    assert (first.debt_opening_micros, first.debt_closing_micros) == (0, 3500 * MICROS)
    assert second.debt_opening_micros == 3500 * MICROS
    assert second.debt_closing_micros == 3000 * MICROS
    assert [(one.section, one.micros) for one in second.moved] == [
        (Section.GRANTED, 500 * MICROS),
        (Section.REPAID, -500 * MICROS),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_each_month_opens_with_what_the_one_before_closed_with(ada: Account, seed: int) -> None:
    chance = Random(seed)
    friend = factories.new_account("eve")
    factories.settle(ada)
    for _step in range(25):
        act = chance.randrange(4)
        free = factories.free_micros(ada) // MICROS
        if act == 0:
            ends = timedelta(days=chance.randint(1, 60))
            factories.give(ada, chance.randint(1, 500), expires_in=ends)
        elif act == 1 and free:
            spend(ada, chance.randint(1, free))
        elif act == 2 and free:
            factories.send(ada, friend, chance.randint(1, free) * MICROS)
        else:
            factories.later(ada, timedelta(hours=chance.randint(1, 24 * 25)))
    months = statements.months_of(ada)

    told = [statements.statement(ada, month) for month in reversed(months)]

    balance = 0
    for one in told:
        assert one is not None
        assert one.opening_micros == balance
        balance += sum(moved.micros for moved in one.moved)
        assert one.closing_micros == balance
    now = selectors.balance(factories.wallet_of(ada), as_of=None)
    assert balance == now.available_micros + now.held_micros


def test_a_month_is_the_accounts_own(ada: Account) -> None:
    told = this_month(ada)

    assert told.zone == "Asia/Shanghai"
    assert told.month.starts_at.astimezone(UTC).hour == 16  # midnight there


def test_the_months_are_listed_and_read_in_both_languages(ada: Account) -> None:
    factories.give(ada, 100)
    factories.later(ada, timedelta(days=40))
    months = statements.months_of(ada)

    listed = ask("/v1/statements?limit=1").json()
    further = ask(f"/v1/statements?cursor={listed['next']}").json()
    told = ask(f"/v1/statements/{months[-1]}").json()
    chinese = ask(f"/v1/statements/{months[-1]}", language="zh-hans").json()

    assert listed["data"] == [{"month": months[0], "is_final": False}]
    assert [one["month"] for one in further["data"]] == months[1:]
    assert told["is_final"]
    assert (told["opening"], told["closing"], told["unit"]) == ("0", "100", "credits")
    assert told["sections"] == [
        {
            "section": "granted",
            "name": "Granted",
            "credits": "100",
            "lines": [{"what": "goodwill", "credits": "100", "count": 1}],
        }
    ]
    assert chinese["unit"] == "灵感值"
    for absent in ("2019-01", "2999-01", "2026-13", "x"):
        assert ask(f"/v1/statements/{absent}").status_code == 404


def test_a_statement_is_a_table_that_no_spreadsheet_runs(ada: Account) -> None:
    factories.give(ada, 100, source="=1+1")
    [month] = statements.months_of(ada)

    answer = ask(f"/v1/statements/{month}.csv")

    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(StringIO(answer.content.decode())))
    assert rows[1:4] == [
        ["Opening balance", "", "", "0"],
        ["Granted", "'=1+1", "1", "100"],
        ["Closing balance", "", "", "100"],
    ]


def test_an_account_that_never_had_credits_has_an_empty_month(ada: Account) -> None:
    with translation.override("en"):
        told = this_month(ada)

    assert (told.opening_micros, told.moved, told.closing_micros) == (0, (), 0)
