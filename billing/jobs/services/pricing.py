"""What an order costs its wallet: counted units first, then credits, and what is to be held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.utils.translation import gettext as _

from billing.ledger.counting import Cover, cover
from billing.ledger.timeline import Timeline
from plans import forms, rating
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.errors import Unpriced
from plans.rating import Price


@dataclass(frozen=True, slots=True)
class Priced:
    """A price, and which counted units pay a part of it.

    Attributes:
        whole: the price of the order.
        price: what credits pay of it.
        highest_micros: what they would, were all that the order only guesses as high as can be.
        spendable_micros: the credits that may pay it.
    """

    whole: Price
    price: Price
    highest_micros: int
    covers: Sequence[Cover]
    spendable_micros: int

    @property
    def is_payable(self) -> bool:
        """Whether the wallet has what it costs."""
        return self.spendable_micros >= self.price.total_micros


def priced(
    catalog: Catalog,
    facts: Mapping[str, Scalar],
    *,
    at: datetime,
    timeline: Timeline,
    standing: frozenset[str],
) -> Priced:
    """Return what an order of these facts costs a wallet.

    An order that costs nothing uses no counted units up.

    Args:
        at: as of when it is priced.
        timeline: the wallet, settled to now; only looked at.
        standing: how its account stands.

    Raises:
        Unpriced: no rate covers it.
    """
    whole = rating.rate(catalog, facts, at=at)
    covers: Sequence[Cover] = ()
    if whole.total_micros:
        outputs = outputs_of(facts)
        seconds = (forms.number(facts.get("seconds")) or Fraction(0)) * outputs
        covers = cover(timeline.counted(), facts=facts, outputs=outputs, seconds=seconds)
    price = rating.scaled(catalog, whole, _uncovered(covers), label=_("Paid by counted units"))
    return Priced(
        whole=whole,
        price=price,
        highest_micros=max(price.total_micros, _highest_micros(catalog, facts, covers, at=at)),
        covers=covers,
        spendable_micros=timeline.spendable_micros(facts, standing),
    )


def dearest(
    catalog: Catalog,
    dimensions: Mapping[str, Scalar],
    contexts: Sequence[Mapping[str, Scalar]],
    *,
    at: datetime,
    timeline: Timeline,
    standing: frozenset[str],
) -> tuple[Priced, Mapping[str, Scalar]]:
    """Return what an order costs by the context that makes it dearest, and that context.

    Raises:
        Unpriced: by one of them no rate covers it.
    """
    found = [
        (
            priced(catalog, {**dimensions, **context}, at=at, timeline=timeline, standing=standing),
            context,
        )
        for context in contexts
    ]
    return max(found, key=lambda one: one[0].whole.total_micros)


def ceiling_micros(catalog: Catalog, priced: Priced, *, model: str) -> int:
    """Return what is to be held: the price, or more where the model's real one is measured later.

    More only as far as the wallet reaches: an estimate that is too high must not keep anybody
    from an order whose price he can pay.
    """
    total = priced.price.total_micros
    if not catalog.overrun.settles_by_usage(model) or not priced.is_payable:
        return total
    factor = catalog.overrun.hold_factor
    wished = rating.round_micros(catalog.credit, total * factor) if factor > 1 else total
    wished = max(wished, priced.highest_micros)
    return max(total, min(wished, priced.spendable_micros))


def _highest_micros(
    catalog: Catalog, facts: Mapping[str, Scalar], covers: Sequence[Cover], *, at: datetime
) -> int:
    """Return what credits pay with the highest value of all that is estimated; 0: of nothing."""
    if not catalog.overrun.settles_by_usage(facts.get("model")):
        return 0
    highest = {
        name: dimension.highest
        for name, dimension in catalog.choices_of(facts).items()
        if dimension.estimated and not dimension.is_of_nothing(facts.get(name))
    }
    if not highest:
        return 0
    seconds = forms.number(facts.get("seconds")) or Fraction(1)
    longer = (forms.number(highest.get("seconds")) or seconds) / seconds
    try:
        price = rating.rate(catalog, {**facts, **highest}, at=at)
    except Unpriced:
        return 0  # nobody can be charged it either
    return rating.scaled(catalog, price, _uncovered(covers, longer=longer), label="").total_micros


def _uncovered(covers: Sequence[Cover], *, longer: Fraction = Fraction(1)) -> Fraction:
    """Return the share that credits pay; counted seconds pay as many of a longer video."""
    return 1 - sum(
        (
            one.share / longer if one.counted.schedule.terms.unit == "second" else one.share
            for one in covers
        ),
        Fraction(0),
    )


def outputs_of(facts: Mapping[str, Scalar]) -> int:
    """Return how many outputs an order makes."""
    count = facts.get("count", 1)
    assert isinstance(count, int), "an order without a price has been refused"
    return count
