import itertools
import json
import math
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.catalog.values import Scalar
from plans.credits import MICROS, MICROS_MAX, format_micros, parse_micros
from plans.errors import Unpriced
from plans.orders import read_order
from plans.rating import Price, rate
from tests.unit.shelf import HEAD, MODEL, NOON, catalog

ANY = '[[rate]]\nid = "any"\nform = "flat"\nprice = "1"\n'


def per_unit(**keys: object) -> str:
    """Return a rate by the second; texts, numbers and truth values look in TOML as in JSON."""
    more = "\n".join(f"{key} = {json.dumps(value)}" for key, value in keys.items())
    return f'[[rate]]\nid = "second"\nform = "per_unit"\nbasis = "seconds"\n{more}\n'


def price_of(rates: str, head: str = HEAD, **spec: object) -> Price:
    shop = catalog(rates, head=head)
    return rate(shop, read_order(shop, {"model": "m", **spec}).dimensions, at=NOON)


def rounded_head(mode: str, decimals: int, at: str = "output") -> str:
    return HEAD.replace(
        "decimals = 6", f'decimals = {decimals}, rounding = "{mode}", rounding_at = "{at}"'
    )


def test_a_flat_rate_is_one_price() -> None:
    price = price_of(ANY)

    assert price.total_micros == price.max_micros == MICROS
    assert [(line.label, line.micros) for line in price.lines] == [("any", MICROS)]
    assert price.rate_id == "any"


def test_outputs_multiply_the_price_and_have_a_line() -> None:
    price = price_of(ANY, count=3)

    assert price.total_micros == 3 * MICROS
    assert [(line.label, line.micros) for line in price.lines] == [
        ("any", MICROS),
        ("2 more of the same", 2 * MICROS),
    ]


@pytest.mark.parametrize(
    ("keys", "seconds", "total"),
    [
        ({"price": "0.168"}, 7, "1.176"),
        ({"price": "10", "block": 5}, 5, "10"),
        ({"price": "10", "block": 5}, 6, "20"),
        ({"price": "3.5", "block": 5}, 10, "7"),
        ({"price": "10.55", "base": "21.1", "included": 1}, 5, "63.3"),
        ({"price": "1", "base": "2", "included": 10}, 4, "2"),
        ({"price": "10", "included": 5, "block": 5}, 11, "20"),
        ({"price": "28", "min": "56"}, 1, "56"),
        ({"price": "28", "min": "56"}, 3, "84"),
        ({"price": "28", "max": "100"}, 60, "100"),
        ({"price": "28", "min": "56", "max": "100"}, 3, "84"),
        ({"price": "0", "base": "5"}, 60, "5"),
        ({"price": "0", "min": "5"}, 60, "5"),
    ],
)
def test_a_rate_by_the_unit(keys: dict[str, object], seconds: int, total: str) -> None:
    price = price_of(per_unit(**keys), seconds=seconds)

    assert format_micros(price.total_micros) == total
    assert sum(line.micros for line in price.lines) == price.total_micros


@pytest.mark.parametrize(
    ("rounding", "seconds", "total"),
    [
        *(("none", "2.5", "2.5"), ("up", "2.1", "3"), ("down", "2.9", "2")),
        *(("half_up", "2.5", "3"), ("half_up", "2.49", "2"), ("none", "10.23", "10.23")),
    ],
)
def test_a_decimal_count_is_rounded_as_the_rate_says(
    rounding: str, seconds: str, total: str
) -> None:
    shop = catalog(per_unit(price="1", rounding=rounding))

    assert (
        format_micros(rate(shop, {"model": "m", "seconds": seconds}, at=NOON).total_micros) == total
    )


@pytest.mark.parametrize(
    "seconds",
    [
        *(True, False, -1, 2**31, 2**53, 2**63, 2**64 - 5, 10**400, "NaN", "1e999", "-5", ""),
        *("Infinity", "9999999999", "0x5", "5 "),
    ],
)
def test_a_count_beyond_its_bounds_is_never_multiplied(seconds: Scalar) -> None:
    shop = catalog(per_unit(price="1"))

    with pytest.raises(Unpriced):
        rate(shop, {"model": "m", "seconds": seconds}, at=NOON)


