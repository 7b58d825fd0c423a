"""What is sold: plans and packs, with their prices."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.allowances import Allowance, Bonus, Perks, Terms
from plans.catalog.commerce import Trial
from plans.catalog.rights import Entitlements
from plans.catalog.values import (
    NEVER,
    WINDOW_END,
    Code,
    Currency,
    Expiry,
    Instant,
    PeriodText,
    PositiveMicros,
    PositiveWhole,
    Refs,
    Table,
    Text,
    Word,
    as_tuple,
)
from plans.wording import gettext as _


class PlanPrice(Table):
    """What a plan or pack costs in one currency: list price, and what is really asked.

    Attributes:
        list_micros: the list price, in money; it is what is asked where nothing else is said.
        first_micros: what is asked for the first period instead.
        renewal_micros: what is asked for each further period instead.
        interval: the ISO period that it pays for; none for a pack.
        book: only for accounts of this price book.
        starts_at: from when it is asked; a price that begins later is an announced one.
        ends_at: until when it is asked; the instant itself is outside.
    """

    currency: Currency
    interval: PeriodText | None = None
    list_micros: PositiveMicros = Field(alias="list")
    first_micros: PositiveMicros | None = Field(alias="first", default=None)
    renewal_micros: PositiveMicros | None = Field(alias="renewal", default=None)
    book: Code | None = None
    starts_at: Instant | None = Field(alias="from", default=None)
    ends_at: Instant | None = Field(alias="until", default=None)
    ref: Refs = ()


class Plan(Table):
    """What an account can be on; plans stand in the file from the smallest to the largest.

    Attributes:
        free: it costs nothing, and is the plan of every account that has no other.
        prices: what it costs, by currency and interval.
        allowances: the credits and counted units that come with it.
        entitlements: what it allows; left out, everything, one job at a time.
        existing: whether those who are on it already keep what they were sold, or move to what
            this file says at `moves_at` (or at once).
        seats_min: of a plan that is sold by seats: the fewest of them.
        seats_max: the most seats of it.
        starts_at: from when it can be chosen.
        ends_at: until when it can be chosen; who is on it stays.
        moves_at: from when they have moved; only with `existing = "move"`.
        trial: a time on it before the first payment; only of a plan with prices.
        unpriced: no price is published; the platform's server puts accounts on it.
    """

    code: Code
    name: Text
    free: bool = False
    prices: Annotated[tuple[PlanPrice, ...], as_tuple] = ()
    allowances: Annotated[tuple[Allowance, ...], as_tuple] = Field(alias="allowance", default=())
    entitlements: Entitlements = Entitlements()
    existing: Literal["keep", "move"] = "keep"
    moves_at: Instant | None = None
    trial: Trial | None = None
    seats_min: PositiveWhole | None = None
    seats_max: PositiveWhole | None = None
    starts_at: Instant | None = Field(alias="from", default=None)
    ends_at: Instant | None = Field(alias="until", default=None)
    unpriced: bool = False
    ref: Refs = ()

    @property
    def is_by_seats(self) -> bool:
        """Whether it is sold by seats."""
        return self.seats_min is not None or self.seats_max is not None

    def for_seats(self, seats: int | None) -> "Plan":
        """Return what it is for so many seats; None: for one that has none."""
        if seats is None or not any(one.per_seat for one in self.allowances):
            return self
        given = tuple(one.for_seats(seats) for one in self.allowances)
        return self.model_copy(update={"allowances": given})

    @model_validator(mode="after")
    def _is_free_or_priced(self) -> Self:
        if sum((self.free, bool(self.prices), self.unpriced)) != 1:
            raise ValueError(
                _("needs prices, or free = true, or unpriced = true where no price is known.")
            )
        if self.trial is not None and not self.prices:
            raise ValueError(_("has a trial, so it needs prices: what follows is paid for."))
        if any(price.interval is None for price in self.prices):
            raise ValueError(_('needs an interval, such as "P1M", in each of its prices.'))
        if sum(one.mode == "claimed" for one in self.allowances) > 1:
            raise ValueError(_("has more than one allowance to claim: a check-in claims one."))
        if self.moves_at is not None and self.existing != "move":
            raise ValueError(_('has a moves_at, so existing must be "move".'))
        if self.seats_min and self.seats_max and self.seats_min > self.seats_max:
            raise ValueError(_("has a seats_min above its seats_max."))
        if any(one.per_seat for one in self.allowances) and not self.is_by_seats:
            raise ValueError(_("gives something per seat: it needs a seats_min or a seats_max."))
        return self


class Pack(Terms):
    """Credits bought once.

    Attributes:
        prices: none where the vendor publishes none; then it is sold by the platform's server.
        activate_within: it is not in effect when it is bought, but when its buyer activates it,
            and at the end of this period at the latest; its expiry counts from there.
        quantity_min: how many of it are bought at once at least.
        quantity_max: how many of it may be bought at once at most.
        perks: what it brings along while its credits last.
        credits_micros: how many credits it brings.
        bonus: more credits on top, a grant with terms of their own.
    """

    code: Code
    name: Text
    prices: Annotated[tuple[PlanPrice, ...], as_tuple] = ()
    credits_micros: PositiveMicros = Field(alias="credits")
    expiry: Expiry = NEVER
    source: Word = "pack"
    bonus: Bonus | None = None
    perks: Perks = Perks()
    activate_within: PeriodText | None = None
    quantity_min: PositiveWhole = 1
    quantity_max: PositiveWhole = 10_000
    starts_at: Instant | None = Field(alias="from", default=None)
    ends_at: Instant | None = Field(alias="until", default=None)
    ref: Refs = ()

    @model_validator(mode="after")
    def _has_no_window(self) -> Self:
        if self.expiry == WINDOW_END:
            raise ValueError(_('has no window: give an expiry ("never", "P2Y").'))
        if any(price.interval is not None for price in self.prices):
            raise ValueError(_("is bought once: its prices have no interval."))
        if self.quantity_min > self.quantity_max:
            raise ValueError(_("has a quantity_min above its quantity_max."))
        return self
