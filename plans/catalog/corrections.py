"""How operators may correct what went wrong: reasons, bounds, and the terms of goodwill credits."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from plans.catalog.allowances import Terms
from plans.catalog.values import (
    NEVER,
    SUBSCRIPTION_END,
    WINDOW_END,
    Code,
    Expiry,
    Micros,
    PositiveMicros,
    Refs,
    Table,
    Text,
    Word,
    as_tuple,
)
from plans.credits import MICROS
from plans.wording import gettext as _


class Reason(Table):
    """Why credits are corrected, as operators choose it and reports count it."""

    code: Code
    name: Text


class Goodwill(Terms):
    """The terms of credits that an operator gives."""

    expiry: Expiry = NEVER
    source: Word = "goodwill"

    @model_validator(mode="after")
    def _has_no_window(self) -> Self:
        if self.expiry in {WINDOW_END, SUBSCRIPTION_END}:
            raise ValueError(_('has no window: give an expiry ("never", "P1Y").'))
        return self


_REASONS: Final = (
    Reason(code="goodwill", name=Text(en="Goodwill", zh="善意补偿")),
    Reason(code="incident", name=Text(en="Incident", zh="故障补偿")),
    Reason(code="mistake", name=Text(en="Mistake", zh="差错更正")),
    Reason(code="misuse", name=Text(en="Misuse", zh="滥用")),
)


class Corrections(Table):
    """What operators may correct by hand, and how far one of them may go.

    Attributes:
        reasons: the reasons that an adjustment or a compensation may have.
        adjustment_max_micros: what one adjustment gives or takes at most, and a compensation gives
            one account by a fixed amount.
        adjustment_day_max_micros: what the adjustments and campaign runs that a person requested
            or approved may give and take together on one day of the catalog's zone.
        approval_above_micros: an adjustment above this needs a second person; "0": each does.
        goodwill: the terms of credits that adjustments and compensations give.
    """

    reasons: Annotated[tuple[Reason, ...], as_tuple] = Field(
        alias="reason", default=_REASONS, min_length=1
    )
    adjustment_max_micros: PositiveMicros = Field(alias="adjustment_max", default=10_000 * MICROS)
    adjustment_day_max_micros: PositiveMicros = Field(
        alias="adjustment_day_max", default=50_000 * MICROS
    )
    approval_above_micros: Micros = Field(alias="approval_above", default=0)
    goodwill: Goodwill = Goodwill()
    ref: Refs = ()

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        if self.adjustment_day_max_micros < self.adjustment_max_micros:
            raise ValueError(_("needs an adjustment_day_max that is not below adjustment_max."))
        if len({reason.code for reason in self.reasons}) < len(self.reasons):
            raise ValueError(_("has two reasons of one code."))
        return self

    def reason(self, code: str) -> Reason | None:
        """Return the reason of that code; None when there is none."""
        return next((reason for reason in self.reasons if reason.code == code), None)
