"""Credits and counted units that come with a plan, and the terms on which credits are given."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.matching import Match
from plans.catalog.values import (
    SUBSCRIPTION_END,
    WINDOW_END,
    Clock,
    Code,
    Expiry,
    Instant,
    PeriodText,
    PositiveMicros,
    PositiveWhole,
    Refs,
    Table,
    Text,
    Word,
    Zone,
    as_tuple,
)
from plans.wording import gettext as _

Priority = Annotated[int, Field(ge=0, le=1000)]
Standing = Literal["past_due", "unsubscribed"]


class Terms(Table):
    """On what terms credits are given; a grant keeps those that it was made with.

    Attributes:
        expiry: "window_end", "subscription_end", "never", an ISO period from the grant on, or
            one to the end of its last local day ("P1M@day_end").
        priority: lower is spent first, where the burn order asks for it.
        scope: which orders they pay, as `match` of a rate; empty: all.
        locked_while: they cannot be spent while the account is so.
        source: where the credits come from, as the burn order, the balance and reports call it.
    """

    expiry: Expiry
    priority: Priority = 100
    source: Word = "grant"
    scope: Match = Field(default_factory=dict)
    locked_while: Annotated[tuple[Standing, ...], as_tuple] = ()


class Streak(Table):
    """More credits on the day on which so many days in a row were claimed.

    Attributes:
        days: after how many days in a row.
        credits_micros: how many credits come on top on that day.
        repeats: again each time the number is reached, or once in a row of days.
    """

    days: PositiveWhole
    credits_micros: PositiveMicros = Field(alias="credits")
    repeats: bool = False


class Allowance(Terms):
    """Credits, or counted units, that come with a plan by themselves (auto) or when claimed.

    Attributes:
        cadence: "rolling" windows begin with the first use and last `period`; "once" comes once.
        credits_micros: how many credits; or between `credits_min` and `credits_max` by chance.
        unit: what is counted instead of credits; `amount` says how many a window has: an order
            ("order"), each of its outputs ("output"), or each second of each output ("second").
            `scope` says which orders they pay, and such an order then costs no credits.
        zone: whose days and months count; the account's where it is left out.
        at: the hour at which a day (and the first day of a month) begins.
        anchor: from where months and years are drawn: the instant at which the plan began
            ("start"), the midnight of that day ("day"), or the calendar's first ("calendar").
        short_month: where the anchor's day does not exist: its last day ("clamp"), or the first
            of the month after ("jump").
        fill: add the credits, or fill what is left of the last ones up to them.
        rollover: what becomes of what is left at a window's end: gone, kept for
            `rollover_periods` more windows, up to `rollover_cap` carried over, or kept while
            the subscription lasts.
        streak: more for days claimed in a row.
        per_seat: a window gives so much for each seat of the subscription; without seats, once.
        mode: it comes by itself ("auto"), or when its account checks in ("claimed").
        credits_min_micros, credits_max_micros: the bounds between which chance decides.
        amount: how many counted units a window has.
        period: how long a rolling window lasts.
        rollover_periods: how many more windows the rest is kept for.
        rollover_cap_micros: how much may be carried over into the next window at most; what
            comes new then is not counted, so a cap below `credits` is no mistake.
    """

    code: Code
    cadence: Literal["daily", "weekly", "monthly", "yearly", "rolling", "once"]
    mode: Literal["auto", "claimed"] = "auto"
    credits_micros: PositiveMicros | None = Field(alias="credits", default=None)
    credits_min_micros: PositiveMicros | None = Field(alias="credits_min", default=None)
    credits_max_micros: PositiveMicros | None = Field(alias="credits_max", default=None)
    unit: Literal["credit", "order", "output", "second"] = "credit"
    amount: PositiveWhole | None = None
    name: Text | None = None
    zone: Zone | None = None
    at: Clock = "00:00"
    period: PeriodText | None = None
    anchor: Literal["start", "day", "calendar"] = "start"
    short_month: Literal["clamp", "jump"] = "clamp"
    fill: Literal["add", "set_to"] = "add"
    rollover: Literal["none", "periods", "cap", "while_subscribed"] = "none"
    rollover_periods: Annotated[int, Field(ge=1, le=120)] | None = None
    rollover_cap_micros: PositiveMicros | None = Field(alias="rollover_cap", default=None)
    streak: Annotated[tuple[Streak, ...], as_tuple] = ()
    per_seat: bool = False
    expiry: Expiry = WINDOW_END
    source: Word = "allowance"
    ref: Refs = ()

    @property
    def is_counted(self) -> bool:
        """Whether it gives counted units instead of credits."""
        return self.unit != "credit"

    @property
    def moves_with_account(self) -> bool:
        """Whether another zone of its account moves its windows: days, and dates of a calendar."""
        is_dated = self.cadence in {"weekly", "monthly", "yearly"} and self.anchor != "start"
        return self.zone is None and (self.cadence == "daily" or is_dated)

    def for_seats(self, seats: int) -> "Allowance":
        """Return what it is for so many seats: with as many times its amount, if it is by seat."""
        if not self.per_seat:
            return self
        most = self.rollover_cap_micros
        return self.model_copy(
            update={
                "credits_micros": self.credits_micros and self.credits_micros * seats,
                "amount": self.amount and self.amount * seats,
                "rollover_cap_micros": most and most * seats,
            }
        )

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        ranged = self.credits_min_micros is not None or self.credits_max_micros is not None
        if self.is_counted:
            if self.amount is None or self.credits_micros or ranged:
                raise ValueError(_("counts units: it needs an amount, and no credits."))
            if self.mode == "claimed" or (self.cadence == "once" and self.expiry == WINDOW_END):
                raise ValueError(_("counts units: they come by themselves, in windows of time."))
            if self.rollover != "none" or self.fill != "add" or self.streak:
                raise ValueError(_("counts units: a window's rest is gone at its end."))
            return self
        if self.amount is not None:
            raise ValueError(_("has an amount: say of which unit, or give credits instead."))
        if (self.credits_micros is None) != ranged:
            raise ValueError(_("needs credits, or both credits_min and credits_max."))
        if ranged:
            low, high = self.credits_min_micros, self.credits_max_micros
            if low is None or high is None or low > high:
                raise ValueError(_("needs credits_min and a credits_max that is not below it."))
            if self.mode != "claimed":
                raise ValueError(_("comes by chance, so it must be claimed."))
        return self

    @model_validator(mode="after")
    def _can_be_granted(self) -> Self:
        if self.cadence == "once" and self.expiry == WINDOW_END and not self.is_counted:
            raise ValueError(_('comes once and so has no window: give an expiry ("never", "P1Y").'))
        if self.mode == "claimed" and self.cadence != "daily":
            raise ValueError(_("can be claimed only when its cadence is daily."))
        if (self.cadence == "rolling") != (self.period is not None):
            raise ValueError(_('needs a period, such as "PT24H", exactly when it is rolling.'))
        if self.streak and self.mode != "claimed":
            raise ValueError(_("has a streak, so it must be claimed."))
        return self

    @model_validator(mode="after")
    def _is_the_same_for_each_seat(self) -> Self:
        by_itself = self.mode == "auto" and self.fill == "add" and self.cadence != "rolling"
        if self.per_seat and not by_itself:
            raise ValueError(
                _("comes per seat: by itself, in windows of the calendar, added to what is left.")
            )
        return self

    @model_validator(mode="after")
    def _rolls_over_one_way(self) -> Self:
        if (self.rollover == "periods") != (self.rollover_periods is not None):
            raise ValueError(_('needs rollover_periods exactly when its rollover is "periods".'))
        if (self.rollover == "cap") != (self.rollover_cap_micros is not None):
            raise ValueError(_('needs rollover_cap exactly when its rollover is "cap".'))
        if self.rollover == "none":
            return self
        if self.cadence in {"once", "rolling"} or self.mode == "claimed":
            raise ValueError(_("can roll over only from window to window, by itself."))
        if self.expiry != WINDOW_END or self.fill == "set_to":
            raise ValueError(_("rolls over: its expiry follows from that, and nothing is filled."))
        return self


class Perks(Table):
    """What credits bring along while they last.

    Attributes:
        concurrency: jobs at once, where the plan allows fewer; of several the highest counts.
        concurrency_more: jobs at once on top of that; several add up.
    """

    concurrency: PositiveWhole | None = None
    concurrency_more: PositiveWhole | None = None


class Bonus(Terms):
    """Credits on top of a pack, as a grant of their own with their own terms.

    Attributes:
        credits_micros: how many credits come on top.
    """

    credits_micros: PositiveMicros = Field(alias="credits")
    expiry: Expiry = "never"
    source: Word = "pack_bonus"

    @model_validator(mode="after")
    def _has_no_window(self) -> Self:
        if self.expiry == WINDOW_END:
            raise ValueError(_('has no window: give an expiry ("never", "P2Y").'))
        return self


class Campaign(Terms):
    """Credits given for a reason of its own, out of a budget, by the service or for a code.

    Attributes:
        credits_micros: how many, or between `credits_min` and `credits_max` by chance.
        budget_micros: all that it may give; what would go beyond is refused.
        per_account: how often one account can have it, in each window of `per`.
        plans: only accounts on these plans; empty: all.
        kind: why they are given, for reports and for those who get them.
        credits_min_micros, credits_max_micros: the bounds between which chance decides.
        per: in which window of time `per_account` counts: a day or month on the clocks of the
            account that gets them, or once and for all ("ever").
    """

    code: Code
    name: Text
    kind: Literal["promo", "partner", "event", "referral", "ad_reward", "goodwill", "gift"]
    credits_micros: PositiveMicros | None = Field(alias="credits", default=None)
    credits_min_micros: PositiveMicros | None = Field(alias="credits_min", default=None)
    credits_max_micros: PositiveMicros | None = Field(alias="credits_max", default=None)
    budget_micros: PositiveMicros = Field(alias="budget")
    per_account: PositiveWhole = 1
    per: Literal["ever", "day", "month"] = "ever"
    starts_at: Instant | None = Field(alias="from", default=None)
    ends_at: Instant | None = Field(alias="until", default=None)
    plans: Annotated[tuple[Code, ...], as_tuple] = ()
    expiry: Expiry = "never"
    source: Word = "promo"
    ref: Refs = ()

    @model_validator(mode="after")
    def _says_how_much(self) -> Self:
        low, high = self.credits_min_micros, self.credits_max_micros
        if (self.credits_micros is None) == (low is None and high is None):
            raise ValueError(_("needs credits, or both credits_min and credits_max."))
        if self.credits_micros is None and (low is None or high is None or low > high):
            raise ValueError(_("needs credits_min and a credits_max that is not below it."))
        if self.expiry in {WINDOW_END, SUBSCRIPTION_END}:
            raise ValueError(_('has no window: give an expiry ("never", "P3D").'))
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError(_("ends (until) before it begins (from)."))
        return self
