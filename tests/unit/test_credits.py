import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.credits import MICROS_MAX, format_micros, parse_micros


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("1", 1_000_000),
        ("0.63", 630_000),
        ("66", 66_000_000),
        ("0.000001", 1),
        ("10.50", 10_500_000),
        ("1000000000000", MICROS_MAX),
    ],
)
def test_a_decimal_text_is_read_exactly(text: str, micros: int) -> None:
    assert parse_micros(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1 ", "+1", "-1", "-0", "1e3", "1E3", ".5", "5.", "1,5", "0x10", "1_000"),
        *("NaN", "Infinity", "inf", "1.0000001", "01", "00", "٣", "\uff11", "1\n", "--1", "1.2.3"),
        *("1000000000000.000001", "1000000000001", "9223372036854775808", "9" * 5000),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        parse_micros(text)


@given(st.integers(0, MICROS_MAX))
def test_what_is_written_reads_back_the_same(micros: int) -> None:
    assert parse_micros(format_micros(micros)) == micros


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0"), (630_000, "0.63"), (66_000_000, "66"), (-35_000_000, "-35"), (-1, "-0.000001")],
)
def test_an_amount_is_shown_without_needless_places(micros: int, text: str) -> None:
    assert format_micros(micros) == text
