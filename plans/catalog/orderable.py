"""What can be ordered: models, their tasks, and what an order may choose."""

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.matching import Match
from plans.catalog.values import (
    DIGITS_MAX,
    Instant,
    ModelCode,
    PeriodText,
    PositiveWhole,
    Refs,
    Scalar,
    Table,
    Text,
    Value,
    Whole,
    Word,
    as_tuple,
    typed,
)
from plans.credits import MICROS, format_micros, parse_micros
from plans.wording import gettext as _

Requirement = Literal["prompt", "image_url", "last_image_url", "video_url", "parent"]
Input = Literal["image_url", "last_image_url", "video_url"]
_ITEMS_MAX: Final = 32


class Dimension(Table):
    """One thing about an order that its model lets the customer choose.

    Either the `values` it may have, or whole numbers from `min` to `max`. Without a `default`
    every order must say it, unless it is `optional` or a `derive` of its model fills it in.

    Attributes:
        values: all that it may be: texts, numbers, or truth values.
        min: the lowest number.
        max: the highest number.
        default: what counts when an order does not say it.
        step: a number must be `min` and a whole number of steps.
        decimal: a number may have decimal places; then it is written in quotes: "10.23".
        items: a list of up to so many numbers; kept as the text "2+3+4", priced by its sum.
        optional: an order may leave it out, and it then has no value.
        input: what goes in that it tells of, and no order may claim otherwise: a truth value is
            true where the order brings it, a number is its length: 1 or more with it, else 0.
        estimated: an order only guesses it, and it is measured: a sender cannot agree to less
            than its highest value costs, and that much is held, as far as the wallet reaches.
    """

    values: Annotated[tuple[Value, ...], as_tuple] | None = Field(default=None, min_length=1)
    min: Whole | None = None
    max: PositiveWhole | None = None
    step: PositiveWhole = 1
    decimal: bool = False
    items: Annotated[int, Field(ge=1, le=_ITEMS_MAX)] | None = None
    default: Value | None = None
    optional: bool = False
    input: Input | None = None
    estimated: bool = False

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
        elif self.decimal or self.items or self.step != 1:
            raise ValueError(_("can have decimal, items and step only with min and max."))
        if self.default is not None and self.optional:
            raise ValueError(_("has a default, so it cannot be optional."))
        if self.default is not None and not self.allows(self.default):
            raise ValueError(_("has a default that it does not allow."))
        return self

    @model_validator(mode="after")
    def _tells_by_the_right_kind(self) -> Self:
        if self.input is not None and (self.kind is str or self.items is not None):
            raise ValueError(_("tells of an input by a truth value or a number."))
        if self.estimated and self.kind is not int:
            raise ValueError(_("is no number, so it cannot be estimated."))
        return self

    @property
    def highest(self) -> Scalar:
        """The highest number that an order may say; of a list as many of them as it may have."""
        numbers = (value for value in self.values or (self.max or 0,) if isinstance(value, int))
        return "+".join([str(max(numbers))] * (self.items or 1)) if self.items else max(numbers)

    def is_of_nothing(self, value: Scalar | None) -> bool:
        """Say whether an order with this value brings nothing that it could measure."""
        return self.input is not None and value in {None, 0}

    @property
    def kind(self) -> type[Scalar]:
        """The type of its values: str, int or bool; lists and decimals are kept as texts."""
        return int if self.values is None else type(self.values[0])

    def allows(self, value: Scalar) -> bool:
        """Say whether an order may have this value, as `canonical` gives it."""
        return self.canonical(value) is not None

    def canonical(self, value: object) -> Scalar | None:
        """Return `value` as an order keeps it, or None when an order may not have it.

        Nothing is converted: "5" is not 5. Of decimals "10.230" is kept as "10.23" and "10.0"
        as 10; the list [2, 3, 4] as "2+3+4".
        """
        if self.values is not None:
            if isinstance(value, (str, int)) and typed(value) in self._known:
                return value
            return None
        if self.items is not None:
            return self._list(value)
        return self._number(value)

    @cached_property
    def _known(self) -> frozenset[tuple[str, Scalar]]:
        return frozenset(typed(value) for value in self.values or ())

    def _list(self, value: object) -> str | None:
        if isinstance(value, str):
            value = [
                int(part) if len(part) <= DIGITS_MAX and part.isascii() and part.isdigit() else part
                for part in value.split("+")
            ]
        if not isinstance(value, (list, tuple)) or not 0 < len(value) <= (self.items or 0):
            return None
        numbers = [self._number(item) for item in value]
        return None if None in numbers else "+".join(str(number) for number in numbers)

    def _number(self, value: object) -> Scalar | None:
        assert self.min is not None, "a range has two ends"
        assert self.max is not None, "a range has two ends"
        if type(value) is int:
            exact = Fraction(value)
        elif self.decimal and isinstance(value, str):
            try:
                exact = Fraction(parse_micros(value), MICROS)
            except ValueError:
                return None
        else:
            return None
        if not self.min <= exact <= self.max:
            return None
        if exact.denominator == 1:
            return int(exact) if (int(exact) - self.min) % self.step == 0 else None
        return format_micros(int(exact * MICROS))


