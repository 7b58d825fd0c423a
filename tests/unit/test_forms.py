"""Tiers, tokens, further parts, bounds and free prices: each by hand-worked figures."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans import rating
from plans.catalog.schema import Catalog
from plans.credits import MICROS, format_micros
from plans.errors import Unpriced
from plans.orders import read_order
from tests.unit.shelf import HEAD, NOON, catalog, problems_of

MODEL = """\
[[model]]
code = "m"
name = { en = "M", zh = "M" }

  [[model.task]]
  code = "text_to_video"

  [model.dimensions]
  seconds = { min = 1, max = 60, default = 5, decimal = true }
  input_seconds = { min = 0, max = 60, default = 0, decimal = true }
  images = { min = 0, max = 9, default = 0 }
  frames = { min = 1, max = 9, optional = true }
  segments = { min = 1, max = 10, items = 5, optional = true }
  width = { min = 1, max = 8192, default = 1280 }
  height = { min = 1, max = 8192, default = 720 }
  fps = { min = 1, max = 120, default = 24 }
  count = { min = 1, max = 10, default = 1 }
"""


def shop(rates: str, more: str = "") -> Catalog:
    return catalog(f"[[rate]]\nid = 'r'\n{rates}\n{more}", model=MODEL)


def price(of: Catalog, **spec: object) -> str:
    order = read_order(of, {"model": "m", **spec})
    return format_micros(rating.rate(of, order.dimensions, at=NOON).total_micros)


PIECEWISE = """
form = 'tiers'
basis = 'seconds'
tier = [ { up_to = 1, price = '8.44' }, { up_to = 2, price = '2.11' }, { price = '10.55' } ]
"""


@pytest.mark.parametrize(
    ("seconds", "total"), [(1, "8.44"), (2, "10.55"), (3, "21.1"), ("1.5", "9.495"), (60, "622.45")]
)
def test_graduated_tiers_price_each_unit_by_its_own_tier(seconds: object, total: str) -> None:
    assert price(shop(PIECEWISE), seconds=seconds) == total


def test_volume_tiers_price_all_units_by_the_tier_they_end_in() -> None:
    tiers = shop("""
        form = 'tiers'
        basis = 'seconds'
        mode = 'volume'
        tier = [ { up_to = 10, price = '3' }, { up_to = 15, price = '2', flat = '1' } ]
    """)

    assert [price(tiers, seconds=n) for n in (10, 11, 15)] == ["30", "23", "31"]
    with pytest.raises(Unpriced, match="has no tier for 16 of seconds"):
        price(tiers, seconds=16)


def test_graduated_tiers_without_an_open_end_refuse_what_lies_beyond() -> None:
    tiers = shop("form = 'tiers'\nbasis = 'seconds'\ntier = [ { up_to = 10, price = '3' } ]")

    assert price(tiers, seconds=10) == "30"
    with pytest.raises(Unpriced, match="has no tier for 11"):
        price(tiers, seconds=11)


MONTHLY = """
form = 'tiers'
basis = 'month_count'
tier = [ { up_to = 100, price = '4.8' }, { up_to = 1000, price = '4.2' }, { price = '3.8' } ]
"""


@pytest.mark.parametrize(
    ("before", "total"), [(0, "4.8"), (99, "4.8"), (100, "4.2"), (999, "4.2"), (1000, "3.8")]
)
def test_the_next_one_of_a_month_is_priced_by_the_tier_of_its_number(
    before: int, total: str
) -> None:
    of = shop(MONTHLY)
    facts = {**read_order(of, {"model": "m"}).dimensions, "month_count": before}

    assert format_micros(rating.rate(of, facts, at=NOON).total_micros) == total


TOKENS = """
form = 'tokens'
price = '3.229'
seconds = ['input_seconds', 'seconds']
"""


def test_tokens_count_pixels_frames_and_all_seconds() -> None:
    of = shop(TOKENS)

    assert price(of) == "348.732"  # 5 * 1280 * 720 * 24 / 1024 / 1000 * 3.229
    assert price(of, input_seconds=5) == "697.464"
    assert price(of, seconds="2.5") == "174.366"


def test_a_known_number_of_tokens_comes_before_the_formula() -> None:
    of = shop(TOKENS)
    facts = {**read_order(of, {"model": "m"}).dimensions, "tokens": 1000}

    assert format_micros(rating.rate(of, facts, at=NOON).total_micros) == "3.229"


def test_fewer_tokens_than_the_least_are_billed_as_the_least() -> None:
    of = shop(TOKENS + "tokens_min = 200000\nper = 1000000\n")

    price_of = rating.rate(of, read_order(of, {"model": "m"}).dimensions, at=NOON)

    assert format_micros(price_of.total_micros) == "0.6458"
    assert [line.label for line in price_of.lines][1] == "Up to the least number of tokens"


def test_a_price_that_is_rounded_nowhere_keeps_its_seventh_place() -> None:
    head = HEAD.replace("decimals = 6", "rounding = 'none'")
    of = catalog(f"[[rate]]\nid = 'r'\n{TOKENS}", model=MODEL, head=head)
    dimensions = read_order(of, {"model": "m", "width": 854, "height": 480}).dimensions

    found = rating.rate(of, dimensions, at=NOON)

    assert rating.exact_text(found) == "155.1130875"
    assert found.total_micros == 155_113_088  # the ledger's own millionth, in full


def test_a_price_below_a_millionth_is_said_of_many_units() -> None:
    """The ledger's places end where 0.066003429 USD a second begin."""
    rates = "form = 'per_unit'\nbasis = 'seconds'\nprice = '66.003429'\nper = 1000\n"
    of = catalog(
        f"[[rate]]\nid = 'r'\n{rates}",
        model=MODEL,
        head=HEAD.replace("decimals = 6", 'decimals = 6, rounding = "none"'),
    )
    order = read_order(of, {"model": "m", "seconds": 7})
    found = rating.rate(of, order.dimensions, at=NOON)

    assert rating.exact_text(found) == "0.462024003"
    assert found.total_micros == 462_025
    assert found.lines[0].label == "r: 7 at 66.003429 for 1000"


