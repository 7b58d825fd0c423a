"""The rules of a sale: failures, overruns, partial results, lanes, and the end of a product."""

import math
from fractions import Fraction
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.allowances import Terms
from plans.catalog.matching import Hours, Match
from plans.catalog.values import (
    NEVER,
    WINDOW_END,
    Code,
    Currency,
    DateText,
    Expiry,
    Factor,
    Instant,
    ModelCode,
    PeriodText,
    PositiveMicros,
    Refs,
    ShareMicros,
    Table,
    Text,
    Whole,
    Word,
    as_tuple,
)
from plans.credits import MICROS
from plans.wording import gettext as _

SHARES_MAX: Final = 50  # of all lanes; so that one that is behind its share has it soon
ERROR_CLASSES: Final = (
    "backend_error",
    "timeout",
    "moderation_input",
    "moderation_output",
    "invalid_input",
    "canceled_queued",
    "canceled_running",
    "rejected",
)
# Names that a rate may match and no order chooses: facts of the account and of the moment.
MONTH_COUNT: Final = "month_count"
CONTEXT: Final = ("plan", "surface", "region", "currency", "book", MONTH_COUNT)


class Charges(Table):
    """The share of the held price that is kept when a job ends badly, by its error class.

    Attributes:
        backend_error: the backend failed.
        timeout: it took longer than it may.
        moderation_input: what was sent in was refused by moderation.
        moderation_output: what came out was refused by moderation.
        invalid_input: the backend could not use what was sent in.
        canceled_queued: its customer canceled it before it was at work.
        canceled_running: its customer canceled it when it was at work.
        rejected: the backend did not take it.
    """

    backend_error: ShareMicros = 0
    timeout: ShareMicros = 0
    moderation_input: ShareMicros = 0
    moderation_output: ShareMicros = 0
    invalid_input: ShareMicros = 0
    canceled_queued: ShareMicros = 0
    canceled_running: ShareMicros = 0
    rejected: ShareMicros = 0


class FailurePolicy(Table):
    """What a failed job costs, by error class and model; nothing, unless the file says so.

    Attributes:
        charge: the shares for all models.
        models: by model its own shares; an error class that it leaves out is as above.
    """

    charge: Charges = Charges()
    models: dict[ModelCode, Charges] = Field(default_factory=dict)
    ref: Refs = ()

    def kept_micros(self, *, held_micros: int, error_class: str, model: str) -> int:
        """Return how much of a hold is captured after a failure; the rest is released.

        Rounded down to the micro: in doubt for the customer.
        """
        assert held_micros >= 0, "a hold is not negative"
        share = self.kept_share(error_class=error_class, model=model)
        return math.floor(held_micros * share)

    def kept_share(self, *, error_class: str, model: str) -> Fraction:
        """Return which share of the price, and of counted units, is kept after a failure."""
        assert error_class in ERROR_CLASSES, f"unknown error class {error_class}"
        own = self.models.get(model)
        charges = own if own is not None and error_class in own.model_fields_set else self.charge
        return Fraction(getattr(charges, error_class), MICROS)


class Overrun(Table):
    """How an order is settled when the backend has measured what it really took.

    Attributes:
        settle_by: the price that was quoted, or the price of what was measured.
        measured: for each dimension, the name under which the backend's usage reports it.
        models: only orders of these are settled by usage and held with the factor; the others
            as quoted. Empty: all.
        hold_factor: how much more than the quoted price is held, where the wallet has it.
        policy: when the real price is above the hold: the hold is all that is taken ("cap"), more
            is taken from what is free, as far as it reaches ("more"), or what the wallet does not
            have even so is owed, up to the maximum that the sender has agreed to ("debt").
    """

    settle_by: Literal["quote", "usage"] = "quote"
    measured: dict[Word, Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default_factory=dict
    )
    models: Annotated[tuple[ModelCode, ...], as_tuple] = ()
    hold_factor: Factor = Fraction(1)
    policy: Literal["cap", "more", "debt"] = "cap"
    ref: Refs = ()

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if (self.settle_by == "usage") != bool(self.measured):
            raise ValueError(_('needs measured exactly when it settles by "usage".'))
        if self.hold_factor < 1:
            raise ValueError(_("needs a hold_factor of 1 or more."))
        if self.settle_by == "quote" and self.hold_factor != 1:
            raise ValueError(_('has a hold_factor, so it must settle by "usage".'))
        if self.settle_by == "quote" and self.models:
            raise ValueError(_('names models, so it must settle by "usage".'))
        return self

    def settles_by_usage(self, model: object) -> bool:
        """Say whether an order of that model costs what was measured."""
        return self.settle_by == "usage" and (not self.models or model in self.models)


