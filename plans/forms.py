"""The arithmetic of each form of price: exact fractions of a micro, one output at a time. Pure."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import singledispatch
from typing import Final

from plans.catalog.rates import FlatRate, LookupRate, PerUnitRate, RateRow, written
from plans.catalog.values import WHOLE_MAX, Scalar
from plans.credits import MICROS, format_micros, parse_micros
from plans.errors import Unpriced
from plans.wording import gettext as _

_HALF: Final = Fraction(1, 2)


def _half_up(exact: Fraction) -> int:
    return math.floor(exact + _HALF)


ROUNDINGS: Final[Mapping[str, Callable[[Fraction], int]]] = {
    "up": math.ceil,
    "down": math.floor,
    "half_up": _half_up,
    "half_even": round,
}


@dataclass(frozen=True)
class Part:
    """One line of the price of one output, before any rounding."""

    label: str
    micros: Fraction


@singledispatch
def parts(rate: RateRow, dimensions: Mapping[str, Scalar]) -> list[Part]:  # noqa: ARG001 (forms read it)
    """Return what one output costs by `rate`, line by line; the parts add up to its price.

    A new form is a new function registered here.

    Raises:
        Unpriced: the form has no price for these dimensions.
    """
    raise TypeError(f"No arithmetic for {type(rate).__name__}.")


@parts.register
def _flat(rate: FlatRate, dimensions: Mapping[str, Scalar]) -> list[Part]:
    return [Part(called(rate, dimensions), Fraction(rate.price_micros))]


@parts.register
def _lookup(rate: LookupRate, dimensions: Mapping[str, Scalar]) -> list[Part]:
    value = dimensions.get(rate.by)
    price = None if value is None else rate.table.get(written(value))
    if price is None:
        raise Unpriced(
            _("The rate %(rate)s has no price for %(name)s %(value)s.")
            % {"rate": rate.id, "name": rate.by, "value": "-" if value is None else written(value)}
        )
    return [Part(called(rate, dimensions), Fraction(price))]


@parts.register
def _per_unit(rate: PerUnitRate, dimensions: Mapping[str, Scalar]) -> list[Part]:
    units = _amount(rate, dimensions)
    if rate.rounding != "none":
        units = Fraction(ROUNDINGS[rate.rounding](units))
    billed = max(units - rate.included, Fraction(0))
    if rate.block is not None:
        billed = Fraction(math.ceil(billed / rate.block))
    found = []
    if rate.base_micros:
        found.append(Part(_("Base price"), Fraction(rate.base_micros)))
    found.append(Part(_times(rate, dimensions, billed), billed * rate.price_micros))
    price = sum((part.micros for part in found), Fraction(0))
    if rate.min_micros is not None and price < rate.min_micros:
        found.append(Part(_("Up to the least price"), rate.min_micros - price))
    if rate.max_micros is not None and price > rate.max_micros:
        found.append(Part(_("Down to the highest price"), rate.max_micros - price))
    return found


def called(rate: RateRow, dimensions: Mapping[str, Scalar]) -> str:
    """Return what a line of `rate` is called: its label, or the dimensions that chose it."""
    if rate.label is not None:
        return rate.label.said()
    chosen = [written(dimensions[name]) for name in rate.constraints if name in dimensions]
    return " · ".join(chosen) or rate.id


def _times(rate: PerUnitRate, dimensions: Mapping[str, Scalar], billed: Fraction) -> str:
    sentence = _("%(what)s: %(units)s at %(price)s")
    return sentence % {
        "what": called(rate, dimensions),
        "units": format_micros(math.floor(billed * MICROS)),
        "price": format_micros(rate.price_micros),
    }


def _amount(rate: PerUnitRate, dimensions: Mapping[str, Scalar]) -> Fraction:
    """Return how much of its basis the order has, bounded before anything is multiplied."""
    value = dimensions.get(rate.basis)
    amount: Fraction | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        amount = Fraction(value)
    elif isinstance(value, str):
        try:
            amount = Fraction(parse_micros(value), MICROS)
        except ValueError:
            amount = None
    if amount is None or not 0 <= amount <= WHOLE_MAX:
        raise Unpriced(
            _("The rate %(rate)s needs %(name)s as a number from 0 to %(max)s.")
            % {"rate": rate.id, "name": rate.basis, "max": WHOLE_MAX}
        )
    return amount
