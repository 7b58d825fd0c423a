"""The earnings statement: what an account earned in a month, and what became of it.

It is drawn from the rewards alone, each of which says when what happened to it, so the statement
of a month that is over says the same whenever it is asked for. What is held back at the end of a
month is what is held back at the beginning of the next:

    opening + earned - granted - forfeited = held back
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http import errors
from billing.partners import selectors
from billing.partners.models import ReferralCode, Reward
from plans import periods
from plans.credits import format_micros
from plans.periods import Window

MONTH: Final = re.compile(r"(20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])")
_GRANTED: Final = (Reward.State.GRANTED, Reward.State.TAKEN_BACK)
_FORFEITED: Final = (Reward.State.REFUSED, Reward.State.VOID)


@dataclass(frozen=True, slots=True)
class Earnings:
    """One account's month in one programme.

    Attributes:
        month: the month of the calendar in the account's zone.
        referred: how many came by its code in it.
        qualified: for how many rewards something was done in it.
        opening_micros: what was held back when it began.
        earned_micros: what was earned in it, whatever became of that.
        granted_micros: what came into the wallet in it.
        forfeited_micros: what was refused in it, or void, for its purchase was given back.
        held_back_micros: what was held back when it ended.
        taken_back_micros: what was taken back in it of what had been granted.
    """

    month: Window
    referred: int
    qualified: int
    opening_micros: int
    earned_micros: int
    granted_micros: int
    forfeited_micros: int
    held_back_micros: int
    taken_back_micros: int


def month_of(account: Account, said: str | None, *, at: datetime) -> Window:
    """Return the month that is said as "2026-11", on the account's calendar; None: that of `at`.

    Raises:
        Malformed: it is no month.
    """
    if said is None:
        return periods.calendar_month(account.zone, at)
    if MONTH.fullmatch(said) is None:
        raise errors.Malformed(
            _('`month` is a year and a month, such as "2026-11".'), parameter="month"
        )
    middle = datetime.fromisoformat(f"{said}-15").replace(tzinfo=UTC)  # in it in every zone
    return periods.calendar_month(account.zone, middle)


def statement(account: Account, code: str, month: Window) -> Earnings:
    """Return what the account earned in that month of the programme, and what became of it."""
    begins, ends = month.starts_at, month.ends_at
    counts = selectors.referrals(account, code).filter(came_at__gte=begins, came_at__lt=ends)
    earned, settled = _within("earned_at", month), _within("settled_at", month)
    granted = settled & Q(state__in=_GRANTED)
    forfeited = settled & Q(state__in=_FORFEITED)
    is_open = Q(earned_at__lt=begins) & (Q(settled_at=None) | Q(settled_at__gte=begins))
    found = selectors.rewards(account, code).aggregate(
        qualified=Count("pk", filter=earned),
        opening=Sum("amount_micros", filter=is_open, default=0),
        earned=Sum("amount_micros", filter=earned, default=0),
        granted=Sum("amount_micros", filter=granted, default=0),
        forfeited=Sum("amount_micros", filter=forfeited, default=0),
        taken_back=Sum("amount_micros", filter=_within("taken_back_at", month), default=0),
    )
    held_back = found["opening"] + found["earned"] - found["granted"] - found["forfeited"]
    return Earnings(
        month=month,
        referred=counts.count(),
        qualified=found["qualified"],
        opening_micros=found["opening"],
        earned_micros=found["earned"],
        granted_micros=found["granted"],
        forfeited_micros=found["forfeited"],
        held_back_micros=held_back,
        taken_back_micros=found["taken_back"],
    )


def written(told: Earnings) -> dict[str, int | str]:
    """Return a statement's figures as they are told outside: amounts in credits."""
    return {
        "referred": told.referred,
        "qualified": told.qualified,
        "opening": format_micros(told.opening_micros),
        "earned": format_micros(told.earned_micros),
        "granted": format_micros(told.granted_micros),
        "forfeited": format_micros(told.forfeited_micros),
        "held_back": format_micros(told.held_back_micros),
        "taken_back": format_micros(told.taken_back_micros),
    }


def lines(account: Account, code: str, month: Window) -> QuerySet[Reward]:
    """Return the rewards to which something happened in that month, or that it held back."""
    touched = (
        _within("earned_at", month) | _within("settled_at", month) | _within("taken_back_at", month)
    )
    is_open = Q(settled_at=None) | Q(settled_at__gte=month.ends_at)
    is_held_back = Q(earned_at__lt=month.starts_at) & is_open
    return (
        selectors.rewards(account, code)
        .filter(touched | is_held_back)
        .select_related("campaign_grant")
    )


def statements(
    code: str, said: str | None, *, is_sandbox: bool, at: datetime
) -> Iterator[tuple[Account, Earnings]]:
    """Yield the statement of each account that has a code of the programme, by the same month.

    Raises:
        Malformed: it is no month.
    """
    having = ReferralCode.objects.filter(programme=code, account__is_sandbox=is_sandbox)
    for one in having.select_related("account").order_by("id").iterator():
        month = month_of(one.account, said, at=at)
        yield one.account, statement(one.account, code, month)


def _within(column: str, month: Window) -> Q:
    return Q(**{f"{column}__gte": month.starts_at, f"{column}__lt": month.ends_at})
