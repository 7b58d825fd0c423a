"""Card numbers in texts are found and hidden; other long numbers are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.http.cards import HIDDEN, is_card_number, masked, numbers_in, without_numbers

# Numbers that networks and Stripe publish for tests; none of them is anybody's.
NUMBERS = [
    "4242424242424242",
    "4000002500003155",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6200000000000005",
    "6205500000000000004",
    "6011111111111117",
    "3566002020360505",
    "30569309025904",
]
OTHERS = [
    "4242424242424241",  # its last digit does not check the others
    "1764172800000000",  # an instant in microseconds
    "9999999999999995",  # no network begins so
    "42424242424242",  # as long as no Visa is
    "0.4242424242424242",
    "4242424242424242.5",
    "job_4242424242424242",
    "a4242424242424242",
    "42424242424242424242424242",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_card_number_is_found_however_it_is_written(number: str) -> None:
    grouped = " ".join(number[place : place + 4] for place in range(0, len(number), 4))

    for written in (number, grouped, grouped.replace(" ", "-")):
        assert [*numbers_in(f'{{"card": "{written}", "n": 1}}')] == [written]
        assert without_numbers(f"paid by {written}.") == f"paid by {HIDDEN}."
        assert masked(written) == f"…{number[-4:]}"


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert [*numbers_in(text)] == []
    assert without_numbers(text) == text


@given(st.sampled_from(NUMBERS), st.integers(0, 18), st.integers(1, 9))
def test_one_wrong_digit_makes_it_none(number: str, place: int, more: int) -> None:
    place %= len(number)
    wrong = str((int(number[place]) + more) % 10)

    assert not is_card_number(number[:place] + wrong + number[place + 1 :])


@given(st.text())
def test_what_is_hidden_once_stays_as_it_is(text: str) -> None:
    assert without_numbers(without_numbers(text)) == without_numbers(text)
