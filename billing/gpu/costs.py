"""What an attempt costs the platform, by what its backend says that it spent. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import ceil
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

PER_ATTEMPT: Final = "attempt"
_MICROS: Final = 1_000_000
# No attempt spends or costs more: what is reported beyond is a defect of the backend's.
_QUANTITY_MAX: Final = 10**15
_COST_MAX_MICROS: Final = 10**15


def _as_decimal(amount: object) -> object:
    """Return what a text of digits says; a number of JSON is refused, for it may be a float."""
    if not isinstance(amount, str):
        raise ValueError('must be a decimal in quotes, such as "0.0014"')  # noqa: TRY004 (pydantic reads ValueError)
    try:
        return Decimal(amount)
    except InvalidOperation:
        raise ValueError("must be a decimal") from None


class CostRow(BaseModel):
    """One row of a backend's cost table; all that fit are added.

    Attributes:
        per: what is paid for: a unit as the backend reports it (`gpu_seconds`, `tokens`,
            `seconds`, `credits`, or one of its own), or "attempt" for each one that it took.
        amount: money for `each` of them.
        models: for these alone, by our codes; empty: for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    per: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    amount: Annotated[
        Decimal,
        BeforeValidator(_as_decimal),
        Field(ge=0, max_digits=18, decimal_places=9, allow_inf_nan=False),
    ]
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    each: Annotated[int, Field(ge=1, le=10**9)] = 1
    models: list[str] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one attempt cost.

    Attributes:
        micros: millionths of the currency's unit, rounded up.
        lines: of what it is made, as it is stored: `{"per", "quantity", "amount", "each"}`, texts.
    """

    micros: int
    currency: str
    lines: tuple[Mapping[str, str], ...] = ()


def cost_of(
    rows: Iterable[CostRow], *, model: str, usage: Mapping[str, object], is_charged: bool | None
) -> Cost | None:
    """Return what an attempt that the backend took cost; None where that cannot be known.

    Args:
        rows: the backend's table, in one currency.
        model: our code of what was ordered.
        usage: what the backend reported, by unit; numbers, or texts of numbers.
        is_charged: False when the backend says that it charges nothing for this one.
    """
    fitting = [row for row in rows if not row.models or model in row.models]
    if not fitting:
        return None
    currency = fitting[0].currency
    if is_charged is False:
        return Cost(0, currency)
    total, lines = Fraction(0), []
    for row in fitting:
        quantity = Decimal(1) if row.per == PER_ATTEMPT else _quantity(usage.get(row.per))
        if quantity is None:
            return None
        total += Fraction(quantity) * Fraction(row.amount) / row.each
        lines.append(
            {
                "per": row.per,
                "quantity": f"{quantity:f}",
                "amount": f"{row.amount:f}",
                "each": str(row.each),
            }
        )
    micros = ceil(total * _MICROS)
    return Cost(micros, currency, tuple(lines)) if micros <= _COST_MAX_MICROS else None


def _quantity(reported: object) -> Decimal | None:
    """Return a reported number exactly as it was written; None: it is none, or absurd."""
    if isinstance(reported, bool) or not isinstance(reported, int | float | str):
        return None
    try:
        number = Decimal(str(reported))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= _QUANTITY_MAX else None
