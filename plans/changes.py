"""What a change of plan costs and gives, by a catalog's policy. Pure.

Money is in millionths of the currency's unit, credits in millionths of a credit. Both sides are
valued by the same shares of what was paid, rounded against whoever changes: however often and
however quickly plans follow each other, nobody has more for it than he paid.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from plans import periods
from plans.catalog.commerce import Change, ChangePolicy

_DAYS_OF_MONTH: Final = 31
Kind = Literal["upgrade", "downgrade", "none"]


@dataclass(frozen=True, slots=True)
class Held:
    """What an account has of the period that it has paid for.

    Attributes:
        price_micros: what such a period costs it.
        paid_micros: what was really paid for this one, what went back taken off.
        window_micros: the credits of one window.
        windows: how many windows the period has; one at least.
        unbegun: how many of them have not begun.
        window_left: the share of time that is left of the one under way.
        given_micros: the credits that have come for it so far.
        unused_micros: what of those is free.
    """

    price_micros: int
    paid_micros: int
    window_micros: int
    windows: int
    unbegun: int
    window_left: Fraction
    given_micros: int
    unused_micros: int

    @property
    def left(self) -> Fraction:
        """The share of the period that has not passed, window by window."""
        return (self.unbegun + self.window_left) / self.windows

    @property
    def unbegun_share(self) -> Fraction:
        """The share of the period whose credits have not come."""
        return Fraction(self.unbegun, self.windows)

    @property
    def unused_share(self) -> Fraction:
        """The share of the period whose credits have come, and are free."""
        if not self.given_micros:
            return self.window_left / self.windows
        return (1 - self.unbegun_share) * Fraction(self.unused_micros, self.given_micros)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a period of the new plan costs, and what its window brings."""

    price_micros: int
    window_micros: int


@dataclass(frozen=True, slots=True)
class Reckoned:
    """What a change at once comes to.

    Attributes:
        due_micros: what is paid for it now.
        worth_micros: what of the old period was taken off the price.
        gives_micros: the credits that come with it.
        takes_micros: the credits that go with it.
        begins_anew: a new period begins with it; otherwise the one under way goes on.
    """

    due_micros: int
    worth_micros: int
    gives_micros: int
    takes_micros: int
    begins_anew: bool


def kind_of(*, interval: str, price_micros: int, new_interval: str, new_price_micros: int) -> Kind:
    """Say whether a change is one to more, or to less, of what is paid.

    What pays for longer is more; of the same length, what costs more.
    """
    long, new_long = _length(interval), _length(new_interval)
    if (new_long, new_price_micros) == (long, price_micros):
        return "none"
    return "upgrade" if (new_long, new_price_micros) > (long, price_micros) else "downgrade"


def rule_of(policy: ChangePolicy, kind: Kind) -> Change:
    """Return the policy's rule for a change of that kind."""
    return policy.upgrade if kind == "upgrade" else policy.downgrade


def reckon(
    rule: Change, held: Held, wanted: Wanted, *, same_interval: bool, unit_micros: int
) -> Reckoned | None:
    """Return what a change at once costs and gives; None: it would lose what was paid for.

    Then it is possible when the period ends.

    Args:
        rule: of the catalog.
        same_interval: both are paid for as long at once; else a "difference" makes no sense, and
            what is left of the old one's credits stays.
        unit_micros: the currency's smallest unit.
    """
    if rule.credits == "difference" and same_interval:
        return _difference(rule, held, wanted, unit_micros)
    is_replaced = rule.credits == "replace"
    share = held.unbegun_share + (held.unused_share if is_replaced else 0)
    worth_micros = _whole(held.paid_micros * share, unit_micros)
    if worth_micros > wanted.price_micros:
        return None
    return Reckoned(
        due_micros=wanted.price_micros - worth_micros,
        worth_micros=worth_micros,
        gives_micros=wanted.window_micros,
        takes_micros=held.unused_micros if is_replaced else 0,
        begins_anew=True,
    )


def _difference(rule: Change, held: Held, wanted: Wanted, unit_micros: int) -> Reckoned | None:
    """The period goes on: what the new plan's rest of it costs, and brings, more."""
    more_micros = wanted.price_micros - held.price_micros
    if more_micros < 0 or wanted.window_micros < held.window_micros:
        return None
    by_time = rule.prorate == "time"
    due_micros = -_whole(-more_micros * (held.left if by_time else 1), unit_micros)
    more_credits = wanted.window_micros - held.window_micros
    return Reckoned(
        due_micros=due_micros,
        worth_micros=0,
        gives_micros=int(more_credits * (held.window_left if by_time else 1)),
        takes_micros=0,
        begins_anew=False,
    )


def _whole(micros: Fraction | int, unit_micros: int) -> int:
    """Return an amount in whole units of its currency, rounded down."""
    return int(micros // unit_micros) * unit_micros


def _length(interval: str) -> int:
    """Return about how many days an interval has, to compare it with another."""
    period = periods.parse_period(interval)
    return period.months * _DAYS_OF_MONTH + period.days
