"""What a job costs in the end: by what was measured, by what came, by what is kept."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.jobs.charging import Charge, Sold, measured_price, of_failure, of_success
from plans import rating
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.credits import MICROS
from plans.errors import Unpriced
from tests.unit.shelf import HEAD, MODEL, catalog

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
OVERRUN = """
[overrun]
settle_by = "usage"
measured = { seconds = "output_seconds" }
hold_factor = "1.2"
"""
RATE = """
[[rate]]
id = "second"
form = "per_unit"
basis = "seconds"
price = "0.5"
"""
SHOP = catalog(RATE + OVERRUN)
PLAIN = catalog(RATE)


def sold(
    shop: Catalog = SHOP, *, count: int = 1, uncovered: Fraction = Fraction(1), **more: Scalar
) -> Sold:
    facts: dict[str, Scalar] = {"model": "m", "mode": "std", "seconds": 10, "count": count, **more}
    price = rating.rate(shop, facts, at=NOON)
    price = rating.scaled(shop, price, uncovered, label="units")
    return Sold(
        facts=facts,
        at=NOON,
        outputs=count,
        uncovered=uncovered,
        quoted_micros=price.total_micros,
        lines=price.lines,
    )


def settled(usage: dict[str, object], *, made: int = 1, count: int = 1) -> Charge:
    return of_success(SHOP, sold(count=count), films=films(made), usage=usage)


def films(made: int, *, seconds: float = 60) -> list[int]:
    """Return how long so many films play, in milliseconds."""
    return [round(seconds * 1000)] * made


@pytest.mark.parametrize(
    ("said", "micros"),
    [
        *((8, 4_000_000), (8.0, 4_000_000), ("8", 4_000_000), (Decimal(8), 4_000_000)),
        *(("10.23", 5_115_000), (10.23, 5_115_000), (20, 10_000_000), ("1e1", 5_000_000)),
        ("0.000002", 1),
    ],
)
def test_what_was_used_is_what_is_paid(said: object, micros: int) -> None:
    charge = settled({"output_seconds": said})

    assert (charge.micros, charge.doubt) == (micros, "")
    assert sum(line.micros for line in charge.lines) == micros


@pytest.mark.parametrize(
    "said",
    [
        *(None, "", "many", True, [], {}, -1, "-0.1", float("nan"), float("-inf"), "NaN"),
        *("1e999", 10**16, "0", 0, "0.0000001", b"8", "8 s"),
    ],
)
def test_what_nobody_can_have_used_leaves_the_price_as_it_was_told(said: object) -> None:
    charge = settled({"output_seconds": said})

    assert charge.micros == 5 * MICROS
    assert charge.doubt


@given(st.one_of(st.floats(), st.integers(), st.text(), st.decimals(), st.none(), st.binary()))
def test_whatever_a_backend_says_there_is_a_charge_that_its_lines_explain(said: object) -> None:
    charge = settled({"output_seconds": said})

    assert charge.micros > 0
    assert sum(line.micros for line in charge.lines) == charge.micros


def test_what_was_used_for_several_is_shared_among_them() -> None:
    assert settled({"output_seconds": 24}, made=3, count=3).micros == 12 * MICROS
    assert settled({"output_seconds": 16}, made=2, count=3).micros == 8 * MICROS


def test_counted_units_pay_their_share_of_the_real_price_too() -> None:
    order = sold(uncovered=Fraction(1, 4))

    price = measured_price(SHOP, order, made=1, usage={"output_seconds": 16})

    assert order.quoted_micros == 1_250_000
    assert price is not None
    assert price.total_micros == 2 * MICROS


@pytest.mark.parametrize(
    ("free", "real", "micros", "kept"),
    [
        (10, "4", 0, Fraction(4, 10)),  # all is free, and less of it was used
        (10, 12, 1_000_000, Fraction(1)),  # longer than the free seconds reach
        (4, 8, 2_000_000, Fraction(1)),
        (4, 3, 0, Fraction(3, 4)),
        (10, None, 0, Fraction(1)),  # not measured: as it was ordered
    ],
)
def test_counted_seconds_pay_the_real_ones(
    free: int, real: object, micros: int, kept: Fraction
) -> None:
    order = replace(sold(uncovered=1 - Fraction(free, 10)), counted_seconds=Fraction(free))

    charge = of_success(
        SHOP, order, films=films(1), usage={} if real is None else {"output_seconds": real}
    )

    assert (charge.micros, charge.kept_share) == (micros, kept)
    assert sum(line.micros for line in charge.lines) == micros


def test_counted_seconds_pay_those_of_the_outputs_that_came() -> None:
    order = replace(sold(count=4, uncovered=Fraction(1, 2)), counted_seconds=Fraction(20))

    charge = of_success(SHOP, order, films=films(2), usage={"output_seconds": 8})

    assert charge.micros == 0
    assert charge.kept_share * order.counted_seconds == 8


@pytest.mark.parametrize(
    ("played", "micros"),
    [
        ((10, 10), 10_000_000),
        ((10.04, 12), 10_000_000),
        ((9, 9.001), 10_000_000),  # a tenth is within what vendors make of whole frames
        ((10, 8.999), 9_499_500),
        ((10, 5), 7_500_000),
        ((2, 3), 2_500_000),
        ((20, 5), 7_500_000),  # what one has too much the other does not get
        ((5,), 2_500_000),  # and the other did not come
    ],
)
def test_a_short_film_is_paid_as_the_part_that_it_is(
    played: tuple[float, ...], micros: int
) -> None:
    order = sold(PLAIN, count=2)
    assert order.quoted_micros == 10 * MICROS

    charge = of_success(PLAIN, order, films=[round(one * 1000) for one in played], usage={})

    assert charge.micros == micros
    assert sum(line.micros for line in charge.lines) == micros
    assert charge.kept_share == Fraction(micros, order.quoted_micros)
    assert charge.is_short == any(one < 9 for one in played)


@pytest.mark.parametrize(
    ("policy", "micros", "line"),
    [
        ("per_output", 2_000_000, "4 of 10 seconds came"),
        ("all", 5_000_000, None),
        ("none", 0, "4 of 10 seconds came"),
    ],
)
def test_the_catalog_says_what_a_short_film_costs(
    policy: str, micros: int, line: str | None
) -> None:
    shop = catalog(RATE, head=f'partial_success = "{policy}"\n{HEAD}')

    charge = of_success(shop, sold(shop), films=films(1, seconds=4), usage={})

    assert (charge.micros, charge.is_short) == (micros, True)
    assert (line is None) == (charge.lines[-1].micros > 0)
    assert line is None or charge.lines[-1].label == line


@pytest.mark.parametrize(
    ("real", "seconds", "micros"),
    [
        (4, 4, 2_000_000),  # it was measured as short as it is, and cost less by that
        (10, 4, 2_000_000),  # what it reports is not what came
        (12, 10.9, 6_000_000),
        (None, 4, 2_000_000),
    ],
)
def test_a_measured_film_is_compared_with_what_was_measured(
    real: int | None, seconds: float, micros: int
) -> None:
    usage = {} if real is None else {"output_seconds": real}

    charge = of_success(SHOP, sold(), films=films(1, seconds=seconds), usage=usage)

    assert charge.micros == micros


def test_what_is_paid_by_its_tokens_is_not_paid_less_once_more() -> None:
    shop = catalog(
        OVERRUN.replace('seconds = "output_seconds"', 'tokens = "tokens"')
        + RATE.replace('"seconds"', '"tokens"').replace("0.5", "0.001"),
        model=MODEL + "  tokens = { min = 0, max = 9999, optional = true }",
    )
    order = sold(shop, tokens=1000)

    charge = of_success(shop, order, films=films(1, seconds=4), usage={"tokens": 400})

    assert (charge.micros, charge.is_short) == (400_000, False)


def test_what_is_paid_by_what_goes_in_still_depends_on_what_comes_out() -> None:
    shop = catalog(
        OVERRUN.replace('seconds = "output_seconds"', 'input_seconds = "input_seconds"')
        + RATE
        + 'also = [{ basis = "input_seconds", price = "1" }]',
        model=MODEL + '  input_seconds = { min = 0, max = 60, default = 0, input = "video_url" }',
    )
    order = sold(shop, input_seconds=2, task="text_to_video")

    charge = of_success(shop, order, films=films(1, seconds=5), usage={"input_seconds": 6})

    assert (charge.micros, charge.is_short) == (5_500_000, True)  # half of 5 and 6


@given(
    count=st.integers(1, 12),
    data=st.data(),
    places=st.integers(0, 6),
    at=st.sampled_from(["output", "order"]),
    rounding=st.sampled_from(["up", "down", "half_up", "half_even", "none"]),
    price=st.integers(10_000, 9_000_000),
)
def test_a_part_costs_no_more_than_the_whole_and_all_of_it_exactly_that(
    count: int, data: st.DataObject, places: int, at: str, rounding: str, price: int
) -> None:
    whole_credit = f'decimals = {places}, rounding = "{rounding}", rounding_at = "{at}"'
    shop = catalog(
        RATE.replace('"0.5"', f'"{price / MICROS:.6f}"'),
        head=HEAD.replace("decimals = 6", whole_credit),
    )
    try:
        order = sold(shop, count=count)
    except Unpriced:
        return  # rounded down to nothing: it is not for sale
    made = data.draw(st.integers(1, count))

    part = of_success(shop, order, films=films(made), usage={})
    whole = of_success(shop, order, films=films(count), usage={})

    assert 0 <= part.micros <= order.quoted_micros == whole.micros
    assert part.kept_share == Fraction(made, count)
    assert sum(line.micros for line in part.lines) == part.micros
    exact = rating.rate(shop, order.facts, at=NOON).exact_micros * made / count
    step = MICROS // 10**places if rounding != "none" else 1
    assert abs(part.micros - exact) <= step * (made if at == "output" else 1)


@given(share=st.fractions(0, 1))
def test_what_a_failure_keeps_is_rounded_down_and_explained(share: Fraction) -> None:
    order = sold(PLAIN)

    charge = of_failure(PLAIN, order, kept_share=share, usage={"output_seconds": 1})

    assert charge.micros <= order.quoted_micros * share < charge.micros + 1
    assert sum(line.micros for line in charge.lines) == charge.micros
    assert charge.kept_share == share


def test_a_failure_keeps_its_share_of_what_was_used() -> None:
    order = sold(count=2)
    used = {"output_seconds": 50}

    charge = of_failure(SHOP, order, kept_share=Fraction(1, 2), usage=used)

    assert order.quoted_micros == 10 * MICROS
    assert (charge.micros, charge.doubt) == (12_500_000, "")
    assert sum(line.micros for line in charge.lines) == charge.micros
    assert of_failure(SHOP, order, kept_share=Fraction(0), usage=used).micros == 0


@pytest.mark.parametrize("usage", [{}, {"output_seconds": -1}, {"output_seconds": "many"}])
def test_a_failure_of_which_nobody_knows_the_usage_keeps_its_share_of_what_was_told(
    usage: dict[str, object],
) -> None:
    charge = of_failure(SHOP, sold(), kept_share=Fraction(1, 2), usage=usage)

    assert charge.micros == 2_500_000
    assert charge.doubt


def test_what_no_backend_had_is_not_doubted() -> None:
    assert of_failure(SHOP, sold(), kept_share=Fraction(1)) == Charge(
        5 * MICROS, sold().lines, Fraction(1)
    )