class Parent(Table):
    """Which job an order may continue, and what it takes over from it.

    Attributes:
        match: what the job must have been (its dimensions): `{ draft = true }`.
        within: how long after its end it can be continued.
        inherit: dimensions that count as in that job, whatever else would be the default.
    """

    match: Match = Field(default_factory=dict)
    within: PeriodText | None = None
    inherit: Annotated[tuple[Word, ...], as_tuple] = ()


class Task(Table):
    """One kind of work that a model does.

    Attributes:
        code: the word by which orders call it: "text_to_video".
        dimensions: what differs from the model's own dimensions for this task.
        requires: what an order must bring along: inputs, or the job it continues.
        chain_seconds_max: for a task that continues a job: the seconds of the whole chain.
        parent: for such a task: which jobs, and what is taken over.
    """

    code: Word
    dimensions: dict[Word, Dimension] = Field(default_factory=dict)
    requires: Annotated[tuple[Requirement, ...], as_tuple] = ()
    chain_seconds_max: PositiveWhole | None = None
    parent: Parent | None = None

    @model_validator(mode="after")
    def _continues_something(self) -> Self:
        if self.parent is not None and "parent" not in self.requires:
            raise ValueError(_('says what its parent must be: it needs requires = ["parent"].'))
        return self


class Derive(Table):
    """What follows from what an order says: `when` it has these values, `set` fills others in.

    Attributes:
        when: the values that an order has for this to follow.
        set: the values that follow; an order that says otherwise itself is refused.
    """

    when: dict[Word, Value] = Field(min_length=1)
    set: dict[Word, Value] = Field(min_length=1)


class Model(Table):
    """A video model that can be ordered: its tasks and the dimensions of an order.

    Attributes:
        tasks: the kinds of work that it does; the first is that of an order which names none.
        dimensions: what an order of any of its tasks chooses.
        starts_at: from when it can be ordered.
        ends_at: until when it can be ordered; the instant itself is outside.
        successor: the model to order instead once it is gone.
        derives: dimensions that follow from others, such as pixels from resolution and aspect.
    """

    code: ModelCode
    name: Text
    tasks: Annotated[tuple[Task, ...], as_tuple] = Field(alias="task", min_length=1)
    dimensions: dict[Word, Dimension] = Field(default_factory=dict)
    derives: Annotated[tuple[Derive, ...], as_tuple] = Field(alias="derive", default=())
    starts_at: Instant | None = Field(alias="from", default=None)
    ends_at: Instant | None = Field(alias="until", default=None)
    successor: ModelCode | None = None
    ref: Refs = ()

    def task(self, code: str) -> Task | None:
        """Return the task of that code; None when the model has none."""
        return next((task for task in self.tasks if task.code == code), None)

    def dimensions_of(self, task: Task) -> Mapping[str, Dimension]:
        """Return the dimensions of an order of `task`: the model's, with the task's over them."""
        return {**self.dimensions, **task.dimensions}


class Alias(Table):
    """Another word that an order may use: `key` for the dimension `means`, and its values.

    Values are given as they are written: "true" for true. One that is not listed stays as it is.

    Attributes:
        key: the word that orders use.
        means: the dimension that it stands for.
        values: for words of the platform the value that each stands for.
    """

    key: Word
    means: Word
    values: dict[str, Value] = Field(default_factory=dict)
