"""Who has the free plan's allowances: one free tier for each identity, and so many a day."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plans.catalog.values import PositiveWhole, Table, as_tuple
from plans.wording import gettext as _

Identity = Literal["email", "phone", "card", "device"]


class IpWindow(Table):
    """How many free tiers one address gets in some days, beside its cap of one day.

    Attributes:
        days: how long such a window is; each begins where the one before it ends.
        most: how many free tiers it has for one address.
    """

    days: int = Field(ge=2, le=366)
    most: PositiveWhole


class FreeTier(Table):
    """Who has the allowances of the free plan; without this table everybody has them.

    Days are those of the catalog's zone. Whoever is not admitted keeps the account, what he has
    bought and his paid plans.

    Attributes:
        signals: kinds of identity of which each value gets at most one free tier, ever.
        requires: kinds without which the free tier does not begin.
        per_ip_day: how many free tiers begin from one address (IPv6: one /64) in a day.
        per_ip_window: the same in a longer window.
        per_day: how many free tiers begin in a day, all told.
    """

    signals: Annotated[tuple[Identity, ...], as_tuple] = ()
    requires: Annotated[tuple[Identity | Literal["ip"], ...], as_tuple] = ()
    per_ip_day: PositiveWhole | None = None
    per_ip_window: IpWindow | None = None
    per_day: PositiveWhole | None = None

    @model_validator(mode="after")
    def _is_a_rule(self) -> Self:
        for said in (self.signals, self.requires):
            if len(set(said)) < len(said):
                raise ValueError(_("names a kind twice."))
        by_ip = self.per_ip_day is not None or self.per_ip_window is not None
        if by_ip and "ip" not in self.requires:
            raise ValueError(_('counts by address, so requires must have "ip".'))
        if not (self.signals or self.requires or self.per_day is not None):
            raise ValueError(_("says nothing: name signals, requires or a cap."))
        return self
