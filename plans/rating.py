"""What an order costs: the narrowest row, its form, the modifiers, one rounding. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final

from plans import forms
from plans.catalog.modifiers import Modifier
from plans.catalog.rate_index import RateIndex
from plans.catalog.rates import AnyRate, shown
from plans.catalog.schema import Catalog, Credit
from plans.catalog.values import Scalar
from plans.credits import CREDITS_MAX, MICROS, MICROS_MAX, format_micros
from plans.errors import Unpriced
from plans.forms import Part
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
        total_micros: what is asked. 0 only where the catalog says that it is free.
        max_micros: what can be captured at most.
        rate_id: the row of the rate card that priced it.
        list_micros: what it would cost without what counts only for a time (promotions).
        exact_micros: the price before its rounding.
    """

    total_micros: int
    max_micros: int
    lines: tuple[Line, ...]
    rate_id: str
    list_micros: int
    exact_micros: Fraction


def rate(catalog: Catalog, facts: Mapping[str, Scalar], *, at: datetime) -> Price:
    """Return the price of an order of these `facts` at the instant `at`: exact, rounded once.

    Args:
        facts: the order's dimensions, and what is known of its account: plan, surface, region,
            currency, book, month_count.

    Raises:
        Unpriced: no row matches, the row has no price for it, or the price would be more than
            10**12 credits, or 0 without the catalog's saying that it is free.
    """
    count = _count(facts)
    model = facts.get("model")
    if not isinstance(model, str) or catalog.model(model) is None:
        raise _unpriced(facts)  # also where a row leaves the model open
    row = narrowest(catalog.rate_index, facts, at=at)
    parts = forms.price_parts(row, facts)
    total = forms.total(parts)
    listed = _listed(catalog, row, facts, at=at) if row.is_timed else total
    free = row.free
    stays_free = free and not total  # an addition for all orders is not meant for it
    for modifier in catalog.modifiers:
        if modifier.matches(facts, at=at):
            after = total if stays_free else _modified(modifier, total, facts)
            if after != total:  # an order without the item has no line of it
                parts.append(Part(_called(modifier), after - total))
            total = after
            free = free or modifier.factor == 0
            if not modifier.is_timed and (listed or not stays_free):
                listed = _modified(modifier, listed, facts)
    price = Price(
        total_micros=(micros := _in_all(catalog.credit, total, count)),
        max_micros=micros,
        lines=_lines(parts, total, count=count, total=micros),
        rate_id=row.id,
        list_micros=_in_all(catalog.credit, listed, count),
        exact_micros=count * total,
    )
    if not 0 <= micros <= MICROS_MAX or (micros == 0 and not free) or total < 0:
        raise Unpriced(
            _("The price by rate %(rate)s is not above 0 and at most %(max)s credits.")
            % {"rate": row.id, "max": CREDITS_MAX}
        )
    return price


def narrowest(index: RateIndex[AnyRate], facts: Mapping[str, Scalar], *, at: datetime) -> AnyRate:
    """Return the narrowest row that is for an order of these facts at `at`.

    Raises:
        Unpriced: there is none.
    """
    row = index.narrowest(facts, at=at)
    if row is None:
        raise _unpriced(facts)
    return row


def _unpriced(facts: Mapping[str, Scalar]) -> Unpriced:
    order = ", ".join(f"{name} {shown(value)}" for name, value in facts.items())
    return Unpriced(_("No rate prices this order: %(order)s.") % {"order": order})


def cost(catalog: Catalog, facts: Mapping[str, Scalar], *, at: datetime) -> Fraction | None:
    """Return what an order costs us, in micros of money; None where the catalog does not say.

    The same forms as of a price, without rounding: outputs are multiplied exactly.
    """
    if catalog.cost is None:
        return None
    try:
        row = narrowest(catalog.cost.index, facts, at=at)
        return _count(facts) * forms.total(forms.price_parts(row, facts))
    except Unpriced:
        return None


