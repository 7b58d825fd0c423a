"""What changes a price after its form: factors, additions, and bounds, in the file's order."""

from typing import Self

from pydantic import Field, model_validator

from plans.catalog.matching import Matched
from plans.catalog.values import Code, Factor, PositiveMicros, Table, Text, Whole, Word, exactly_one


class PerItem(Table):
    """So much for each item of a dimension beyond the first `beyond`.

    Attributes:
        basis: the dimension that says how many there are.
        price_micros: the price of each.
        beyond: so many cost nothing.
    """

    basis: Word
    price_micros: PositiveMicros = Field(alias="price")
    beyond: Whole = 0


class Modifier(Matched):
    """One change of the price of one output, for the orders that it matches.

    Says exactly one thing: `factor` (times), `add` (plus), `per_item`, `at_least` or `at_most`.

    Attributes:
        factor: the price is multiplied by it, exactly.
        add_micros: so much is added.
        per_item: so much is added for each item of a dimension.
        at_least_micros: the price is raised to it.
        at_most_micros: the price is lowered to it.
    """

    id: Code
    label: Text | None = None
    factor: Factor | None = None
    add_micros: PositiveMicros | None = Field(alias="add", default=None)
    per_item: PerItem | None = None
    at_least_micros: PositiveMicros | None = Field(alias="at_least", default=None)
    at_most_micros: PositiveMicros | None = Field(alias="at_most", default=None)

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        exactly_one(
            {
                "factor": self.factor,
                "add": self.add_micros,
                "per_item": self.per_item,
                "at_least": self.at_least_micros,
                "at_most": self.at_most_micros,
            }
        )
        return self