class Lane(Table):
    """One way through the queue.

    Attributes:
        priority: lower goes first.
        share: of a hundred jobs that a backend starts at least so many are of this lane, while it
            has jobs waiting: none starves behind those of a lower priority. All lanes' shares
            together are at most 50.
        hours: work is handed to a backend only in these hours; an order waits for them.
        deliver_within: by when it is handed to a backend, counted from the order, or from when its
            hours begin if they have not; what was not is given back. It does not say by when the
            video is ready.
    """

    code: Word
    name: Text
    priority: Whole = 100
    share: Annotated[int, Field(ge=1, le=SHARES_MAX)] = 5
    hours: Hours | None = None
    deliver_within: PeriodText | None = None


class Book(Table):
    """A price book: what accounts of these regions and currencies pay by, and in which unit.

    An account's book is the first that fits it; a rate that matches `book` is of that one only.
    An account whose region (or currency) is not known fits every region (or currency), so it pays
    by the first book: the home market stands first, and is bounded.

    Attributes:
        unit: what its amounts are called, where that is not the credit's name.
        regions: of which accounts it is; of none named: of all. A region exists when a book
            names it.
        currencies: of which accounts it is; of none named: of all.
    """

    code: Code
    unit: Text | None = None
    regions: Annotated[tuple[Code, ...], as_tuple] = ()
    currencies: Annotated[tuple[Currency, ...], as_tuple] = ()

    def fits(self, *, region: str | None, currency: str | None) -> bool:
        """Say whether an account of that region and currency pays by it; None is any."""
        return (region is None or not self.regions or region in self.regions) and (
            currency is None or not self.currencies or currency in self.currencies
        )


class Conversion(Terms):
    """The end of a product: at `at`, what is left of some grants becomes other credits.

    Attributes:
        at: when it happens.
        from_sources: grants of these sources are converted; none that was made after `at`.
        match_scope: of them only those whose scope is exactly this; empty: whatever it is.
        factor: how many new credits one old one becomes, rounded down to the micro.
    """

    code: Code
    name: Text
    at: Instant
    from_sources: Annotated[tuple[Word, ...], as_tuple] = Field(min_length=1)
    match_scope: Match = Field(default_factory=dict)
    factor: Factor
    expiry: Expiry = NEVER

    @model_validator(mode="after")
    def _has_no_window(self) -> Self:
        if self.expiry == WINDOW_END:
            raise ValueError(_('has no window: give an expiry ("never", "P1Y").'))
        return self


class Worth(Table):
    """What one credit is worth in money, where nothing better is known: for reports.

    Attributes:
        amount_micros: the money.
    """

    amount_micros: PositiveMicros = Field(alias="amount")
    currency: Currency


class Source(Table):
    """Where a fact of this file comes from.

    Attributes:
        at: the address, or where else it can be read.
        grade: A the vendor's own page, B a machine copy or a reseller's list, C a third party,
            D weak, S the project's founding article; "ours" what nobody says and we decided.
        date: when it was read, or of when it is: a year, a month or a day.
    """

    at: Annotated[str, Field(min_length=1, max_length=300)]
    grade: Literal["A", "B", "C", "D", "S", "ours"]
    date: DateText | None = None