def scaled(catalog: Catalog, price: Price, share: Fraction, *, label: str) -> Price:
    """Return `price` times `share`, rounded as the catalog rounds, with one line that says why.

    It is what is left to pay when counted units cover the rest, or when fewer outputs came. Where
    the whole order is rounded, its share is taken of the exact price: nothing is rounded twice.
    """
    assert 0 <= share <= 1, "a share is a part of the whole"
    whole_order = catalog.credit.rounding_at == "order"
    exact = (price.exact_micros if whole_order else Fraction(price.total_micros)) * share
    total = price.total_micros if share == 1 else _rounded(catalog.credit, exact)
    total = min(total, price.total_micros)
    line = Line(label, total - price.total_micros)
    return Price(
        total_micros=total,
        max_micros=total,
        lines=(*price.lines, line) if line.micros else price.lines,
        rate_id=price.rate_id,
        list_micros=price.list_micros,
        exact_micros=price.exact_micros * share,
    )


def round_micros(credit: Credit, exact: Fraction) -> int:
    """Return `exact` micros rounded to the places and in the way that the credit declares."""
    return _rounded(credit, exact)


def _listed(
    catalog: Catalog, row: AnyRate, facts: Mapping[str, Scalar], *, at: datetime
) -> Fraction:
    """Return what one output costs by the row that counts at all times, if there is one."""
    lasting = catalog.rate_index.narrowest(facts, at=at, lasting=True)
    try:
        return forms.total(forms.price_parts(lasting or row, facts))
    except Unpriced:
        return forms.total(forms.price_parts(row, facts))


def _modified(modifier: Modifier, total: Fraction, facts: Mapping[str, Scalar]) -> Fraction:
    """Return what `total` becomes by a modifier."""
    if modifier.factor is not None:
        return total * modifier.factor
    if modifier.add_micros is not None:
        return total + modifier.add_micros
    if modifier.per_item is not None:
        items = forms.number(facts.get(modifier.per_item.basis)) or Fraction(0)
        return total + max(items - modifier.per_item.beyond, Fraction(0)) * (
            modifier.per_item.price_micros
        )
    if modifier.at_least_micros is not None:
        return max(total, Fraction(modifier.at_least_micros))
    assert modifier.at_most_micros is not None, "a modifier says one thing"
    return min(total, Fraction(modifier.at_most_micros))


def _called(modifier: Modifier) -> str:
    if modifier.label is not None:
        return modifier.label.said()
    return f"{modifier.id} * {modifier.factor}" if modifier.factor is not None else modifier.id


def _count(facts: Mapping[str, Scalar]) -> int:
    count = facts.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= COUNT_MAX:
        raise Unpriced(
            _("The count must be a whole number from 1 to %(max)s.") % {"max": COUNT_MAX}
        )
    return count


def _in_all(credit: Credit, exact: Fraction, count: int) -> int:
    if credit.rounding_at == "output":
        return count * _rounded(credit, exact)
    return _rounded(credit, count * exact)


def _rounded(credit: Credit, exact: Fraction) -> int:
    """Round to the places of the credit: the only place where a price is rounded."""
    if credit.rounding == "none":
        return math.ceil(exact)  # the ledger's own millionth
    step = MICROS // int(10**credit.decimals)
    return forms.ROUNDINGS[credit.rounding](exact / step) * step


def _lines(parts: Iterable[Part], exact: Fraction, *, count: int, total: int) -> tuple[Line, ...]:
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


def exact_text(price: Price) -> str:
    """Return the exact price as a decimal, where it has one of up to 12 places; else the total."""
    for places in range(13):
        shifted = price.exact_micros / MICROS * 10**places
        if shifted.denominator == 1:
            whole, rest = divmod(shifted.numerator, 10**places)
            return f"{whole}.{rest:0{places}d}" if places else str(whole)
    return format_micros(price.total_micros)
