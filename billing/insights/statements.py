"""A month of an account, in credits: what it had, what came and went, and what it has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TextIO

from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.http.spreadsheets import record
from billing.insights import reasons
from billing.insights.reasons import Flow, Reason
from billing.ledger import clocks, selectors
from billing.ledger.models import Wallet
from plans import periods
from plans.credits import format_micros
from plans.periods import Window

_TICK: Final = timedelta(microseconds=1)
_BOUGHT: Final = "pack"
_LENT_OR_SENT: Final = ("transfer", "allotment")


class Section(StrEnum):
    """Where in a statement a movement stands."""

    BOUGHT = "bought"
    GRANTED = "granted"
    RECEIVED = "received"
    USED = "used"
    EXPIRED = "expired"
    TAKEN_BACK = "taken_back"
    SENT = "sent"
    REPAID = "repaid"


_SECTIONS: Final[Mapping[Flow, Section]] = {
    Flow.SPENT: Section.USED,
    Flow.EXPIRED: Section.EXPIRED,
    Flow.TAKEN: Section.TAKEN_BACK,
    Flow.MOVED: Section.SENT,
    Flow.REPAID: Section.REPAID,
}


@dataclass(frozen=True, slots=True)
class Moved:
    """All that moved in one section for one source of credits, or on one model.

    Attributes:
        micros: below zero for what went.
        count: of what was used, how many orders; else how many movements.
    """

    section: Section
    what: str
    micros: int
    count: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of an account by the clocks of its zone.

    What it opened with and all that moved add up to what it closed with: free and set aside.

    Attributes:
        until: the month's end, or now while it goes on.
        is_final: the month is over, so that this is told alike for ever.
        held_micros: what of the closing balance is set aside for orders under way.
    """

    month: Window
    zone: str
    until: datetime
    is_final: bool
    opening_micros: int
    moved: tuple[Moved, ...]
    closing_micros: int
    held_micros: int
    debt_opening_micros: int
    debt_closing_micros: int


def months_of(account: Account) -> list[str]:
    """Return the months of which an account has statements, the newest first."""
    month = periods.calendar_month(account.zone, _now(account))
    found = []
    while month.ends_at > account.created_at:
        found.append(month.key)
        month = periods.calendar_month(account.zone, month.starts_at - _TICK)
    return found


def statement(account: Account, month: str) -> Statement | None:
    """Return the statement of a month "2026-10"; None: the account has none of it.

    Raises:
        Unavailable: the wallet moved each time that it was looked at.
    """
    if month not in months_of(account):
        return None
    year, number = (int(part) for part in month.split("-"))
    middle = datetime(year, number, 15, 12, tzinfo=UTC)
    window = periods.calendar_month(account.zone, middle)
    now = _now(account)
    is_final = now >= window.ends_at
    at = window.ends_at - _TICK if is_final else now
    told = reasons.story(account, as_of=at, since=window.starts_at)
    balance = told.balance if told is not None else None
    return Statement(
        month=window,
        zone=account.zone,
        until=window.ends_at if is_final else now,
        is_final=is_final,
        opening_micros=told.opening_micros if told is not None else 0,
        moved=_moved(told.reasons if told is not None else ()),
        closing_micros=balance.available_micros + balance.held_micros if balance else 0,
        held_micros=balance.held_micros if balance else 0,
        debt_opening_micros=_debt_micros(account, before=window.starts_at),
        debt_closing_micros=balance.debt_micros if balance else 0,
    )


def said(section: Section) -> str:
    """Return what a section is called, in the language of the one who asks."""
    return {
        Section.BOUGHT: _("Bought"),
        Section.GRANTED: _("Granted"),
        Section.RECEIVED: _("Received from other accounts"),
        Section.USED: _("Used"),
        Section.EXPIRED: _("Expired"),
        Section.TAKEN_BACK: _("Taken back"),
        Section.SENT: _("Sent to other accounts"),
        Section.REPAID: _("Paid for debts"),
    }[section]


def write(told: Statement, out: TextIO) -> None:
    """Write a statement as CSV, in the language of the one who asks."""
    out.write(record([_("section"), _("of what"), _("count"), _("credits")]))
    out.write(record([_("Opening balance"), "", "", format_micros(told.opening_micros)]))
    out.writelines(
        record([said(one.section), one.what, one.count, format_micros(one.micros)])
        for one in told.moved
    )
    out.write(record([_("Closing balance"), "", "", format_micros(told.closing_micros)]))
    out.write(record([_("of which set aside"), "", "", format_micros(told.held_micros)]))
    out.write(record([_("Debt before"), "", "", format_micros(told.debt_opening_micros)]))
    out.write(record([_("Debt after"), "", "", format_micros(told.debt_closing_micros)]))


def _moved(found: tuple[Reason, ...]) -> tuple[Moved, ...]:
    """Return the reasons by section, the largest of each first; causes are told together."""
    sums: dict[tuple[Section, str], tuple[int, int]] = {}
    for reason in found:
        key = (_section_of(reason), reason.what)
        micros, count = sums.get(key, (0, 0))
        sums[key] = (micros + reason.micros, count + reason.count)
    order = list(Section)
    return tuple(
        Moved(section, what, micros, count)
        for (section, what), (micros, count) in sorted(
            sums.items(), key=lambda one: (order.index(one[0][0]), -abs(one[1][0]), one[0][1])
        )
    )


def _section_of(reason: Reason) -> Section:
    if reason.flow != Flow.CAME:
        return _SECTIONS[reason.flow]
    if reason.cause == _BOUGHT:
        return Section.BOUGHT
    return Section.RECEIVED if reason.cause in _LENT_OR_SENT else Section.GRANTED


def _debt_micros(account: Account, *, before: datetime) -> int:
    """Return what was owed right before an instant."""
    wallet = Wallet.objects.filter(account=account, created_at__lt=before).first()
    if wallet is None:
        return 0
    return selectors.balance(wallet, as_of=before - _TICK).debt_micros


def _now(account: Account) -> datetime:
    return clocks.clock_of(account) or clocks.database_now()


def lines_of(told: Statement, section: Section) -> Iterator[Moved]:
    """Yield what moved in one section."""
    yield from (one for one in told.moved if one.section == section)
