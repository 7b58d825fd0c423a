from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.payments.clawing import Agreed, shares, target_micros
from billing.payments.cooling import offer_micros

paid = st.integers(1, 10**9)
credited = st.integers(0, 10**15)


def test_half_the_money_is_half_the_credits() -> None:
    taken = target_micros(
        credited_micros=120, paid_micros=90, refunded_micros=45, disputed_micros=0
    )

    assert taken == 60


def test_money_that_is_refunded_and_disputed_is_not_taken_for_twice() -> None:
    taken = target_micros(
        credited_micros=120, paid_micros=90, refunded_micros=60, disputed_micros=90
    )

    assert taken == 120


def test_what_was_agreed_on_counts_as_it_was_agreed() -> None:
    taken = target_micros(
        credited_micros=120,
        paid_micros=90,
        refunded_micros=41,
        disputed_micros=0,
        agreed=Agreed(back_micros=35, taken_micros=90),
    )

    assert taken == 90 + 120 * 6 // 90


def test_a_share_is_rounded_down() -> None:
    taken = target_micros(credited_micros=100, paid_micros=3, refunded_micros=1, disputed_micros=0)

    assert taken == 33


def test_all_the_money_is_all_the_credits_whatever_was_agreed_on() -> None:
    taken = target_micros(
        credited_micros=120,
        paid_micros=90,
        refunded_micros=90,
        disputed_micros=0,
        agreed=Agreed(back_micros=45, taken_micros=10),
    )

    assert taken == 120


def test_money_counts_once_beside_what_was_agreed_on() -> None:
    taken = target_micros(
        credited_micros=120,
        paid_micros=90,
        refunded_micros=45,
        disputed_micros=60,
        agreed=Agreed(back_micros=45, taken_micros=10),
    )

    assert taken == 120


@given(paid, credited, st.lists(st.integers(0, 10**9), max_size=6))
def test_more_money_back_never_takes_less_and_all_of_it_takes_all(
    paid_micros: int, credited_micros: int, parts: list[int]
) -> None:
    backs = sorted({0, paid_micros, *(min(part, paid_micros) for part in parts)})
    taken = [
        target_micros(
            credited_micros=credited_micros,
            paid_micros=paid_micros,
            refunded_micros=back,
            disputed_micros=0,
        )
        for back in backs
    ]

    assert all(first <= second for first, second in pairwise(taken))
    assert (taken[0], taken[-1]) == (0, credited_micros)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**12), min_size=1, max_size=5))
def test_shares_add_up_and_are_within_one_of_their_due(amount: int, weights: list[int]) -> None:
    parts = shares(amount, weights)

    assert sum(parts) == amount
    if sum(weights):
        dues = [Fraction(amount * weight, sum(weights)) for weight in weights]
        assert all(abs(part - due) < 1 for part, due in zip(parts, dues, strict=True))


def test_what_is_left_is_paid_back_in_whole_cents_and_rounded_down() -> None:
    offer = offer_micros(
        paid_micros=10_000_000,
        bought_micros=300,
        left_micros=200,
        factor=Fraction(9, 10),
        unit_micros=10_000,
    )

    assert offer == 6_000_000
    assert (
        offer_micros(
            paid_micros=10_000_000,
            bought_micros=3,
            left_micros=2,
            factor=Fraction(1),
            unit_micros=10_000,
        )
        == 6_660_000
    )
