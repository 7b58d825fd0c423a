"""The arithmetic of each form of price: exact fractions of a micro, one output at a time. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import singledispatch
from typing import Final

from plans.catalog.policies import MONTH_COUNT
from plans.catalog.rates import (
    Also,
    FlatRate,
    LookupRate,
    PerUnitRate,
    RateRow,
    TiersRate,
    TokensRate,
    written,
)
from plans.catalog.values import WHOLE_MAX, Scalar
from plans.credits import MICROS, format_micros, parse_micros
from plans.errors import Unpriced
from plans.wording import gettext as _

_HALF: Final = Fraction(1, 2)
_TOKENS_MAX: Final = 10**15


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


def price_parts(rate: RateRow, facts: Mapping[str, Scalar]) -> list[Part]:
    """Return what one output costs by `rate`, line by line; the parts add up to its price.

    Raises:
        Unpriced: the form has no price for these facts.
    """
    further = (_also(rate, one, facts) for one in rate.also)
    # An order without the item has no line of it.
    found = [*parts(rate, facts), *(part for part in further if part.micros)]
    price = sum((part.micros for part in found), Fraction(0))
    if rate.min_micros is not None and price < rate.min_micros:
        found.append(Part(_("Up to the least price"), rate.min_micros - price))
    if rate.max_micros is not None and price > rate.max_micros:
        found.append(Part(_("Down to the highest price"), rate.max_micros - price))
    return found


@singledispatch
def parts(rate: RateRow, facts: Mapping[str, Scalar]) -> list[Part]:  # noqa: ARG001 (forms read it)
    """Return what the form of `rate` says of one output; a new form is registered here.

    Raises:
        Unpriced: the form has no price for these facts.
    """
    raise TypeError(f"No arithmetic for {type(rate).__name__}.")


@parts.register
def _flat(rate: FlatRate, facts: Mapping[str, Scalar]) -> list[Part]:
    return [Part(called(rate, facts), Fraction(rate.price_micros))]


@parts.register
def _lookup(rate: LookupRate, facts: Mapping[str, Scalar]) -> list[Part]:
    value = facts.get(rate.by)
    price = None if value is None else rate.table.get(written(value))
    if price is None:
        raise Unpriced(
            _("The rate %(rate)s has no price for %(name)s %(value)s.")
            % {"rate": rate.id, "name": rate.by, "value": "-" if value is None else written(value)}
        )
    return [Part(called(rate, facts), Fraction(price))]


@parts.register
def _per_unit(rate: PerUnitRate, facts: Mapping[str, Scalar]) -> list[Part]:
    units = _rounded(rate.rounding, amount(rate, rate.basis, facts))
    billed = max(units - rate.included, Fraction(0))
    if rate.block is not None:
        billed = Fraction(math.ceil(billed / rate.block))
    found = []
    if rate.base_micros:
        found.append(Part(_("Base price"), Fraction(rate.base_micros)))
    label = _times(called(rate, facts), billed, rate.price_micros, per=rate.per)
    found.append(Part(label, billed * rate.price_micros / rate.per))
    return found


@parts.register
def _tiers(rate: TiersRate, facts: Mapping[str, Scalar]) -> list[Part]:
    units = _rounded(rate.rounding, amount(rate, rate.basis, facts))
    what = called(rate, facts)
    if rate.basis == MONTH_COUNT:
        # The next one is priced by the tier that its own number lies in, and is one unit.
        flat, price = _tier_of(rate, units + 1)
        return [Part(_times(what, Fraction(1), price), Fraction(flat + price))]
    if rate.mode == "volume":
        flat, price = _tier_of(rate, units)
        return [Part(_times(what, units, price), flat + units * price)]
    found: list[Part] = []
    reached = Fraction(0)
    for tier in rate.tiers:
        end = units if tier.up_to is None else min(units, Fraction(tier.up_to))
        if end <= reached:
            break
        share = (end - reached) * tier.price_micros + tier.flat_micros
        found.append(Part(_times(what, end - reached, tier.price_micros), share))
        reached = end
    if reached < units or not found:
        raise _beyond(rate, units)
    return found


@parts.register
def _tokens(rate: TokensRate, facts: Mapping[str, Scalar]) -> list[Part]:
    if rate.tokens in facts:
        tokens = amount(rate, rate.tokens, facts, most=_TOKENS_MAX)
    else:
        seconds = sum((amount(rate, n, facts) for n in rate.seconds if n in facts), Fraction(0))
        tokens = seconds / rate.divisor
        for name in (rate.width, rate.height, rate.fps):
            tokens *= amount(rate, name, facts)
    label = _("%(what)s: %(tokens)s tokens at %(price)s for %(per)s") % {
        "what": called(rate, facts),
        "tokens": format_micros(math.floor(tokens * MICROS)),
        "price": format_micros(rate.price_micros),
        "per": rate.per,
    }
    found = [Part(label, tokens * rate.price_micros / rate.per)]
    if rate.tokens_min is not None and tokens < rate.tokens_min:
        short = (rate.tokens_min - tokens) * rate.price_micros / rate.per
        found.append(Part(_("Up to the least number of tokens"), short))
    return found


def called(rate: RateRow, facts: Mapping[str, Scalar]) -> str:
    """Return what a line of `rate` is called: its label, or the dimensions that chose it."""
    if rate.label is not None:
        return rate.label.said()
    chosen = [written(facts[name]) for name in rate.match if name in facts and rate.match[name]]
    return " · ".join(chosen) or rate.id


def amount(
    rate: RateRow, basis: str, facts: Mapping[str, Scalar], *, most: int = WHOLE_MAX
) -> Fraction:
    """Return how much of `basis` the order has, bounded before anything is multiplied.

    Raises:
        Unpriced: it has none, or no number from 0 to `most`.
    """
    found = number(facts.get(basis))
    if found is None or not 0 <= found <= most:
        raise Unpriced(
            _("The rate %(rate)s needs %(name)s as a number from 0 to %(max)s.")
            % {"rate": rate.id, "name": basis, "max": most}
        )
    return found


def number(value: Scalar | None) -> Fraction | None:
    """Return the number that a dimension says, of a list ("2+3+4") the sum; None: it says none."""
    if type(value) is int:
        return Fraction(value)
    if not isinstance(value, str):
        return None
    try:
        return Fraction(sum(parse_micros(part) for part in value.split("+")), MICROS)
    except ValueError:
        return None


def _also(rate: RateRow, also: Also, facts: Mapping[str, Scalar]) -> Part:
    units = Fraction(0) if also.basis not in facts else amount(rate, also.basis, facts)
    units = max(_rounded(also.rounding, units) - also.included, Fraction(0))
    if also.units_max is not None:
        units = min(units, Fraction(also.units_max))
    what = also.label.said() if also.label is not None else also.basis
    return Part(_times(what, units, also.price_micros), units * also.price_micros)


def _rounded(rounding: str, units: Fraction) -> Fraction:
    return units if rounding == "none" else Fraction(ROUNDINGS[rounding](units))


def _tier_of(rate: TiersRate, units: Fraction) -> tuple[int, int]:
    """Return what the tier asks in which `units` lie: its flat and its price, in micros."""
    for tier in rate.tiers:
        if tier.up_to is None or units <= tier.up_to:
            return tier.flat_micros, tier.price_micros
    raise _beyond(rate, units)


def _beyond(rate: TiersRate, units: Fraction) -> Unpriced:
    return Unpriced(
        _("The rate %(rate)s has no tier for %(units)s of %(name)s.")
        % {"rate": rate.id, "units": format_micros(math.floor(units * MICROS)), "name": rate.basis}
    )


def _times(what: str, units: Fraction, price_micros: int, *, per: int = 1) -> str:
    sentence = _("%(what)s: %(units)s at %(price)s")
    if per > 1:
        sentence = _("%(what)s: %(units)s at %(price)s for %(per)s")
    return sentence % {
        "what": what,
        "units": format_micros(math.floor(units * MICROS)),
        "price": format_micros(price_micros),
        "per": per,
    }


def total(parts: Sequence[Part]) -> Fraction:
    """Return what the parts add up to, exactly."""
    return sum((part.micros for part in parts), Fraction(0))
