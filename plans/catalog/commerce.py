"""Money: how the sale is paid, what past due means, and what a change of plan costs and gives."""

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from plans.catalog.values import Currency, Factor, PeriodText, PositiveMicros, Refs, Table, as_tuple

Method = Literal["card", "alipay", "wechat_pay"]


class Trial(Table):
    """A time on a plan before its first payment; an account has one trial of a catalog, ever.

    Attributes:
        period: how long it lasts.
        credits_micros: what comes with it, once, until its end; left out: what the plan itself
            gives in that time.
    """

    period: PeriodText
    credits_micros: PositiveMicros | None = Field(alias="credits", default=None)
    ref: Refs = ()


class CoolingOff(Table):
    """When a pack can be given back for money: its bonus goes with it, and is never paid for.

    Attributes:
        within: how long after it was bought.
        factor: the share of what was paid for the credits that are left which is paid back.
        unused: only a pack of which nothing was used; otherwise what is left of it counts.
    """

    within: PeriodText
    factor: Factor = Fraction(1)
    unused: bool = True
    ref: Refs = ()


class Payments(Table):
    """How plans and packs are paid for.

    Attributes:
        methods: by currency the ways to pay; cards, where nothing is said.
        coupons: whether buyers may enter promotion codes.
        grace: how long after an unpaid period's begin the account stays on its plan.
        past_due: what the plan gave may be spent meanwhile ("keep"), or not ("freeze").
        cooling_off: when a pack can be given back; left out: it cannot.
    """

    methods: dict[Currency, Annotated[tuple[Method, ...], as_tuple]] = {}
    coupons: bool = False
    grace: PeriodText = "P7D"
    past_due: Literal["keep", "freeze"] = "keep"
    cooling_off: CoolingOff | None = None
    ref: Refs = ()


class Change(Table):
    """How one plan follows another.

    Attributes:
        when: at once, or when the period that is paid for ends.
        credits: of a change at once. "difference": the period goes on, and what the new plan's
            window gives more comes now. "add": a new period begins at the full price, and what
            is left of the old one's credits stays. "replace": a new period begins, what is left
            of the old one's credits goes, and its worth, as it was paid, is taken off the price.
        prorate: of a "difference": its price is that of the rest of the period by "time", or of
            a whole one ("none").
    """

    when: Literal["now", "period_end"]
    credits: Literal["difference", "add", "replace"] = "difference"
    prorate: Literal["time", "none"] = "time"


class ChangePolicy(Table):
    """What a change of plan costs and gives.

    Attributes:
        upgrade: to a plan that costs more, or pays for longer.
        downgrade: to one that costs less.
    """

    upgrade: Change = Change(when="now")
    downgrade: Change = Change(when="period_end")
    ref: Refs = ()