@pytest.mark.parametrize("seconds", [math.nan, math.inf, 5.0, None, [5]])
def test_a_float_is_no_amount(seconds: object) -> None:
    shop = catalog(per_unit(price="1"))

    with pytest.raises(Unpriced):
        rate(shop, {"model": "m", "seconds": cast("Scalar", seconds)}, at=NOON)


@pytest.mark.parametrize("count", [0, -1, True, 2**31, 2**63, "3", 10_001])
def test_outputs_beyond_their_bounds_have_no_price(count: Scalar) -> None:
    with pytest.raises(Unpriced):
        rate(catalog(ANY), {"model": "m", "count": count}, at=NOON)


LOOKUP = """
[[rate]]
id = "table"
match = { mode = "std" }
form = "lookup"
by = "seconds"
table = { 5 = "10", 10 = "20.5" }
"""


def test_a_lookup_has_the_price_of_the_exact_value() -> None:
    assert price_of(LOOKUP, seconds=5).total_micros == 10 * MICROS
    assert price_of(LOOKUP, seconds=10).total_micros == 20_500_000


def test_a_lookup_guesses_nothing_between_its_values() -> None:
    with pytest.raises(Unpriced, match="no price for seconds 7"):
        price_of(LOOKUP, seconds=7)


def test_what_no_row_matches_is_unpriced_and_says_what_was_ordered() -> None:
    with pytest.raises(Unpriced, match=r"No rate prices this order: .*mode pro"):
        price_of(LOOKUP, mode="pro")


def test_a_truth_value_is_not_the_number_it_equals() -> None:
    shop = catalog('[[rate]]\nid = "loud"\nmatch = { audio = true }\nform = "flat"\nprice = "1"\n')

    assert rate(shop, {"model": "m", "audio": True}, at=NOON).rate_id == "loud"
    with pytest.raises(Unpriced):
        rate(shop, {"model": "m", "audio": 1}, at=NOON)


SPECIFIC = """
[[rate]]
id = "open"
form = "flat"
price = "1"
[[rate]]
id = "std"
match = { mode = "std", audio = "*" }
form = "flat"
price = "2"
[[rate]]
id = "std-loud"
match = { mode = "std", audio = true }
form = "flat"
price = "3"
[[rate]]
id = "short"
match = { seconds = [1, 2, 3], mode = "std" }
form = "flat"
price = "4"
"""


@pytest.mark.parametrize(
    ("spec", "row"),
    [
        ({"mode": "pro"}, "open"),
        ({"mode": "std", "seconds": 9}, "std"),
        ({"mode": "std", "seconds": 9, "audio": True}, "std-loud"),
        ({"mode": "std", "seconds": 2}, "short"),
        ({"mode": "std", "seconds": 2, "audio": True}, "std-loud"),  # one value beats a list
    ],
)
def test_the_narrowest_row_wins(spec: dict[str, object], row: str) -> None:
    assert price_of(SPECIFIC, HEAD, **spec).rate_id == row


@given(st.permutations(SPECIFIC.strip().split("[[rate]]")[1:]), st.sampled_from([1, 9]))
def test_the_order_of_the_rows_does_not_matter(rows: list[str], seconds: int) -> None:
    shuffled = "".join(f"[[rate]]{row}\n" for row in rows)

    assert price_of(shuffled, seconds=seconds) == price_of(SPECIFIC, seconds=seconds)


def test_every_order_finds_the_row_that_a_plain_search_finds() -> None:
    shop = catalog(SPECIFIC)
    for mode, audio, seconds in itertools.product(["std", "pro"], [False, True], range(1, 61)):
        order = read_order(
            shop, {"model": "m", "mode": mode, "audio": audio, "seconds": seconds}
        ).dimensions
        matching = [row for row in shop.rates if row.matches(order, at=NOON)]
        widths = [row.specificity for row in matching]
        assert widths.count(max(widths)) == 1
        assert rate(shop, order, at=NOON).rate_id == matching[widths.index(max(widths))].id


@pytest.mark.parametrize(
    ("mode", "decimals", "price", "total"),
    [
        *(("up", 2, "0.625", "0.63"), ("down", 2, "0.625", "0.62")),
        *(("half_up", 2, "0.625", "0.63"), ("half_even", 2, "0.625", "0.62")),
        *(("up", 0, "0.000001", "1"), ("up", 6, "0.000001", "0.000001")),
        *(("half_up", 0, "2.5", "3"), ("half_even", 0, "2.5", "2"), ("down", 1, "1.99", "1.9")),
    ],
)
def test_a_price_is_rounded_once_as_the_credit_says(
    mode: str, decimals: int, price: str, total: str
) -> None:
    found = price_of(ANY.replace('"1"', f'"{price}"'), head=rounded_head(mode, decimals))

    assert format_micros(found.total_micros) == total
    assert sum(line.micros for line in found.lines) == found.total_micros


