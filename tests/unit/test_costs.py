"""What an attempt cost, by what its backend reported and by the table of that day."""

from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from billing.gpu.costs import Cost, CostRow, cost_of


def row(per: str, amount: str, **more: object) -> CostRow:
    return CostRow.model_validate({"per": per, "amount": amount, "currency": "USD", **more})


SECONDS = row("gpu_seconds", "0.0014")


def test_units_are_priced_and_rows_are_added() -> None:
    rows = [SECONDS, row("attempt", "0.01"), row("tokens", "2.5", each=1_000_000)]

    cost = cost_of(
        rows, model="m", usage={"gpu_seconds": "12.5", "tokens": 40_000.0}, is_charged=None
    )

    assert cost is not None
    assert (cost.micros, cost.currency) == (17_500 + 10_000 + 100_000, "USD")
    assert [line["per"] for line in cost.lines] == ["gpu_seconds", "attempt", "tokens"]
    assert cost.lines[0] == {
        "per": "gpu_seconds",
        "quantity": "12.5",
        "amount": "0.0014",
        "each": "1",
    }


def test_a_row_counts_for_its_models_alone() -> None:
    rows = [row("attempt", "1", models=["dear"]), row("attempt", "0.1", models=["cheap"])]

    assert cost_of(rows, model="cheap", usage={}, is_charged=True) == Cost(
        100_000, "USD", ({"per": "attempt", "quantity": "1", "amount": "0.1", "each": "1"},)
    )
    assert cost_of(rows, model="other", usage={}, is_charged=True) is None


def test_what_the_backend_does_not_charge_costs_nothing() -> None:
    assert cost_of([SECONDS], model="m", usage={}, is_charged=False) == Cost(0, "USD")


@pytest.mark.parametrize("reported", [None, "many", True, -1, float("nan"), float("inf"), [3]])
def test_what_is_not_reported_is_unknown_and_not_free(reported: object) -> None:
    usage = {} if reported is None else {"gpu_seconds": reported}

    assert cost_of([SECONDS], model="m", usage=usage, is_charged=None) is None


@given(st.decimals(0, 10**6, places=3), st.decimals(0, 1000, places=9), st.integers(1, 10**9))
def test_a_cost_is_exact_and_rounded_up_to_a_micro(
    quantity: Decimal, amount: Decimal, each: int
) -> None:
    cost = cost_of(
        [row("seconds", f"{amount:f}", each=each)],
        model="m",
        usage={"seconds": f"{quantity:f}"},
        is_charged=None,
    )

    assert cost is not None
    assert cost.micros == ceil(Fraction(quantity) * Fraction(amount) * 1_000_000 / each)


@pytest.mark.parametrize(
    "wrong",
    [{"amount": 0.1}, {"amount": "-1"}, {"amount": "NaN"}, {"each": 0}, {"currency": "usd"}],
)
def test_a_wrong_row_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        row("seconds", "1", **wrong) if "amount" not in wrong else CostRow.model_validate(
            {"per": "seconds", "currency": "USD", **wrong}
        )
