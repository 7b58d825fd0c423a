"""How the money of a purchase is spread over what it brings, and how much of it is earned."""

from datetime import UTC, datetime
from fractions import Fraction
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from billing.insights.revenue.spreading import (
    Gives,
    Part,
    Standing,
    along,
    divided,
    months_between,
    standing,
    windows,
)

START = datetime(2027, 1, 31, tzinfo=UTC)
YEAR = datetime(2028, 1, 31, tzinfo=UTC)
MONEY = st.integers(0, 10**15)
SHARE = st.integers(0, 997).map(lambda part: Fraction(part, 997))


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), min_size=1).filter(sum))
def test_what_is_divided_adds_up_and_each_share_is_within_a_micro(
    amount: int, weights: list[int]
) -> None:
    shares = divided(amount, weights)

    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, sum(weights))) < 1


@given(MONEY, SHARE, st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=5))
def test_what_was_sold_went_back_or_was_earned_or_is_deferred(
    sold: int, back: Fraction, shares: list[tuple[Fraction, Fraction]]
) -> None:
    moneys = divided(sold, [1] * len(shares))
    parts = [Part(money, live, used) for money, (live, used) in zip(moneys, shares, strict=True)]

    found = standing(sold, int(sold * back), parts)

    assert min(found.deferred_micros, found.used_micros, found.expired_micros) >= 0
    assert sold == (
        found.returned_micros + found.used_micros + found.expired_micros + found.deferred_micros
    )


def test_a_pack_is_earned_credit_by_credit_and_what_expires_is_told_apart() -> None:
    part = Part(100, live=Fraction(1, 2), used=Fraction(3, 10))

    assert standing(100, 0, [part]) == Standing(100, 0, used_micros=30, expired_micros=20)


def test_nothing_is_earned_of_what_went_back_whole() -> None:
    found = standing(100, 100, [Part(100, live=Fraction(0), used=Fraction(1))])

    assert (found.used_micros, found.expired_micros, found.deferred_micros) == (0, 0, 0)


def test_a_part_that_went_back_lessens_what_is_deferred_before_what_was_earned() -> None:
    # 400 of 1,000 were used, 300 taken back with 30 of the 100 that were paid.
    part = Part(100, live=Fraction(3, 10), used=Fraction(4, 10))

    found = standing(100, 30, [part])

    assert (found.used_micros, found.expired_micros, found.deferred_micros) == (40, 0, 30)


TRIPLE = st.tuples(SHARE, SHARE, SHARE)


@given(MONEY, SHARE, st.lists(st.lists(TRIPLE, min_size=1, max_size=4), max_size=4))
def test_money_that_changes_carry_on_is_never_more_than_was_paid_and_is_all_accounted_for(
    sold: int, back: Fraction, chain: list[list[tuple[Fraction, Fraction, Fraction]]]
) -> None:
    def lay(shares: list[tuple[Fraction, Fraction, Fraction]], money: int) -> list[Part]:
        moneys = divided(money, [1] * len(shares))
        found = []
        for each, (live, used, moved) in zip(moneys, shares, strict=True):
            whole = max(Fraction(1), live + used + moved)
            found.append(Part(each, live / whole, used / whole, moved / whole))
        return found

    parts = along(sold, [partial(lay, some) for some in chain])

    found = standing(sold, int(sold * back), parts)
    assert sum(part.money_micros * part.live for part in parts) <= sold
    assert min(found.deferred_micros, found.used_micros, found.expired_micros) >= 0
    assert sold == (
        found.returned_micros + found.used_micros + found.expired_micros + found.deferred_micros
    )


@given(MONEY, SHARE, SHARE)
def test_a_change_that_takes_all_that_is_left_earns_nothing(
    sold: int, used: Fraction, later: Fraction
) -> None:
    before = standing(sold, 0, [Part(sold, 1 - used, used)])

    def taken(money: int) -> list[Part]:
        return [Part(money, Fraction(0), used, 1 - used)]

    def goes_on(money: int) -> list[Part]:
        return [Part(money, 1 - later, later)]

    assert standing(sold, 0, along(sold, [taken, lambda m: [Part(m, Fraction(1))]])) == before
    after = standing(sold, 0, along(sold, [taken, goes_on]))
    assert abs(after.deferred_micros - (1 - used) * (1 - later) * sold) <= 2
    assert after.expired_micros <= 2


def test_a_period_that_begins_within_a_month_has_of_its_first_window_what_was_left() -> None:
    middle = datetime(2027, 2, 14, tzinfo=UTC)  # of the window from January 31 to February 28

    first, *others = windows(
        2250, [Gives(1, 3000)], anchor_at=START, starts_at=middle, ends_at=YEAR
    )

    assert (first.starts_at, first.ends_at.day, first.money_micros) == (middle, 28, 98)
    assert sorted({one.money_micros for one in others}) == [195, 196]
    assert first.money_micros + sum(one.money_micros for one in others) == 2250


def test_a_year_lies_on_its_twelve_months_and_each_begins_with_its_credits() -> None:
    found = windows(100, [Gives(1, 660 * 12)], anchor_at=START, starts_at=START, ends_at=YEAR)

    assert [one.starts_at.day for one in found][:4] == [31, 28, 31, 30]
    assert sum(one.money_micros for one in found) == 100
    assert sorted({one.money_micros for one in found}) == [8, 9]
    assert len(found) == 12


def test_money_is_spread_by_what_the_plan_gives_and_daily_credits_are_earned_with_the_time() -> (
    None
):
    gives = [Gives(12, 5000), Gives(1, 3000), Gives(None, 2000)]

    pool, *months, daily = windows(1_000, gives, anchor_at=START, starts_at=START, ends_at=YEAR)

    assert (pool.money_micros, pool.ends_at) == (500, YEAR)
    assert [one.money_micros for one in months] == [25] * 12
    assert (daily.money_micros, daily.is_by_time) == (200, True)
    assert daily.unearned(START) == 1
    assert daily.unearned(datetime(2027, 2, 7, 7, 12, tzinfo=UTC)) == Fraction(98, 100)
    assert daily.unearned(YEAR) == 0


def test_a_plan_that_brings_no_credits_is_earned_with_the_time() -> None:
    [only] = windows(100, [], anchor_at=START, starts_at=START, ends_at=YEAR)

    assert only.is_by_time


def test_a_period_has_at_least_one_month() -> None:
    assert months_between(START, YEAR) == 12
    assert months_between(START, datetime(2027, 2, 7, tzinfo=UTC)) == 1
    assert months_between(datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 8, tzinfo=UTC)) == 1
