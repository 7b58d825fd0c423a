"""A balance drawn by days: what was, and what is left ahead if nothing but time happens. Pure.

The drawing is stretched to the width that there is, so it holds lines and areas alone; its words
stand beside it as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plans.credits import MICROS

WIDTH: Final = 600
HEIGHT: Final = 200
_STEPS: Final = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Point:
    """How many credits were, or will be, free at an instant."""

    at: datetime
    micros: int


@dataclass(frozen=True, slots=True)
class Curve:
    """A drawing, in units of `WIDTH` and `HEIGHT`.

    Attributes:
        past, ahead: the line of each part; it holds its height from point to point.
        past_area, ahead_area: the same, down to zero and back.
        today: where the two parts meet.
        top_micros: how much the upper edge stands for; the lower one is zero.
        ends: where something ends.
    """

    past: str
    ahead: str
    past_area: str
    ahead_area: str
    today: float
    top_micros: int
    ends: tuple[float, ...]


def draw(points: Sequence[Point], *, now: datetime, ends: Sequence[datetime] = ()) -> Curve:
    """Return the drawing of a balance.

    Args:
        points: at least two, the earliest first.
        now: one of their instants; what stands behind it is a forecast.
        ends: instants between the first and the last at which credits end.
    """
    top = _round_up(max(one.micros for one in points))
    first, last = points[0].at, points[-1].at

    def across(at: datetime) -> float:
        return round(WIDTH * ((at - first) / (last - first)), 2)

    def up(micros: int) -> float:
        return round(HEIGHT * (1 - micros / top), 2)

    def line(part: Sequence[Point]) -> str:
        begun = f"M{across(part[0].at)} {up(part[0].micros)}"
        steps = (f"H{across(one.at)}V{up(one.micros)}" for one in part[1:])
        return "".join([begun, *steps])

    def area(part: Sequence[Point]) -> str:
        return f"{line(part)}V{HEIGHT}H{across(part[0].at)}Z"

    past = [one for one in points if one.at <= now]
    ahead = [one for one in points if one.at >= now]
    return Curve(
        past=line(past),
        ahead=line(ahead),
        past_area=area(past),
        ahead_area=area(ahead),
        today=across(now),
        top_micros=top,
        ends=tuple(across(at) for at in ends if first <= at <= last),
    )


def _round_up(micros: int) -> int:
    """Return a round amount that is not below: 1, 2 or 5 times a power of ten."""
    whole = max(1, -(-micros // MICROS))
    unit = int("1" + "0" * (len(str(whole)) - 1))
    return next(step * unit for step in _STEPS if step * unit >= whole) * MICROS
