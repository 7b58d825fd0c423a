"""The rows of a rate card and the forms a price can have; `plans.forms` does their arithmetic."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from plans.catalog.values import (
    WHOLE_MAX,
    Code,
    Matcher,
    Micros,
    PositiveMicros,
    PositiveWhole,
    Scalar,
    Table,
    Text,
    Whole,
    Word,
    typed,
)
from plans.wording import gettext as _


class RateRow(Table):
    """What every row has: a lasting name, the orders it prices, and how it is called.

    An absent dimension, or "*", matches any value; a list matches each of its values.
    """

    id: Code
    match: dict[Word, Matcher] = Field(default_factory=dict)
    label: Text | None = None

    @cached_property
    def constraints(self) -> Mapping[str, frozenset[tuple[str, Scalar]]]:
        """The dimensions that this row does not leave open, with the values it takes."""
        return {
            name: frozenset(typed(value) for value in values)
            for name, values in self.match.items()
            if values
        }

    @cached_property
    def specificity(self) -> tuple[int, int]:
        """How narrow the row is: dimensions named, then how many of them by a single value."""
        named = self.constraints.values()
        return (len(named), sum(len(values) == 1 for values in named))

    def matches(self, dimensions: Mapping[str, Scalar]) -> bool:
        """Say whether the row prices an order of these dimensions."""
        return all(
            name in dimensions and typed(dimensions[name]) in values
            for name, values in self.constraints.items()
        )

    def overlaps(self, other: "RateRow") -> bool:
        """Say whether some order would match both rows."""
        return all(
            not values.isdisjoint(other.constraints.get(name, values))
            for name, values in self.constraints.items()
        )


class FlatRate(RateRow):
    """One price for one output, whatever the dimensions it leaves open."""

    form: Literal["flat"]
    price_micros: PositiveMicros = Field(alias="price")


class PerUnitRate(RateRow):
    """A price for each unit of a dimension, or for each started block of units.

    One output costs `base`, and `price` for each unit (or started `block`) beyond `included`;
    then at least `min` and at most `max`.
    """

    form: Literal["per_unit"]
    basis: Word
    price_micros: Micros = Field(alias="price")
    rounding: Literal["none", "up", "down", "half_up"] = "none"
    included: Whole = 0
    block: PositiveWhole | None = None
    base_micros: Micros = Field(alias="base", default=0)
    min_micros: PositiveMicros | None = Field(alias="min", default=None)
    max_micros: PositiveMicros | None = Field(alias="max", default=None)

    @model_validator(mode="after")
    def _costs_something(self) -> "PerUnitRate":
        if not (self.price_micros or self.base_micros or self.min_micros):
            raise ValueError(_("needs a price, a base or a min above 0."))
        if self.min_micros and self.max_micros and self.min_micros > self.max_micros:
            raise ValueError(_("has a min above its max."))
        return self


class LookupRate(RateRow):
    """A price for each exact value of one dimension; a value that is not listed has no price."""

    form: Literal["lookup"]
    by: Word
    table: dict[str, PositiveMicros] = Field(min_length=1)


LENGTH_SHOWN: Final = 64

# More forms join here and in `plans.forms.parts`, and nowhere else.
FORMS = ("flat", "per_unit", "lookup")
AnyRate = FlatRate | PerUnitRate | LookupRate
Rate = Annotated[AnyRate, Field(discriminator="form")]


def written(value: Scalar) -> str:
    """Return `value` as a key of a lookup table is written: 5 is "5", true is "true"."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(value: object) -> str:
    """Return any `value` as a sentence may repeat it to its sender: short, and never a megabyte."""
    if isinstance(value, int) and abs(value) > WHOLE_MAX:
        return _("a number beyond all limits")
    if not isinstance(value, (str, int)):
        return type(value).__name__
    text = written(value)
    return text if len(text) <= LENGTH_SHOWN else f"{text[:LENGTH_SHOWN]}…"
