"""Programmes that reward whoever brings others: what counts, what it earns, and when it comes."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.values import (
    Code,
    Instant,
    PeriodText,
    PositiveShareMicros,
    PositiveWhole,
    Refs,
    Table,
    Text,
)
from plans.wording import gettext as _

PURCHASES: Final = ("first_purchase", "each_purchase")


class Programme(Table):
    """A programme by which accounts bring others, and are rewarded out of a campaign's budget.

    A referral keeps the programme, and the amount of its rewards, as they were when it was made.
    The catalog in force says how far the budgets of the campaigns reach, and on what terms their
    credits are given.

    Attributes:
        kind: every account may invite ("referral"), or only accounts that the platform has
            admitted ("partner").
        when: what earns the reward: that somebody came by the code ("sign_up"), that his first
            video succeeded ("first_video"), his first purchase ("first_purchase") or each one
            ("each_purchase"). A purchase is a pack that was paid for, or a subscription that was
            begun for a price.
        reward: the campaign out of whose budget each reward is paid: its `credits`, or with
            `share` at most those.
        share_micros: the reward is this share of the credits of the pack that was bought, its
            bonus aside; a subscription then earns nothing. Left out: the campaign's `credits`.
        share_max_micros: the highest share that the platform may agree with a partner of its own;
            left out: every partner has `share`.
        welcome: the campaign of which the one who came has a share at once; left out: of none.
        join_within: how long after its account was made somebody can still come by a code.
        within: how long after he came what he does counts.
        holdback: how long a reward waits, so that a purchase that is given back earns nothing.
        max_referrals: how many an account can bring in each window of `per`; left out: any number.
        per: a day or month on the clocks of the one who brings them, or once and for all ("ever").
        exhausted: what becomes of a reward that the campaign's budget does not reach: it waits
            until the budget is raised ("wait"), or is refused for good ("refuse").
        starts_at: from when people can come by its codes.
        ends_at: when they no longer can; the instant itself is outside.
    """

    code: Code
    name: Text
    kind: Literal["referral", "partner"]
    when: Literal["sign_up", "first_video", "first_purchase", "each_purchase"]
    reward: Code
    share_micros: PositiveShareMicros | None = Field(alias="share", default=None)
    share_max_micros: PositiveShareMicros | None = Field(alias="share_max", default=None)
    welcome: Code | None = None
    join_within: PeriodText = "P7D"
    within: PeriodText = "P30D"
    holdback: PeriodText | None = None
    max_referrals: PositiveWhole | None = None
    per: Literal["ever", "day", "month"] = "month"
    exhausted: Literal["wait", "refuse"] = "wait"
    starts_at: Instant | None = Field(alias="from", default=None)
    ends_at: Instant | None = Field(alias="until", default=None)
    ref: Refs = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.share_micros is not None and self.when not in PURCHASES:
            raise ValueError(_("has a share, which only purchases have: see when."))
        if self.share_max_micros is not None:
            if self.kind != "partner" or self.share_micros is None:
                raise ValueError(_('has a share_max, so its kind is "partner" and it has a share.'))
            if self.share_max_micros < self.share_micros:
                raise ValueError(_("has a share above its share_max."))
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError(_("ends (until) before it begins (from)."))
        return self
