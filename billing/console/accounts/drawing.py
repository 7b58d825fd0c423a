"""Grants and holds along one line of time: bars filled by what became of the credits. Pure.

Each drawing is stretched to the width that there is, so it holds areas
alone; words stand beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WIDTH: Final = 600
HEIGHT: Final = 16
_LEAST: Final = 2.0  # so wide is what lasts a moment


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is drawn."""

    first: datetime
    last: datetime

    def across(self, at: datetime) -> float:
        """Return where an instant stands, at one of the ends if it is beyond."""
        inside = min(max(at, self.first), self.last)
        return round(WIDTH * ((inside - self.first) / (self.last - self.first)), 2)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Credits that lie somewhere from one instant to another.

    Attributes:
        ends_at: when they end; None: they stay.
        parts: how much of them went where, by the name of the place, in the order of the drawing.
    """

    begins_at: datetime
    ends_at: datetime | None
    parts: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a bar."""

    kind: str
    x: float
    width: float


def bar(stretch: Stretch, span: Span) -> list[Area]:
    """Return the parts of a bar, side by side; each is as wide as its share of the credits."""
    begins = span.across(stretch.begins_at)
    ends = WIDTH if stretch.ends_at is None else span.across(stretch.ends_at)
    begins = min(begins, WIDTH - _LEAST)
    wide = max(ends - begins, _LEAST)
    whole = sum(micros for _kind, micros in stretch.parts)
    areas, x = [], begins
    for kind, micros in stretch.parts:
        if micros:
            width = round(wide * micros / whole, 2)
            areas.append(Area(kind, round(x, 2), width))
            x += width
    return areas


def marks(instants: Iterable[datetime], span: Span) -> list[float]:
    """Return where instants stand that are within the time that is drawn."""
    return [span.across(at) for at in instants if span.first <= at <= span.last]
