"""What a plan allows: values, joint limits, jobs at once, counts in a window, and flags."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plans.catalog import shapes
from plans.catalog.matching import Match
from plans.catalog.values import (
    Code,
    Currency,
    Micros,
    PeriodText,
    PositiveMicros,
    PositiveWhole,
    Refs,
    Table,
    Value,
    Word,
    Zone,
    as_tuple,
    exactly_one,
)
from plans.wording import gettext as _

Allowed = Annotated[tuple[Value, ...], as_tuple]


class Limit(Table):
    """A joint limit: orders that match `when` may have only these values, and up to these numbers.

    An order that lacks a dimension is not limited by it.

    `when = { resolution = "1080p" }, max = { seconds = 5 }`: 1080p only up to 5 s.

    Attributes:
        when: the orders that it limits, as `match` of a rate.
        allow: the only values that their dimensions may have.
        max: the highest numbers that their dimensions may have.
    """

    when: Match = Field(min_length=1)
    allow: dict[Word, Allowed] = Field(default_factory=dict)
    max: dict[Word, PositiveWhole] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if not (self.allow or self.max):
            raise ValueError(_("limits nothing: give allow or max."))
        return self


class CountLimit(Table):
    """So many orders, outputs or credits in each window of time.

    Attributes:
        window: a day or month of the zone, or an ISO period that rolls ("PT24H").
        zone: whose days and months count; the account's where it is left out.
        match: only these orders are counted, and only they are refused.
        orders, outputs, credits_micros: at most so many; exactly one of them.
    """

    window: Annotated[str, Field(pattern=r"^(day|month|P[0-9TYMWDHS]{2,20})$"), shapes.WINDOW]
    zone: Zone | None = None
    match: Match = Field(default_factory=dict)
    orders: PositiveWhole | None = None
    outputs: PositiveWhole | None = None
    credits_micros: PositiveMicros | None = Field(alias="credits", default=None)

    @model_validator(mode="after")
    def _counts_one_thing(self) -> Self:
        exactly_one(
            {"orders": self.orders, "outputs": self.outputs, "credits": self.credits_micros}
        )
        if self.zone is not None and self.window not in {"day", "month"}:
            raise ValueError(_("rolls, so it has no zone: only a day or a month has one."))
        return self


class ConcurrencyStep(Table):
    """More jobs at once for those who have bought for so much in all, in one currency.

    Attributes:
        bought_micros: from how much money on, bought ever.
        concurrency: how many jobs at once then.
    """

    bought_micros: Micros = Field(alias="bought")
    currency: Currency
    concurrency: PositiveWhole


class Slots(Table):
    """Jobs at once of the orders that match, beside the plan's own limit.

    Attributes:
        match: the orders that are counted.
        concurrency: how many of them may be at work at once.
    """

    match: Match = Field(min_length=1)
    concurrency: PositiveWhole


class Entitlements(Table):
    """What a plan allows.

    Attributes:
        concurrency: jobs at work at the same time.
        steps: more of them by what was bought ever; the highest that is reached counts.
        slots: jobs at once of certain orders, such as those of one model.
        excess: what happens to one more: it waits, or it is refused.
        weight: how many times the work of an account of weight 1 the backends do for one of this
            plan, in each lane, while more is ordered than they can make.
        allow: per dimension (also model, task, lane and surface) the only values it may have; an
            order of a model without that dimension is not touched.
        max: per dimension of numbers the highest value, where an order has it.
        limits: joint limits; all that match count.
        counts: how much may be ordered in a window of time.
        packs: the packs it may buy: all, none, or these.
        keep_outputs: how long finished videos are kept; for ever where it is left out.
        flags: facts about the result, such as a watermark.
    """

    concurrency: PositiveWhole = 1
    steps: Annotated[tuple[ConcurrencyStep, ...], as_tuple] = Field(alias="step", default=())
    slots: Annotated[tuple[Slots, ...], as_tuple] = Field(alias="slot", default=())
    excess: Literal["wait", "refuse"] = "refuse"
    weight: PositiveWhole = 1
    allow: dict[Word, Allowed] = Field(default_factory=dict)
    max: dict[Word, PositiveWhole] = Field(default_factory=dict)
    limits: Annotated[tuple[Limit, ...], as_tuple] = Field(alias="limit", default=())
    counts: Annotated[tuple[CountLimit, ...], as_tuple] = Field(alias="count", default=())
    packs: bool | Annotated[tuple[Code, ...], as_tuple] = True
    keep_outputs: PeriodText | None = None
    flags: dict[Word, bool] = Field(default_factory=dict)
    ref: Refs = ()