def test_rounding_stands_where_the_catalog_puts_it() -> None:
    third = ANY.replace('"1"', '"0.333333"')

    each = price_of(third, head=rounded_head("up", 2), count=3)
    whole = price_of(third, head=rounded_head("up", 2, at="order"), count=3)

    assert format_micros(each.total_micros) == "1.02"
    assert format_micros(whole.total_micros) == "1"
    assert whole.lines[-1].label == "Rounding"


def test_what_rounds_to_nothing_is_not_sold() -> None:
    with pytest.raises(Unpriced, match="not above 0"):
        price_of(ANY.replace('"1"', '"0.001"'), head=rounded_head("down", 2))


def test_a_price_beyond_all_credits_is_not_sold() -> None:
    with pytest.raises(Unpriced, match="not above 0 and at most 1000000000000"):
        price_of(ANY.replace('"1"', '"1000000000000"'), count=2)


def test_labels_are_the_catalogs_or_the_dimensions_that_chose_the_row() -> None:
    named = ANY + 'label = { en = "A clip", zh = "一段" }\n'

    assert price_of(named).lines[0].label == "A clip"
    assert price_of(SPECIFIC, seconds=9, audio=True).lines[0].label == "std · true"


amounts = st.integers(1, 10**9).map(format_micros)
per_units = st.fixed_dictionaries(
    {"price": amounts},
    optional={
        "base": amounts,
        "included": st.integers(0, 20),
        "block": st.integers(1, 30),
        "min": amounts,
    },
)
heads = st.builds(
    rounded_head,
    st.sampled_from(["up", "down", "half_up", "half_even"]),
    st.integers(0, 6),
    st.sampled_from(["output", "order"]),
)


def total_or_zero(rates: str, head: str, **spec: object) -> int:
    try:
        price = price_of(rates, head, **spec)
    except Unpriced:  # it rounds to nothing
        return 0
    assert sum(line.micros for line in price.lines) == price.total_micros
    assert 0 < price.total_micros <= price.max_micros <= MICROS_MAX
    return price.total_micros


@given(per_units, heads, st.integers(1, 60), st.integers(1, 99))
def test_more_outputs_never_cost_less(
    keys: dict[str, object], head: str, seconds: int, count: int
) -> None:
    rates = per_unit(**keys)

    fewer = total_or_zero(rates, head, seconds=seconds, count=count)
    more = total_or_zero(rates, head, seconds=seconds, count=count + 1)

    assert fewer <= more


@given(per_units, heads, st.integers(1, 59))
def test_more_seconds_never_cost_less(keys: dict[str, object], head: str, seconds: int) -> None:
    rates = per_unit(**keys)

    assert total_or_zero(rates, head, seconds=seconds) <= total_or_zero(
        rates, head, seconds=seconds + 1
    )


@given(per_units, heads, st.integers(1, 60), st.integers(1, 100))
def test_a_price_is_within_one_rounding_of_the_exact_one(
    keys: dict[str, Any], head: str, seconds: int, count: int
) -> None:
    block = keys.get("block")
    billed = max(0, seconds - keys.get("included", 0))
    if block is not None:
        billed = -(-billed // block)
    exact = Fraction(parse_micros(keys.get("base", "0")) + billed * parse_micros(keys["price"]))
    exact = max(exact, Fraction(parse_micros(keys.get("min", "0"))))
    step = MICROS // 10 ** int(head.split("decimals = ")[1][0])
    roundings = count if 'rounding_at = "output"' in head else 1

    total = total_or_zero(per_unit(**keys), head, seconds=seconds, count=count)

    assert abs(total - count * exact) < step * roundings
    assert total % step == 0


def test_the_model_may_be_left_open() -> None:
    two = MODEL + MODEL.replace('"m"', '"other"')
    shop = catalog(ANY, model=two)

    assert rate(shop, {"model": "other"}, at=NOON).rate_id == "any"
    with pytest.raises(Unpriced):
        rate(shop, {"model": "unheard-of"}, at=NOON)
