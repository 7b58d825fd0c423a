"""The rows of a rate card and the forms a price can have; `plans.forms` does their arithmetic."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from plans.catalog.matching import Matched
from plans.catalog.values import (
    WHOLE_MAX,
    Code,
    Micros,
    PositiveMicros,
    PositiveWhole,
    Scalar,
    Table,
    Text,
    Whole,
    Word,
    as_tuple,
)
from plans.wording import gettext as _

Rounding = Literal["none", "up", "down", "half_up"]
_TIERS_MAX: Final = 100


class Also(Table):
    """A further part of a row's price: so much for each unit of another dimension.

    Attributes:
        basis: the dimension that is counted; an order that lacks it has none.
        price_micros: the price of each unit.
        rounding: of the units, before they are counted.
        included: so many units cost nothing.
        units_max: at most so many units are billed.
    """

    basis: Word
    price_micros: PositiveMicros = Field(alias="price")
    rounding: Rounding = "none"
    included: Whole = 0
    units_max: PositiveWhole | None = None
    label: Text | None = None


class RateRow(Matched):
    """What every row has: a lasting name, the orders it prices, and how it is called.

    Attributes:
        also: parts that come on top of what the form says, in order.
        min_micros: the least that one output costs, before any modifier.
        max_micros: the most that one output costs, before any modifier.
        free: True where a price of 0 is meant; without it such an order has no price. What the
            row itself makes 0 stays 0: no modifier changes it.
    """

    id: Code
    label: Text | None = None
    also: Annotated[tuple[Also, ...], as_tuple] = ()
    min_micros: PositiveMicros | None = Field(alias="min", default=None)
    max_micros: PositiveMicros | None = Field(alias="max", default=None)
    free: bool = False

    @model_validator(mode="after")
    def _has_sane_bounds(self) -> "RateRow":
        if self.min_micros and self.max_micros and self.min_micros > self.max_micros:
            raise ValueError(_("has a min above its max."))
        if self.min_micros and self.free:
            raise ValueError(_("cannot be free and have a min."))
        return self


class FlatRate(RateRow):
    """One price for one output, whatever the dimensions it leaves open.

    Attributes:
        form: "flat".
        price_micros: the price of one output.
    """

    form: Literal["flat"]
    price_micros: Micros = Field(alias="price")

    @model_validator(mode="after")
    def _costs_something(self) -> "FlatRate":
        if not (self.price_micros or self.also or self.free):
            raise ValueError(_('has the price "0": say free = true if that is meant.'))
        return self


class PerUnitRate(RateRow):
    """A price for each unit of a dimension, or for each started block of units.

    One output costs `base`, and `price` for each unit (or started `block`) beyond `included`;
    then at least `min` and at most `max`. Of a list of numbers the basis is their sum.

    Attributes:
        form: "per_unit".
        basis: the dimension that is counted: often the seconds.
        price_micros: the price of each unit, or of each started block.
        rounding: of the units, before they are counted: 10.23 s are 11 with "up".
        included: so many units cost nothing: `base` has them.
        block: so many units are one block; a started one counts in full.
        per: so many units or blocks cost the price, where one costs less than a millionth.
        base_micros: what one output costs before any unit.
    """

    form: Literal["per_unit"]
    basis: Word
    price_micros: Micros = Field(alias="price")
    rounding: Rounding = "none"
    included: Whole = 0
    block: PositiveWhole | None = None
    per: PositiveWhole = 1
    base_micros: Micros = Field(alias="base", default=0)

    @model_validator(mode="after")
    def _costs_something(self) -> "PerUnitRate":
        if not (self.price_micros or self.base_micros or self.min_micros or self.free):
            raise ValueError(_("needs a price, a base or a min above 0, or free = true."))
        return self


class LookupRate(RateRow):
    """A price for each exact value of one dimension; a value that is not listed has no price.

    Attributes:
        form: "lookup".
        by: the dimension whose value is looked up.
        table: the price of one output by value; a value is written as a key: 5, true, "720p".
    """

    form: Literal["lookup"]
    by: Word
    table: dict[str, PositiveMicros] = Field(min_length=1)


class Tier(Table):
    """The units up to `up_to` (all further ones without it): so much each, and `flat` once.

    Attributes:
        up_to: the last unit of the tier; only the last tier may lack it.
        price_micros: the price of each unit.
        flat_micros: asked once for whoever reaches the tier.
    """

    up_to: PositiveWhole | None = None
    price_micros: Micros = Field(alias="price", default=0)
    flat_micros: Micros = Field(alias="flat", default=0)


class TiersRate(RateRow):
    """A price by tiers of units.

    Graduated: each unit costs what its own tier says. Volume: all units cost what the tier says
    in which their number lies. The basis may be `month_count`: how many such orders the account
    has had in this month; then the tier of the next one prices the whole output. Orders under way
    are counted where that makes it dearer: they may still be canceled.

    Attributes:
        form: "tiers".
        basis: the dimension that is counted, or `month_count`.
        mode: each unit by its own tier, or all units by the tier of their number.
        rounding: of the units, before they are counted.
        tiers: the tiers, from the lowest.
    """

    form: Literal["tiers"]
    basis: Word
    mode: Literal["graduated", "volume"] = "graduated"
    rounding: Rounding = "none"
    tiers: Annotated[tuple[Tier, ...], as_tuple] = Field(
        alias="tier", min_length=1, max_length=_TIERS_MAX
    )

    @model_validator(mode="after")
    def _rises(self) -> "TiersRate":
        ends = [tier.up_to for tier in self.tiers]
        closed = [end for end in ends if end is not None]
        if None in ends[:-1] or closed != sorted(set(closed)):
            raise ValueError(_("needs tiers that rise; only the last may lack its up_to."))
        if not (self.free or any(tier.price_micros or tier.flat_micros for tier in self.tiers)):
            raise ValueError(_("needs a tier with a price or a flat above 0, or free = true."))
        return self


class TokensRate(RateRow):
    """A price for tokens: width * height * frames a second * seconds / divisor.

    Attributes:
        price_micros: for `per` tokens.
        seconds: the dimensions whose seconds add up; one that the order lacks counts nothing.
        tokens: where the number itself is known (the backend's usage): it is taken as it is,
            not divided. It need not be a dimension; where it is one, customers say it.
        tokens_min: at least so many are billed.
        form: "tokens".
        per: so many tokens cost the price; for a price per million say per = 1000000.
        divisor: what the product of pixels, frames and seconds is divided by; the tokens that
            come out are not rounded.
        width, height: the dimensions that say the size in pixels.
        fps: the dimension that says the frames a second.
    """

    form: Literal["tokens"]
    price_micros: PositiveMicros = Field(alias="price")
    per: PositiveWhole = 1000
    divisor: PositiveWhole = 1024
    width: Word = "width"
    height: Word = "height"
    fps: Word = "fps"
    seconds: Annotated[tuple[Word, ...], as_tuple] = Field(default=("seconds",), min_length=1)
    tokens: Word = "tokens"
    tokens_min: PositiveWhole | None = None


LENGTH_SHOWN: Final = 64

# More forms join here and in `plans.forms.parts`, and nowhere else.
FORMS = ("flat", "per_unit", "lookup", "tiers", "tokens")
AnyRate = FlatRate | PerUnitRate | LookupRate | TiersRate | TokensRate
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
