"""Where money goes when a plan is changed: what is left of it lies on what it has paid for next."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from billing.accounts.models import Account
from billing.insights.revenue.spreading import Standing
from plans.credits import MICROS
from plans.periods import add_period
from tests import factories
from tests.insights import sales
from tests.insights.books import (
    lines,
    month_of,
    months,
    now_of,
    see_that_what_was_touched_is_all_that_moved,
)
from tests.insights.sales import spend

pytestmark = pytest.mark.usefixtures("kling")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _few_tell_what_all_do(db: None) -> Iterator[None]:
    """After each of these lives, see that a day is told by the purchases that it touched."""
    yield
    see_that_what_was_touched_is_all_that_moved()


@pytest.fixture
def ada() -> Account:
    """Ada buys in the sandbox, where her clock can be moved; nothing was given to her."""
    return factories.new_account("ada")


def test_what_another_plan_was_paid_with_is_earned_with_its_credits(ada: Account) -> None:
    """330 of 660 credits were used; the other half is taken off the price of the next plan."""
    began_at = sales.clock(ada)
    ends_at = add_period(began_at, "P1M")
    standard = sales.begin(ada, "standard", "P1M", starts_at=began_at, ends_at=ends_at)
    by = sales.contract(ada, standard, ends_at=ends_at)
    first = sales.period(ada, standard, micros=66 * MICROS, ends_at=ends_at, by=by)
    spend(ada, 330)
    factories.later(ada, 3 * DAY)

    second = sales.replace_by(
        first, "pro", "P1M", due_micros=233 * MICROS, worth_micros=33 * MICROS
    )

    # The change itself earns nothing.
    half = Standing(66 * MICROS, 0, used_micros=33 * MICROS)
    assert now_of(first, ada) == half
    assert now_of(second, ada) == Standing(233 * MICROS, 0)
    spend(ada, 1500)  # of 3000
    assert now_of(first, ada) == replace(half, used_micros=(33 + 16) * MICROS + MICROS // 2)
    assert now_of(second, ada) == Standing(233 * MICROS, 0, used_micros=233 * MICROS // 2)
    [line] = [line for line in lines(month_of(ada)).values() if line.purchase == second]
    assert line.brings_micros == 3000 * MICROS * 233 // 266

    factories.later(ada, 40 * DAY)
    told = [lines(month) for month in months(began_at, 3)]
    for purchase, paid_micros in ((first, 66 * MICROS), (second, 233 * MICROS)):
        moved = [one[purchase.pk].moved for one in told if purchase.pk in one]
        earned = sum(one.used_micros + one.expired_micros for one in moved)
        assert (sum(one.sold_micros for one in moved), earned) == (paid_micros, paid_micros)


def test_windows_that_had_not_begun_go_with_a_change_and_the_year_that_follows_has_their_money(
    ada: Account,
) -> None:
    began_at = sales.clock(ada)
    ends_at = add_period(began_at, "P1Y")
    standard = sales.begin(ada, "standard", "P1Y", starts_at=began_at, ends_at=ends_at)
    by = sales.contract(ada, standard, ends_at=ends_at)
    first = sales.period(ada, standard, micros=120 * MICROS, ends_at=ends_at, by=by)
    factories.later(ada, began_at + 10 * DAY - sales.clock(ada))

    second = sales.replace_by(
        first, "pro", "P1Y", due_micros=300 * MICROS, worth_micros=120 * MICROS
    )

    assert now_of(first, ada) == Standing(120 * MICROS, 0)
    factories.later(ada, 32 * DAY)
    assert now_of(first, ada) == Standing(120 * MICROS, 0, expired_micros=10 * MICROS)
    assert now_of(second, ada) == Standing(300 * MICROS, 0, expired_micros=25 * MICROS)

    sales.refunded(first, 120 * MICROS)

    assert now_of(first, ada) == Standing(120 * MICROS, 120 * MICROS)


def test_a_difference_of_a_year_is_earned_over_its_windows_and_the_first_by_what_was_left(
    ada: Account,
) -> None:
    began_at = sales.clock(ada)
    ends_at = add_period(began_at, "P1Y")
    pro = sales.begin(ada, "pro", "P1Y", starts_at=began_at, ends_at=ends_at)
    by = sales.contract(ada, pro, ends_at=ends_at)
    changed_at = add_period(began_at, "P1M") - (add_period(began_at, "P1M") - began_at) / 2
    factories.later(ada, changed_at - sales.clock(ada))

    bought = sales.difference(
        ada, pro, by=by, since=changed_at, ends_at=ends_at, micros=115 * MICROS, gives=1170
    )

    spend(ada, 3000)  # what the window gave before
    assert now_of(bought, ada).deferred_micros == 115 * MICROS
    spend(ada, 585)
    stands = now_of(bought, ada)
    # Half a window and eleven whole ones: one half's half is used.
    assert stands.used_micros == pytest.approx(115 * MICROS // 23 // 2, abs=10)
    [line] = [line for line in lines(month_of(ada)).values() if line.purchase == bought]
    assert line.brings_micros == (1170 + 11 * 2340) * MICROS