def test_further_parts_come_on_top_and_are_bounded() -> None:
    of = shop("""
        form = 'per_unit'
        basis = 'segments'
        price = '10.55'
        [[rate.also]]
        basis = 'frames'
        price = '31.65'
    """)
    reference = shop("""
        form = 'flat'
        price = '1'
        [[rate.also]]
        basis = 'input_seconds'
        price = '0.5'
        rounding = 'up'
        included = 1
        units_max = 5
    """)

    assert price(of, frames=3, segments=[2, 3, 4]) == "189.9"
    assert [price(reference, input_seconds=n) for n in (0, 1, "1.2", "3.5", 60)] == [
        *("1", "1", "1.5", "2.5", "3.5")
    ]


@pytest.mark.parametrize(
    "form", ["form = 'flat'\nprice = '5'", "form = 'lookup'\nby = 'seconds'\ntable = { 5 = '5' }"]
)
def test_every_form_can_have_a_least_and_a_highest_price(form: str) -> None:
    least = f"min = '7'\n{form}"
    highest = f"max = '3'\n{form}"

    assert price(shop(least)) == "7"
    assert price(shop(highest)) == "3"


def test_a_price_of_nothing_must_be_meant() -> None:
    free = shop("free = true\nform = 'flat'\nprice = '0'")
    sunk = catalog(
        "[[rate]]\nid = 'r'\nform = 'flat'\nprice = '0.4'",
        model=MODEL,
        head=HEAD.replace("decimals = 6", "rounding = 'down'"),
    )

    assert price(free) == "0"
    with pytest.raises(Unpriced, match="not above 0"):
        price(sunk)
    (problem,) = problems_of(f"{HEAD}\n{MODEL}\n[[rate]]\nid = 'r'\nform = 'flat'\nprice = '0'")
    assert problem.sentence == 'has the price "0": say free = true if that is meant.'


@given(seconds=st.integers(1, 60), ends=st.lists(st.integers(1, 59), unique=True, max_size=4))
def test_graduated_tiers_equal_a_walk_from_unit_to_unit(seconds: int, ends: list[int]) -> None:
    prices = [index + 1 for index in range(len(ends) + 1)]
    bounds = [*sorted(ends), None]
    tiers = ", ".join(
        f"{{ price = '{asked}' }}" if end is None else f"{{ up_to = {end}, price = '{asked}' }}"
        for end, asked in zip(bounds, prices, strict=True)
    )
    of = shop(f"form = 'tiers'\nbasis = 'seconds'\ntier = [ {tiers} ]")

    walked = sum(
        next(p for end, p in zip(bounds, prices, strict=True) if end is None or unit <= end)
        for unit in range(1, seconds + 1)
    )

    assert price(of, seconds=seconds) == str(walked)


def test_a_share_of_a_price_is_rounded_as_the_price_and_says_why() -> None:
    of = shop("form = 'flat'\nprice = '10'")
    whole = rating.rate(of, read_order(of, {"model": "m", "count": 3}).dimensions, at=NOON)

    part = rating.scaled(of, whole, Fraction(2, 3), label="2 of 3 came")

    assert part.total_micros == 20 * MICROS
    assert part.lines[-1] == rating.Line("2 of 3 came", -10 * MICROS)
    assert sum(line.micros for line in part.lines) == part.total_micros
    assert rating.scaled(of, whole, Fraction(1), label="all").lines == whole.lines
