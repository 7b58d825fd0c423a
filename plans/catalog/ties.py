"""Rows that tie: some order would match both, and neither is narrower. Pure.

Only rows that share a value of what both name, and whose ranges and times meet, can tie: each row
is compared with those near it, not with all, so ten thousand rows are checked in seconds.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Final, TypeVar

from plans.catalog.matching import Matched
from plans.catalog.rate_index import Key, keys, tables_of
from plans.catalog.rates import written
from plans.catalog.spans import Spans, row_at
from plans.catalog.values import Scalar

Row = TypeVar("Row", bound=Matched)
TIES_MAX: Final = 201  # more than are told at once: who has so many has one mistake, many times


def ties(rows: Mapping[int, Row]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of two rows that tie, the later one first; each later row once.

    After `TIES_MAX` rows it looks no further.
    """
    numbers = {id(row): number for number, row in rows.items()}
    by_width: dict[tuple[int, int, int], list[Row]] = defaultdict(list)
    for row in rows.values():
        by_width[row.specificity].append(row)
    tied: dict[int, int] = {}
    for alike in by_width.values():
        for (left, some), (right, others) in combinations_with_replacement(
            tables_of(alike).items(), 2
        ):
            shared = sorted(set(left) & set(right))
            _compare(some, others, shared, numbers=numbers, tied=tied)
    yield from sorted(tied.items())


def shared(first: Matched, second: Matched) -> str:
    """Return in words what an order has that both rows match: a value of each name tied."""
    said = []
    for name in sorted({*first.constraints, *first.ranges, *second.constraints, *second.ranges}):
        values = [row.constraints[name] for row in (first, second) if name in row.constraints]
        ranges = [row.ranges[name] for row in (first, second) if name in row.ranges]
        if values:
            both = frozenset.intersection(*values)
            fitting = (one for _type, one in sorted(both, key=repr))
            value: Scalar = next(one for one in fitting if all(one in span for span in ranges))
        else:
            value = max(span.min for span in ranges)
        said.append(f"{name} {written(value)}")
    return ", ".join(said)


def _compare(
    some: Sequence[Row],
    others: Sequence[Row],
    shared: Sequence[str],
    *,
    numbers: Mapping[int, int],
    tied: dict[int, int],
) -> None:
    """Note in `tied`, by their numbers, the later rows of pairs that tie, with an earlier one."""
    table: dict[Key, list[Row]] = defaultdict(list)
    for row in some:
        for key in keys(row, shared):
            table[key].append(row)
    spans = {key: Spans(alike) for key, alike in table.items()}
    for row in others:
        number = numbers[id(row)]
        for near in _near(row, [spans[key] for key in keys(row, shared) if key in spans]):
            if len(tied) >= TIES_MAX:
                return
            first, second = sorted((numbers[id(near)], number))
            if first != second and second not in tied and near.overlaps(row):
                tied[second] = first
                if some is others and second == number:
                    break


def _near(row: Row, spans: Sequence[Spans[Row]]) -> Iterator[Row]:
    """Yield the rows near `row`, each once though it has several of its values."""
    asked = row_at(row)
    if len(spans) == 1:
        yield from spans[0].near(asked)
        return
    seen: set[int] = set()
    for one in spans:
        for near in one.near(asked):
            if id(near) not in seen:
                seen.add(id(near))
                yield near
