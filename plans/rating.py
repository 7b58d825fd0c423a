"""What an order costs: the narrowest row, its form, one rounding, times the outputs. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from plans import forms
from plans.catalog.rates import AnyRate, shown
from plans.catalog.schema import Catalog, Credit
from plans.catalog.values import Scalar
from plans.credits import CREDITS_MAX, MICROS, MICROS_MAX
from plans.errors import Unpriced
from plans.wording import gettext as _

COUNT_MAX: Final = 10_000


@dataclass(frozen=True)
class Line:
    """One line of a price, as a quote shows it."""

    label: str
    micros: int


@dataclass(frozen=True)
class Price:
    """What an order costs, and why; the lines add up to the total exactly.

    Attributes:
        total_micros: what is held.
        max_micros: what can be captured at most.
        rate_id: the row of the rate card that priced it.
    """

    total_micros: int
    max_micros: int
    lines: tuple[Line, ...]
    rate_id: str


def rate(catalog: Catalog, dimensions: Mapping[str, Scalar]) -> Price:
    """Return the price of an order of these `dimensions`: above 0, exact, rounded once.

    Raises:
        Unpriced: no row matches, the row has no price for it, or the price would be 0 or more
            than 10**12 credits.
    """
    count = _count(dimensions)
    row = _narrowest(catalog, dimensions)
    parts = forms.parts(row, dimensions)
    exact = sum((part.micros for part in parts), Fraction(0))
    if catalog.credit.rounding_at == "output":
        total = count * _rounded(catalog.credit, exact)
    else:
        total = _rounded(catalog.credit, count * exact)
    if not 0 < total <= MICROS_MAX:
        raise Unpriced(
            _("The price by rate %(rate)s is not above 0 and at most %(max)s credits.")
            % {"rate": row.id, "max": CREDITS_MAX}
        )
    return Price(total, total, _lines(parts, exact, count=count, total=total), row.id)


def _count(dimensions: Mapping[str, Scalar]) -> int:
    count = dimensions.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= COUNT_MAX:
        raise Unpriced(
            _("The count must be a whole number from 1 to %(max)s.") % {"max": COUNT_MAX}
        )
    return count


def _narrowest(catalog: Catalog, dimensions: Mapping[str, Scalar]) -> AnyRate:
    model = dimensions.get("model")
    rows = catalog.rates_for(model) if isinstance(model, str) else ()
    for row in rows:  # the narrowest first; the loader has refused ties
        if row.matches(dimensions):
            return row
    order = ", ".join(f"{name} {shown(value)}" for name, value in dimensions.items())
    raise Unpriced(_("No rate prices this order: %(order)s.") % {"order": order})


def _rounded(credit: Credit, exact: Fraction) -> int:
    """Round to the places of the credit: the only place where a price is rounded."""
    step = MICROS // int(10**credit.decimals)
    return forms.ROUNDINGS[credit.rounding](exact / step) * step


def _lines(parts: list[forms.Part], exact: Fraction, *, count: int, total: int) -> tuple[Line, ...]:
    """Return the parts in whole micros; what they leave of the total is a line of its own."""
    lines = []
    reached, before = Fraction(0), 0
    for part in parts:
        reached += part.micros
        after = math.floor(reached)
        lines.append(Line(part.label, after - before))
        before = after
    if count > 1:
        more = math.floor(count * exact) - before
        lines.append(Line(_("%(more)s more of the same") % {"more": count - 1}, more))
        before += more
    if before != total:
        lines.append(Line(_("Rounding"), total - before))
    assert sum(line.micros for line in lines) == total, "the lines explain the whole price"
    return tuple(lines)
