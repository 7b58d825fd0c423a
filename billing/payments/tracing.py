"""Which payments have brought the credits and the time of a period, through changes of plan. Pure.

A stretch is the part of a period that one subscription had; a change of plan begins another. Of
each stretch the shares say how its credits are divided among the payments, by their ids. They add
up to one, or to less where something of it was paid by nobody who could have it back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from itertools import groupby

from billing.payments import clawing

Shares = Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a subscription had of a period.

    Attributes:
        began_at: when the subscription began: after its period did, where it took another's place.
    """

    subscription: str
    starts_at: datetime
    ends_at: datetime
    began_at: datetime


@dataclass(frozen=True, slots=True)
class Carried:
    """What of a payment was taken off the price of another plan, in millionths of the currency.

    Attributes:
        of_micros: what of the whole payment had stayed by then.
    """

    micros: int
    of_micros: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of plan at once, that was paid.

    Attributes:
        purchase: its payment; empty: nothing was due.
        worth_micros: what was taken off its price.
        keep: of a period that goes on: which share of its credits had been paid for before.
        carried: what was taken off its price, by payment.
    """

    purchase: str
    due_micros: int
    begins_anew: bool
    worth_micros: int = 0
    keep: Fraction = Fraction(1)
    carried: Mapping[str, Carried] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """All that is known of what was paid for by one contract.

    Attributes:
        stretches: in any order.
        paid: the payments for whole periods, by subscription and begin.
        changes: by the subscription that began with each.
    """

    stretches: Sequence[Stretch]
    paid: Mapping[tuple[str, datetime], str]
    changes: Mapping[str, Change] = field(default_factory=dict)

    def families(self) -> Iterable[tuple[datetime, list[Stretch]]]:
        """Yield the stretches of each period, in the order in which they followed each other.

        A change that begins anew begins another period, be it in the second of the one before:
        those begin on whole seconds.
        """
        ordered = sorted(
            self.stretches, key=lambda one: (one.starts_at, one.began_at, one.subscription)
        )
        for starts_at, family in groupby(ordered, key=lambda one: one.starts_at):
            period: list[Stretch] = []
            for stretch in family:
                change = self.opened_by(stretch)
                if period and change is not None and change.begins_anew:
                    yield starts_at, period
                    period = []
                period.append(stretch)
            yield starts_at, period

    def opened_by(self, stretch: Stretch) -> Change | None:
        """Return the change of plan with which a stretch began; None: with none."""
        change = self.changes.get(stretch.subscription)
        if change is None:
            return None
        if change.begins_anew:
            own = [one for one in self.stretches if one.subscription == stretch.subscription]
            return change if stretch == min(own, key=lambda one: one.starts_at) else None
        return change if stretch.starts_at <= stretch.began_at < stretch.ends_at else None


def trace(line: Line) -> dict[Stretch, Shares]:
    """Return how the credits of each stretch are divided among the payments of a contract."""
    found: dict[Stretch, Shares] = {}
    paid_at = {starts_at: key for (_subscription, starts_at), key in line.paid.items()}
    for starts_at, family in line.families():
        before = _whole(paid_at.get(starts_at, ""))
        for stretch in family:
            own = line.paid.get((stretch.subscription, starts_at))
            change = line.opened_by(stretch)
            if change is not None:
                before = _changed(change, before)
            elif own is not None:
                before = _whole(own)
            found[stretch] = before
    return found


def payers(line: Line) -> dict[datetime, list[str]]:
    """Return who has paid for the time of each period, by its begin: of two, for the later.

    Who pays for more of a period that goes on buys credits: its time is paid for already.
    """
    shares = trace(line)
    return {starts_at: [*shares[family[0]]] for starts_at, family in line.families()}


def money(line: Line, starts_at: datetime, stays: Mapping[str, int]) -> dict[str, int]:
    """Return what was paid for a period and has stayed, with what was carried over, by payment.

    Args:
        starts_at: of two periods that begin there the later is meant.
        stays: what of each payment has not gone back.
    """
    found: dict[str, int] = {}
    nothing: list[Stretch] = []
    *before, family = [nothing, *(period for at, period in line.families() if at == starts_at)]
    gone = {one.subscription for period in before for one in period}
    keys = {key for (which, at), key in line.paid.items() if at == starts_at and which not in gone}
    for change in filter(None, (line.opened_by(stretch) for stretch in family)):
        keys |= {change.purchase} - {""}
        for key, part in change.carried.items():
            left = stayed_micros(part, stays.get(key, 0))
            found[key] = found.get(key, 0) + left
    for key in keys:
        found[key] = found.get(key, 0) + stays.get(key, 0)
    return {key: micros for key, micros in found.items() if micros}


def stayed_micros(carried: Carried, stays_micros: int) -> int:
    """Return what has stayed of what was carried over of a payment: as large a share as of it."""
    if not carried.of_micros:
        return 0
    return carried.micros * min(stays_micros, carried.of_micros) // carried.of_micros


def carry(
    worth_micros: int, paid: Mapping[str, int], stays: Mapping[str, int]
) -> dict[str, Carried]:
    """Return of which payments an amount is that is taken off a price; it is divided whole.

    Args:
        paid: what of each was paid for the period and has stayed, as `money` says.
        stays: what of each payment has stayed in all.
    """
    keys = sorted(paid)
    parts = clawing.shares(worth_micros, [paid[key] for key in keys])
    return {
        key: Carried(part, stays[key]) for key, part in zip(keys, parts, strict=True) if part > 0
    }


def _whole(key: str) -> Shares:
    return {key: Fraction(1)} if key else {}


def _changed(change: Change, before: Shares) -> Shares:
    """Return whose the credits are from a change of plan on."""
    if not change.begins_anew:
        kept = change.keep if change.purchase else Fraction(1)
        return _sum({key: share * kept for key, share in before.items()}, change.purchase, 1 - kept)
    price_micros = change.due_micros + change.worth_micros
    if not price_micros:
        return before
    old = {key: Fraction(part.micros, price_micros) for key, part in change.carried.items()}
    return _sum(old, change.purchase, Fraction(change.due_micros, price_micros))


def _sum(shares: Mapping[str, Fraction], key: str, more: Fraction) -> Shares:
    added = dict(shares)
    if key and more:
        added[key] = added.get(key, Fraction(0)) + more
    return {name: share for name, share in added.items() if share}
