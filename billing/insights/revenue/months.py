"""A month of deferred revenue: by purchase, and in sum by currency."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.insights.revenue import reading, touched
from billing.insights.revenue.spreading import NOTHING, Standing
from billing.ledger.models import Grant, TransferPart
from billing.payments.models import Dispute, Purchase, Refund
from plans import periods
from plans.periods import Window

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Line:
    """What a month did to one purchase's money.

    Attributes:
        before, after: how it stood when the month began, and when it ended.
        brings_micros: how many credits it brings; what was paid by them is what one has cost.
    """

    purchase: Purchase
    brings_micros: int
    before: Standing
    after: Standing

    @property
    def moved(self) -> Standing:
        """What happened in the month."""
        return self.after.since(self.before)


@dataclass(slots=True)
class Sums:
    """A month in one currency: what was deferred, what came to it and left it, and what is."""

    opening_micros: int = 0
    sold_micros: int = 0
    returned_micros: int = 0
    used_micros: int = 0
    expired_micros: int = 0
    closing_micros: int = 0
    purchases: int = 0

    def add(self, line: Line) -> None:
        """Count a purchase in."""
        moved = line.moved
        self.opening_micros += line.before.deferred_micros
        self.sold_micros += moved.sold_micros
        self.returned_micros += moved.returned_micros
        self.used_micros += moved.used_micros
        self.expired_micros += moved.expired_micros
        self.closing_micros += line.after.deferred_micros
        self.purchases += 1


def month_of(written: str, *, zone: str) -> Window:
    """Return the month "2026-10" of a zone's calendar.

    Raises:
        ValueError: it is no month, or there is no such zone; the message is for its author.
    """
    found = _MONTH.fullmatch(written)
    if found is None or not "2000" <= found[1] < "2200":
        raise ValueError("Write a month as 2026-10.")
    if not periods.is_zone(zone):
        raise ValueError("Write a zone as Asia/Shanghai.")
    middle = datetime(int(found[1]), int(found[2]), 15, tzinfo=ZoneInfo(zone))
    return periods.calendar_month(zone, middle.astimezone(UTC))


def months_until(last: Window, number: int, *, zone: str) -> list[Window]:
    """Return so many months of a zone's calendar, of which `last` is the last."""
    found = [last]
    while len(found) < number:
        before = found[0].starts_at - timedelta(days=1)
        found.insert(0, periods.calendar_month(zone, before))
    return found


def lines_of(month: Window, *, is_sandbox: bool = False) -> Iterator[Line]:
    """Yield what the month did to each purchase that it found or made; those it left at 0 aside.

    It is read from what was written down, so that a month that is over is always told alike.
    """
    for _place, line in _all_lines([month], is_sandbox=is_sandbox):
        yield line


def history_of(months: Sequence[Window], *, is_sandbox: bool = False) -> dict[str, list[Sums]]:
    """Return months that follow each other in sum, by currency; purchases are read once for all."""
    found: dict[str, list[Sums]] = {}
    for place, line in _all_lines(months, is_sandbox=is_sandbox):
        currency = line.purchase.currency
        if currency not in found:
            found[currency] = [Sums() for _month in months]
        found[currency][place].add(line)
    return dict(sorted(found.items()))


def moved_in(window: Window) -> dict[tuple[bool, str], Sums]:
    """Return what a time did to the money of purchases, by whether of the sandbox, and currency.

    Only purchases that it touched are read: what was deferred of others is not in the sums.
    """
    purchases = touched.purchases(window.starts_at, window.ends_at).select_related("account")
    found: dict[tuple[bool, str], Sums] = {}
    for _place, line in _lines([window], purchases):
        whose = line.purchase.account.is_sandbox, line.purchase.currency
        found.setdefault(whose, Sums()).add(line)
    return found


def deferred_at(instant: datetime, *, is_sandbox: bool) -> dict[str, int]:
    """Return what was deferred right before an instant, by currency; all purchases are read."""
    history = history_of([Window("", instant, instant)], is_sandbox=is_sandbox)
    return {currency: one.opening_micros for currency, [one] in history.items()}


def _all_lines(months: Sequence[Window], *, is_sandbox: bool) -> Iterator[tuple[int, Line]]:
    whole = Window(months[0].key, months[0].starts_at, months[-1].ends_at)
    yield from _lines(months, _purchases(whole, is_sandbox=is_sandbox))


def _lines(months: Sequence[Window], purchases: QuerySet[Purchase]) -> Iterator[tuple[int, Line]]:
    """Yield what each month did to each of these purchases, with the month's place."""
    edges = [months[0].starts_at, *(month.ends_at for month in months)]
    for reads, family in reading.chunks(purchases):
        roots = {grant.pk: grant for read in reads for grant in read.grants}.values()
        left = [family.left(roots, at=edge) for edge in edges]
        for read in reads:
            stood = [
                reading.stood(read, each, at=edge) for each, edge in zip(left, edges, strict=True)
            ]
            for place, (before, after) in enumerate(pairwise(stood)):
                line = Line(read.purchase, reading.brings_micros(read), before, after)
                if before.deferred_micros or line.moved != NOTHING:
                    yield place, line


def sums_of(lines: Iterable[Line]) -> dict[str, Sums]:
    """Return the lines in sum, by currency."""
    found: dict[str, Sums] = {}
    for line in lines:
        found.setdefault(line.purchase.currency, Sums()).add(line)
    return dict(sorted(found.items()))


def _purchases(month: Window, *, is_sandbox: bool) -> QuerySet[Purchase]:
    """Return the purchases that the month can have touched; others stand at 0 and stay there.

    What was settled for good before it began is passed over: a pack of which everything is gone,
    and of which nothing has gone on anywhere.
    """
    since = month.starts_at
    was_moved = Q(entries__effective_at__gte=since) | Q(entries__kind__in=["lapse", "revoke"])
    open_grant = Grant.objects.filter(
        Q(pk=OuterRef("pack_purchase__grant")) | Q(pk=OuterRef("pack_purchase__bonus_grant"))
    ).filter(
        Q(pending_micros__gt=0)
        | Q(available_micros__gt=0)
        | Q(held_micros__gt=0)
        | Exists(TransferPart.objects.filter(source=OuterRef("pk")))
        | was_moved
    )
    refund = Refund.objects.filter(
        Q(decided_at__gte=since) | Q(ended_at__gte=since) | Q(requested_at__gte=since),
        purchase=OuterRef("pk"),
    )
    dispute = Dispute.objects.filter(
        Q(opened_at__gte=since) | Q(ended_at__gte=since), purchase=OuterRef("pk")
    )
    return Purchase.objects.filter(
        ~Q(amount_micros=0),
        Q(paid_at__gte=since)
        | Q(pack_purchase=None)
        | Q(pack_purchase__grant=None)
        | Exists(open_grant)
        | Exists(refund)
        | Exists(dispute),
        paid_at__lt=month.ends_at,
        account__is_sandbox=is_sandbox,
    )
