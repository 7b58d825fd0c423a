"""What always fails keeps nobody waiting for ever, however much of it stands before him."""

from datetime import timedelta
from typing import Final

import pytest
from django.utils import timezone

from billing.accounts.models import Account
from billing.payments.gateway import StripeAway
from billing.payments.models import Contract
from billing.payments.services import lapsing
from billing.subscriptions import selectors
from billing.sweeps import fairly
from tests import factories
from tests.payments.contracts import a_checkout, here, pay

pytestmark = pytest.mark.django_db
LONG: Final = timedelta(days=60)
# By lot one of three is left out of a run with two chances in three, of all of them never.
RUNS: Final = 100


def test_what_there_is_room_for_is_looked_at_in_the_order_in_which_it_waited() -> None:
    people = [factories.new_account(name) for name in ("ada", "bob", "eve", "joe")]
    due = Account.objects.order_by("created_at")

    assert fairly(due, limit=4) == people
    assert fairly(due.none(), limit=4) == []
    assert fairly(due, limit=0) == []


def test_of_more_those_are_among_them_that_waited_longest_and_each_other_in_its_turn() -> None:
    first, second, *others = (factories.new_account(f"user{number}") for number in range(6))
    due = Account.objects.order_by("created_at")

    looked_at = [fairly(due, limit=4) for _run in range(RUNS)]

    assert all(run[:2] == [first, second] for run in looked_at)
    assert all(len({one.pk for one in run}) == 4 for run in looked_at)
    assert {one.pk for run in looked_at for one in run[2:]} == {one.pk for one in others}


def test_whoever_stands_behind_more_that_fail_than_a_run_looks_at_lapses_all_the_same(
    kling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [factories.new_account(name) for name in ("ada", "bob", "eve", "joe")]
    for one in people:
        pay(a_checkout(one), here(one), 0)
        factories.later(one, LONG)
    last = people[-1]

    def look(contract: Contract, **_named: object) -> None:
        if contract.account_id != last.pk:
            raise StripeAway("it does not answer for this one")

    monkeypatch.setattr(lapsing, "_look", look)

    tried = [lapsing.lapse_due(now=timezone.now(), limit=2) for _run in range(RUNS)]

    assert selectors.open_of(last) is None
    assert set(tried) == {2}
    assert all(selectors.open_of(one) is not None for one in people[:-1])
