"""What a catalog file may say. Frozen and strict: a loaded catalog is a value, never a record."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.rates import AnyRate, Rate
from plans.catalog.values import (
    NEVER,
    WINDOW_END,
    BurnKey,
    Code,
    Currency,
    Expiry,
    PeriodText,
    PositiveMicros,
    PositiveWhole,
    Scalar,
    ShareMicros,
    Table,
    Text,
    Value,
    Whole,
    Word,
    Zone,
    as_tuple,
    typed,
)
from plans.credits import MICROS
from plans.wording import gettext as _

ERROR_CLASSES = (
    "backend_error",
    "timeout",
    "moderation_input",
    "moderation_output",
    "invalid_input",
    "canceled_queued",
    "canceled_running",
    "rejected",
)
Requirement = Literal["prompt", "image_url", "last_image_url", "video_url", "parent"]
Priority = Annotated[int, Field(ge=0, le=1000)]


class Credit(Table):
    """The unit of everything here, and the one place where a price is rounded.

    Attributes:
        decimals: places to which a price is rounded.
        rounding: which way.
        rounding_at: the price of one output, before it is multiplied by the count ("output"),
            or the price of the whole order ("order").
    """

    name: Text
    decimals: int = Field(ge=0, le=6, default=0)
    rounding: Literal["up", "down", "half_up", "half_even"] = "up"
    rounding_at: Literal["output", "order"] = "output"


class Dimension(Table):
    """One thing about an order that its model lets the customer choose.

    Either the `values` it may have, or whole numbers from `min` to `max`. Without a `default`
    every order must say it.
    """

    values: Annotated[tuple[Value, ...], as_tuple] | None = Field(default=None, min_length=1)
    min: Whole | None = None
    max: PositiveWhole | None = None
    default: Value | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.values is None) == (self.min is None or self.max is None):
            raise ValueError(_("needs either values, or both min and max."))
        if self.values is None:
            if self.max is not None and self.min is not None and self.min > self.max:
                raise ValueError(_("has a min above its max."))
        elif self.min is not None or self.max is not None:
            raise ValueError(_("needs either values, or both min and max."))
        elif len({typed(value) for value in self.values}) < len(self.values):
            raise ValueError(_("lists a value twice."))
        elif len({type(value) for value in self.values}) > 1:
            raise ValueError(_("mixes texts, numbers and truth values."))
        if self.default is not None and not self.allows(self.default):
            raise ValueError(_("has a default that it does not allow."))
        return self

    @property
    def kind(self) -> type[Scalar]:
        """The type of its values: str, int or bool."""
        return int if self.values is None else type(self.values[0])

    def allows(self, value: Scalar) -> bool:
        """Say whether an order may have this value."""
        if type(value) is not self.kind:
            return False
        if self.values is not None:
            return value in self.values
        assert isinstance(value, int), "a range is of whole numbers"
        assert self.min is not None, "a range has two ends"
        assert self.max is not None, "a range has two ends"
        return self.min <= value <= self.max


class Task(Table):
    """One kind of work that a model does.

    Attributes:
        dimensions: what differs from the model's own dimensions for this task.
        requires: what an order must bring along: inputs, or the job it continues.
        chain_seconds_max: for a task that continues a job: the seconds of the whole chain.
    """

    code: Word
    dimensions: dict[Word, Dimension] = Field(default_factory=dict)
    requires: Annotated[tuple[Requirement, ...], as_tuple] = ()
    chain_seconds_max: PositiveWhole | None = None


class Model(Table):
    """A video model that can be ordered: its tasks and the dimensions of an order."""

    code: Code
    name: Text
    tasks: Annotated[tuple[Task, ...], as_tuple] = Field(alias="task", min_length=1)
    dimensions: dict[Word, Dimension] = Field(default_factory=dict)

    def task(self, code: str) -> Task | None:
        """Return the task of that code; None when the model has none."""
        return next((task for task in self.tasks if task.code == code), None)

    def dimensions_of(self, task: Task) -> Mapping[str, Dimension]:
        """Return the dimensions of an order of `task`: the model's, with the task's over them."""
        return {**self.dimensions, **task.dimensions}


class PlanPrice(Table):
    """What a plan or pack costs in one currency: list price, and what is really asked."""

    currency: Currency
    interval: PeriodText | None = None
    list_micros: PositiveMicros = Field(alias="list")
    first_micros: PositiveMicros | None = Field(alias="first", default=None)
    renewal_micros: PositiveMicros | None = Field(alias="renewal", default=None)


class Allowance(Table):
    """Credits that come with a plan, by themselves (auto) or when claimed.

    Attributes:
        zone: whose days and months count; the catalog's when None.
        expiry: "window_end", "never" or an ISO period from the grant on.
        priority: lower is spent first, where the burn order asks for it.
    """

    code: Code
    cadence: Literal["daily", "monthly", "once"]
    mode: Literal["auto", "claimed"] = "auto"
    credits_micros: PositiveMicros = Field(alias="credits")
    zone: Zone | None = None
    rollover: Literal["none"] = "none"
    expiry: Expiry = WINDOW_END
    priority: Priority = 100
    source: Word = "allowance"

    @model_validator(mode="after")
    def _can_be_granted(self) -> Self:
        if self.cadence == "once" and self.expiry == WINDOW_END:
            raise ValueError(_('comes once and so has no window: give an expiry ("never", "P1Y").'))
        if self.mode == "claimed" and self.cadence != "daily":
            raise ValueError(_("can be claimed only when its cadence is daily."))
        return self


class Entitlements(Table):
    """What a plan allows.

    Attributes:
        concurrency: jobs at work at the same time.
        excess: what happens to one more: it waits, or it is refused.
        allow: per dimension (also model and task) the only values that may be ordered.
        max: per dimension of whole numbers the highest value.
        flags: facts about the result, such as a watermark.
    """

    concurrency: PositiveWhole = 1
    excess: Literal["wait", "refuse"] = "refuse"
    allow: dict[Word, Annotated[tuple[Value, ...], as_tuple]] = Field(default_factory=dict)
    max: dict[Word, PositiveWhole] = Field(default_factory=dict)
    flags: dict[Word, bool] = Field(default_factory=dict)


class Plan(Table):
    """What an account can be on; plans stand in the file from the smallest to the largest."""

    code: Code
    name: Text
    free: bool = False
    prices: Annotated[tuple[PlanPrice, ...], as_tuple] = ()
    allowances: Annotated[tuple[Allowance, ...], as_tuple] = Field(alias="allowance", default=())
    entitlements: Entitlements = Entitlements()

    @model_validator(mode="after")
    def _is_free_or_priced(self) -> Self:
        if self.free == bool(self.prices):
            raise ValueError(_("needs prices, or free = true, and not both."))
        if any(price.interval is None for price in self.prices):
            raise ValueError(_('needs an interval, such as "P1M", in each of its prices.'))
        if sum(one.mode == "claimed" for one in self.allowances) > 1:
            raise ValueError(_("has more than one allowance to claim: a check-in claims one."))
        return self


class Bonus(Table):
    """Credits on top of a pack, as a grant of their own with their own end."""

    credits_micros: PositiveMicros = Field(alias="credits")
    expiry: Expiry = NEVER
    priority: Priority = 100
    source: Word = "pack_bonus"


class Pack(Table):
    """Credits bought once."""

    code: Code
    name: Text
    prices: Annotated[tuple[PlanPrice, ...], as_tuple] = Field(min_length=1)
    credits_micros: PositiveMicros = Field(alias="credits")
    expiry: Expiry = NEVER
    priority: Priority = 100
    source: Word = "pack"
    bonus: Bonus | None = None

    @model_validator(mode="after")
    def _has_no_window(self) -> Self:
        if WINDOW_END in (self.expiry, self.bonus.expiry if self.bonus else None):
            raise ValueError(_('has no window: give an expiry ("never", "P2Y").'))
        if any(price.interval is not None for price in self.prices):
            raise ValueError(_("is bought once: its prices have no interval."))
        return self


class Charges(Table):
    """The share of the held price that is kept when a job ends badly, by its error class."""

    backend_error: ShareMicros = 0
    timeout: ShareMicros = 0
    moderation_input: ShareMicros = 0
    moderation_output: ShareMicros = 0
    invalid_input: ShareMicros = 0
    canceled_queued: ShareMicros = 0
    canceled_running: ShareMicros = 0
    rejected: ShareMicros = 0


class FailurePolicy(Table):
    """What a failed job costs, by error class and model; nothing, unless the file says so."""

    charge: Charges = Charges()
    models: dict[Code, Charges] = Field(default_factory=dict)

    def kept_micros(self, *, held_micros: int, error_class: str, model: str) -> int:
        """Return how much of a hold is captured after a failure; the rest is released.

        Rounded down to the micro: in doubt for the customer.
        """
        assert error_class in ERROR_CLASSES, f"unknown error class {error_class}"
        assert held_micros >= 0, "a hold is not negative"
        own = self.models.get(model)
        charges = own if own is not None and error_class in own.model_fields_set else self.charge
        share_micros: int = getattr(charges, error_class)
        return held_micros * share_micros // MICROS


class Catalog(Table):
    """Everything that is for sale under one name, and the rules by which it is sold."""

    schema_version: Literal[1] = Field(alias="schema")
    slug: Code
    title: Text
    zone: Zone
    credit: Credit
    burn_order: Annotated[tuple[BurnKey, ...], as_tuple] = Field(min_length=1)
    expiry_in_flight: Literal["expire"] = "expire"
    late_success: Literal["deliver_free"] = "deliver_free"
    failure_policy: FailurePolicy = FailurePolicy()
    plans: Annotated[tuple[Plan, ...], as_tuple] = Field(alias="plan", min_length=1)
    packs: Annotated[tuple[Pack, ...], as_tuple] = Field(alias="pack", default=())
    models: Annotated[tuple[Model, ...], as_tuple] = Field(alias="model", min_length=1)
    rates: Annotated[tuple[Rate, ...], as_tuple] = Field(alias="rate", min_length=1)

    def plan(self, code: str) -> Plan | None:
        """Return the plan of that code; None when there is none."""
        return next((plan for plan in self.plans if plan.code == code), None)

    @property
    def free_plan(self) -> Plan | None:
        """The plan of an account that pays nothing; None when there is none."""
        return next((plan for plan in self.plans if plan.free), None)

    def pack(self, code: str) -> Pack | None:
        """Return the pack of that code; None when there is none."""
        return next((pack for pack in self.packs if pack.code == code), None)

    def model(self, code: str) -> Model | None:
        """Return the model of that code; None when there is none."""
        return self._models.get(code)

    def rates_for(self, model: str) -> tuple[AnyRate, ...]:
        """Return the rows that can price orders of `model`, the narrowest first."""
        return self._rates_by_model.get(model, ())

    @cached_property
    def _models(self) -> Mapping[str, Model]:
        return {model.code: model for model in self.models}

    @cached_property
    def _rates_by_model(self) -> Mapping[str, tuple[AnyRate, ...]]:
        narrow_first = sorted(self.rates, key=lambda rate: rate.specificity, reverse=True)
        return {
            code: tuple(
                rate
                for rate in narrow_first
                if typed(code) in rate.constraints.get("model", (typed(code),))
            )
            for code in self._models
        }
