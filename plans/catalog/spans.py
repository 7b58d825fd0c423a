"""Rows that share their values, sorted by their ranges and times: a few are near any order. Pure.

A tree for each axis (a dimension of numbers, or the time): a row lies at the middle that it spans,
so each row stands in it once, and an order walks past the rows of one path only.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final, Generic, TypeVar

from plans.catalog.matching import Matched
from plans.catalog.values import Scalar, number

Row = TypeVar("Row", bound=Matched)
Number = int | Fraction
Span = tuple[Number, Number]  # both ends are inside
Asked = Callable[[str], Span | None]

TIME: Final = "@time"  # no word of a catalog
_FAR: Final = 10**18  # above any number and any instant of a catalog
_EVERYWHERE: Final = (-_FAR, _FAR)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AXES_MAX: Final = 4
_FEW: Final = 8  # so many rows are looked at faster than sorted


def order_at(facts: Mapping[str, Scalar], at: datetime) -> Asked:
    """Return where an order stands on an axis: at a point; nowhere when it has no number there."""

    def asked(axis: str) -> Span | None:
        point = _instant(at) if axis == TIME else number(facts.get(axis))
        return None if point is None else (point, point)

    return asked


def row_at(row: Matched) -> Asked:
    """Return how far a row reaches on an axis: everywhere when it leaves it open."""
    return lambda axis: _span(row, axis) or _EVERYWHERE


class Spans(Generic[Row]):
    """Rows that are near an order, or near another row: all that match it are among them."""

    def __init__(self, rows: Sequence[Row], axes: frozenset[str] | None = None) -> None:
        """Sort the rows by the axis that sets them furthest apart, then by the others."""
        self._rows: Sequence[Row] = ()
        self._axis = ""
        if axes is None:
            axes = _axes(rows) if len(rows) > _FEW else frozenset()
        together = {axis: _together(rows, axis) for axis in axes} if len(rows) > _FEW else {}
        best = min(sorted(together), key=together.__getitem__, default=None)
        if best is None or together[best] == _pairs(len(rows)):
            self._rows = rows
            return
        self._axis = best
        spanned = [(row, span) for row in rows if (span := _span(row, best)) is not None]
        others = axes - {best}
        self._tree = _Tree(spanned, others)
        self._open = Spans([row for row in rows if _span(row, best) is None], others)

    def near(self, asked: Asked) -> Iterator[Row]:
        """Yield the rows that may match what stands there; each once."""
        yield from self._rows
        if self._axis:
            span = asked(self._axis)
            if span is not None:
                yield from self._tree.near(span, asked)
            yield from self._open.near(asked)


class _Tree(Generic[Row]):
    """Spans around a middle; those that lie wholly below or above it are trees of their own."""

    def __init__(self, spanned: Sequence[tuple[Row, Span]], others: frozenset[str]) -> None:
        ends = sorted(end for _row, span in spanned for end in span)
        self._middle: Number = ends[len(ends) // 2]
        below = [(row, span) for row, span in spanned if span[1] < self._middle]
        above = [(row, span) for row, span in spanned if span[0] > self._middle]
        here = [row for row, (low, high) in spanned if low <= self._middle <= high]
        self._here = Spans(here, others)
        self._below = _Tree(below, others) if below else None
        self._above = _Tree(above, others) if above else None

    def near(self, span: Span, asked: Asked) -> Iterator[Row]:
        low, high = span
        yield from self._here.near(asked)
        if self._below is not None and low < self._middle:
            yield from self._below.near(span, asked)
        if self._above is not None and high > self._middle:
            yield from self._above.near(span, asked)


def _axes(rows: Sequence[Row]) -> frozenset[str]:
    """Return the axes on which most rows say a range or a time; values have tables of their own."""
    ranged = Counter(name for row in rows for name in row.ranges)
    ranged[TIME] = sum(row.is_timed for row in rows)
    told = sorted((name for name, rows in ranged.items() if rows), key=lambda name: -ranged[name])
    return frozenset(told[:_AXES_MAX])


def _span(row: Matched, axis: str) -> Span | None:
    """Return between which numbers lies whatever the row can match; None where it may be any."""
    if axis == TIME:
        if row.starts_at is None and row.ends_at is None:
            return None
        # The end is outside, but to stand near costs nothing: the row itself says if it matches.
        return (
            -_FAR if row.starts_at is None else _instant(row.starts_at),
            _FAR if row.ends_at is None else _instant(row.ends_at),
        )
    if axis in row.ranges:
        return (row.ranges[axis].min, row.ranges[axis].max)
    numbers = [number(value) for _type, value in row.constraints.get(axis, ())]
    known = [one for one in numbers if one is not None]
    return (min(known), max(known)) if known and len(known) == len(numbers) else None


def _together(rows: Sequence[Row], axis: str) -> int:
    """Return how many pairs of rows meet on the axis; the fewer, the better it sorts them."""
    spans = sorted(_span(row, axis) or _EVERYWHERE for row in rows)
    ends = sorted(high for _low, high in spans)
    apart = ended = 0
    for low, _high in spans:
        while ends[ended] < low:
            ended += 1
        apart += ended
    return _pairs(len(rows)) - apart


def _pairs(rows: int) -> int:
    return rows * (rows - 1) // 2


def _instant(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
