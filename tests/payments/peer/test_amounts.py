from hypothesis import given
from hypothesis import strategies as st

from tests.stripe_peer.billing.amounts import percent, price_of, settle, share, spread, taken_off
from tests.stripe_peer.billing.periods import DAY
from tests.stripe_peer.billing.retries import Retries

amounts = st.integers(0, 10**9)
FIFTEEN_OFF = {"percent_off": 15.0, "amount_off": None, "currency": None}
TEN_OFF = {
    "percent_off": None,
    "amount_off": 1000,
    "currency": "usd",
    "currency_options": {"cny": {"amount_off": 7000}},
}


def test_a_share_rounds_half_a_unit_away_from_zero() -> None:
    assert [share(amount, 1, 2) for amount in (1, -1, 3, -3, 4)] == [1, -1, 2, -2, 2]


@given(amounts, st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_credit_is_the_debit_that_it_takes_back(amount: int, part: int, whole: int) -> None:
    assert share(-amount, part, whole) == -share(amount, part, whole)
    assert abs(2 * share(amount, part, whole) * whole - 2 * amount * part) <= whole


def test_fractions_of_a_unit_are_rounded_once_for_all_of_a_quantity() -> None:
    assert price_of({"unit_amount": None, "unit_amount_decimal": "0.25"}, 10) == 3
    assert price_of({"unit_amount": 200, "unit_amount_decimal": "200"}, 3) == 600


def test_per_cents_round_to_the_nearest_unit() -> None:
    assert [percent(amount, 15.0) for amount in (999, 1000, 10)] == [150, 150, 2]


@given(st.lists(st.integers(0, 10**6), min_size=1), st.integers(0, 10**6))
def test_what_is_spread_sums_to_what_there_was(weights: list[int], total: int) -> None:
    parts = spread(total, weights)

    assert sum(parts) == (total if sum(weights) else 0)
    assert all(part >= 0 for part in parts)


def test_an_amount_off_is_borne_by_the_lines_and_takes_no_more_than_there_is() -> None:
    assert taken_off(TEN_OFF, [2000, 1000], "usd") == [667, 333]
    assert taken_off(TEN_OFF, [300, -200, 100], "usd") == [300, 0, 100]
    assert taken_off(TEN_OFF, [10_000], "cny") == [7000]
    assert taken_off(TEN_OFF, [10_000], "eur") == [0]


def test_per_cents_are_taken_of_each_line() -> None:
    assert taken_off(FIFTEEN_OFF, [999, 1000, -500], "usd") == [150, 150, 0]


def test_credit_pays_first_and_a_negative_invoice_becomes_credit() -> None:
    assert settle(1000, 0) == (1000, 0)
    assert settle(1000, -300) == (700, 0)
    assert settle(1000, -1500) == (0, -500)
    assert settle(-400, -100) == (0, -500)
    assert settle(1000, 50) == (1050, 0)


def test_an_invoice_is_tried_again_after_three_five_and_seven_days_and_then_no_more() -> None:
    retries = Retries()

    assert [retries.next_at(attempts, 100) for attempts in (1, 2, 3, 4)] == [
        100 + 3 * DAY,
        100 + 5 * DAY,
        100 + 7 * DAY,
        None,
    ]
