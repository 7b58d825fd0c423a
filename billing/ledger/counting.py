"""Counted units: what is left of them, and which part of an order they pay. Pure.

"3 videos a day" is no credit: it is counted by window, and an order that it pays costs nothing.
Units are kept in millionths, as credits are, so that seconds may have decimal places.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from billing.ledger.schedules import Schedule
from plans.catalog.matching import fits
from plans.catalog.values import Scalar
from plans.credits import MICROS
from plans.periods import FOREVER, Window


@dataclass(frozen=True, slots=True)
class Use:
    """Units that an order took from a window.

    Attributes:
        series: the allowance, as its wallet calls it.
        kept_micros: what stayed used when the order ended; None while it is under way.
    """

    series: str
    window: str
    window_ends_at: datetime
    units_micros: int
    kept_micros: int | None
    created_at: datetime
    settled_at: datetime | None

    def counts_micros(self, at: datetime) -> int:
        """Return what it took, as it was at the instant `at`."""
        if self.created_at > at:
            return 0
        if self.kept_micros is None or (self.settled_at is not None and self.settled_at > at):
            return self.units_micros
        return self.kept_micros


@dataclass(frozen=True, slots=True)
class Counted:
    """A window of a counted allowance, and what is left of it.

    Attributes:
        resets_at: when the next window begins; None: never, or one period after its first use.
    """

    schedule: Schedule
    window: Window
    used_micros: int
    resets_at: datetime | None

    @property
    def limit_micros(self) -> int:
        """How many units the window has in all."""
        return self.schedule.amount_micros

    @property
    def left_micros(self) -> int:
        """How many are left; none where a smaller plan has fewer than were used before."""
        return max(0, self.limit_micros - self.used_micros)


@dataclass(frozen=True, slots=True)
class Cover:
    """What one counted allowance pays: `units_micros` of its units for `share` of the order."""

    counted: Counted
    units_micros: int
    share: Fraction


def counted_at(schedules: Iterable[Schedule], uses: Sequence[Use], at: datetime) -> list[Counted]:
    """Return the windows of the counted allowances among `schedules` that hold `at`, in order."""
    windows = [
        _counted(schedule, uses, at)
        for schedule in schedules
        if schedule.terms.is_counted and (schedule.ends_at is None or at < schedule.ends_at)
    ]
    return [counted for counted in windows if at < counted.window.ends_at]


def _counted(schedule: Schedule, uses: Sequence[Use], at: datetime) -> Counted:
    own = [use for use in uses if use.series == schedule.series and use.created_at <= at]
    window = schedule.window(at)
    if schedule.is_rolling:
        under_way = [use for use in own if use.window_ends_at > at]
        if not under_way:
            return Counted(schedule, window, 0, None)
        first = under_way[0]
        window = Window(first.window, first.created_at, first.window_ends_at)
    used_micros = sum(use.counts_micros(at) for use in own if use.window == window.key)
    resets_at = window.ends_at if window.ends_at < FOREVER else None
    return Counted(schedule, window, used_micros, resets_at)


def cover(
    windows: Iterable[Counted],
    *,
    facts: Mapping[str, Scalar],
    outputs: int,
    seconds: Fraction | int,
) -> list[Cover]:
    """Return which counted allowance pays which exact share of an order; the rest costs credits.

    They are asked in the order of the plan, each for what those before it have left. An order
    is paid whole or not at all, outputs by the piece, seconds as far as they reach.

    Args:
        facts: the order, as rates and scopes see it.
        outputs: how many videos it makes.
        seconds: the length of all of them together.
    """
    covers, rest = [], Fraction(1)
    for counted in windows:
        terms = counted.schedule.terms
        whole = {"order": 1, "output": outputs, "second": seconds}[terms.unit]
        if not rest or not whole or not fits(terms.scope, facts):
            continue
        found = _cover(counted, whole=Fraction(whole) * MICROS, rest=rest)
        if found is not None:
            covers.append(found)
            rest -= found.share
    assert 0 <= rest <= 1, "no order is paid twice"
    return covers


def _cover(counted: Counted, *, whole: Fraction, rest: Fraction) -> Cover | None:
    """Return what `counted` pays of the `rest` of an order that needs `whole` micros of it."""
    unit, left = counted.schedule.terms.unit, counted.left_micros
    if unit == "order":
        # The rest of an order takes a whole one: there is no half order to count.
        return Cover(counted, MICROS, rest) if left >= MICROS else None
    wanted = whole * rest
    if left >= wanted:
        return Cover(counted, -(-wanted.numerator // wanted.denominator), rest)
    units = left - left % MICROS if unit == "output" else left
    share = Fraction(units * whole.denominator, whole.numerator)
    return Cover(counted, units, share) if units else None
