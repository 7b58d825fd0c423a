"""How the money of a purchase is spread over what it brings, and how much of it is earned. Pure.

The money of a purchase lies on parts: all credits of a pack; the windows of a plan's period. A
part's money is earned as its credits are used, or gone. What is not earned yet is deferred. What
a change of plan took off the price of the next period lies on that period's windows from then on.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Final

from plans import periods

_MONTHS_PER_YEAR: Final = 12
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a purchase's money, and how its credits stand.

    Attributes:
        live: the share of its credits that can still be used, or that are still to come.
        used: the share that was used.
        moved: the share whose money a change of plan has carried on. What is none of these has
            expired, or was given up.
    """

    money_micros: int
    live: Fraction
    used: Fraction = Fraction(0)
    moved: Fraction = Fraction(0)


def along(money_micros: int, stretches: Iterable[Callable[[int], Sequence[Part]]]) -> list[Part]:
    """Return all parts of money that changes of plan carried from one stretch to the next.

    What is carried on is rounded down, and lies on the next stretch alone.

    Args:
        stretches: each lays money on its windows; one after which nothing moved is the last.
    """
    found: list[Part] = []
    for lay in stretches:
        parts = lay(money_micros)
        found += parts
        moved = sum((part.money_micros * part.moved for part in parts), start=Fraction(0))
        money_micros = min(money_micros, floor(moved))
        if not money_micros:
            break
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """A purchase at an instant: what was sold is what went back, was earned, or is deferred."""

    sold_micros: int = 0
    returned_micros: int = 0
    used_micros: int = 0
    expired_micros: int = 0

    @property
    def deferred_micros(self) -> int:
        """What was paid for and is still owed as credits."""
        return self.sold_micros - self.returned_micros - self.used_micros - self.expired_micros

    def since(self, before: "Standing") -> "Standing":
        """Return what has moved since it stood as `before`."""
        return Standing(
            self.sold_micros - before.sold_micros,
            self.returned_micros - before.returned_micros,
            self.used_micros - before.used_micros,
            self.expired_micros - before.expired_micros,
        )


NOTHING = Standing()


def standing(sold_micros: int, returned_micros: int, parts: Iterable[Part]) -> Standing:
    """Return how a purchase stands, to the micro.

    Deferred is the money of the credits that are live, rounded down, and never more than was kept
    of it. The rest of what was kept is earned: by use as far as credits were used, and otherwise
    because they can never be used any more. Money that went back lessens what is earned, so
    that nothing is earned of a payment that went back whole.
    """
    kept = sold_micros - returned_micros
    live = used = Fraction(0)
    for part in parts:
        live += part.money_micros * part.live
        used += part.money_micros * part.used
    earned = kept - min(kept, floor(live))
    by_use = min(earned, floor(used))
    return Standing(sold_micros, returned_micros, by_use, earned - by_use)


@dataclass(frozen=True, slots=True)
class Gives:
    """What a plan gives in a period, as far as money lies on it.

    Attributes:
        months: how many months one window of it lasts; None: it comes so often that its money is
            earned with the time.
        weight: how many credits it gives in all of the period, as the plan says.
    """

    months: int | None
    weight: int


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a period, and the money that lies on what comes in it."""

    starts_at: datetime
    ends_at: datetime
    money_micros: int
    is_by_time: bool = False

    def unearned(self, at: datetime) -> Fraction:
        """Return the share of its time that is still to come."""
        if at >= self.ends_at:
            return Fraction(0)
        if at <= self.starts_at:
            return Fraction(1)
        whole = self.ends_at - self.starts_at
        return Fraction((self.ends_at - at) // _TICK, whole // _TICK)


def windows(
    money_micros: int,
    gives: Sequence[Gives],
    *,
    anchor_at: datetime,
    starts_at: datetime,
    ends_at: datetime,
) -> list[Window]:
    """Return a period's money by windows; their sum is the money, exactly.

    It is spread by the credits that each window brings; a month that began before the period did
    counts by what was left of it. A plan that brings none, or only what is claimed day by day, is
    earned with the time.

    Args:
        anchor_at: from which its months are drawn, in UTC.
    """
    bearing = [one for one in gives if one.weight]
    if not bearing:
        return [Window(starts_at, ends_at, money_micros, is_by_time=True)]
    found = []
    moneys = divided(money_micros, [one.weight for one in bearing])
    for one, money in zip(bearing, moneys, strict=True):
        if one.months is None:
            found.append(Window(starts_at, ends_at, money, is_by_time=True))
            continue
        edges = _edges(anchor_at, starts_at, ends_at, one.months)
        whole = [Fraction(1)] * (len(edges) - 2)
        each = divided(money, [_first_share(anchor_at, edges, one.months), *whole])
        found += [
            Window(begins, ends, share)
            for begins, ends, share in zip(edges, edges[1:], each, strict=False)
        ]
    return found


def divided(amount_micros: int, weights: Sequence[int | Fraction]) -> list[int]:
    """Divide an amount by weights, of which one is above 0; the shares add up to it.

    The micros that rounding leaves over go to the shares that lost most by it.
    """
    total = sum(weights)
    exact = [Fraction(amount_micros * weight) / total for weight in weights]
    shares = [floor(share) for share in exact]
    left = amount_micros - sum(shares)
    by_loss = sorted(range(len(weights)), key=lambda place: (shares[place] - exact[place], place))
    for place in by_loss[:left]:
        shares[place] += 1
    return shares


def _edges(
    anchor_at: datetime, starts_at: datetime, ends_at: datetime, months: int
) -> list[datetime]:
    """Return where windows of so many months begin in a period, and its end."""
    edges, at, number = [starts_at], starts_at, 0
    while (at := periods.monthly_window("UTC", anchor_at, at).ends_at) < ends_at:
        number += 1
        if number % months == 0:
            edges.append(at)
    return [*edges, ends_at]


def _first_share(anchor_at: datetime, edges: Sequence[datetime], months: int) -> Fraction:
    """Return how much of its first window a period has: all, or the rest of a month."""
    began_at = periods.monthly_window("UTC", anchor_at, edges[0]).starts_at
    if months != 1 or began_at >= edges[0]:
        return Fraction(1)
    return Fraction((edges[1] - edges[0]) // _TICK, (edges[1] - began_at) // _TICK)


def months_between(starts_at: datetime, ends_at: datetime) -> int:
    """Return how many months a period has, at least one."""
    months = (ends_at.year - starts_at.year) * _MONTHS_PER_YEAR + ends_at.month - starts_at.month
    return max(1, months)
