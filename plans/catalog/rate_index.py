"""Finds the narrowest row for an order, as fast in ten thousand rows as in ten. Pure.

Rows that name the same dimensions share a table by their values: an order looks once into each
table instead of at each row. Rows of the same values are sorted by their ranges and times.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import product
from math import prod
from typing import Final, Generic, TypeVar

from plans.catalog.matching import Matched
from plans.catalog.spans import Spans, order_at
from plans.catalog.values import Scalar, typed

Row = TypeVar("Row", bound=Matched)
Names = tuple[str, ...]
Key = tuple[tuple[str, Scalar], ...]
_KEYS_MAX: Final = 256  # a row of more combinations stands in the table under fewer dimensions
_TABLES_MAX: Final = 64


def tables_of(rows: Sequence[Row]) -> Mapping[Names, list[Row]]:
    """Return the rows by the dimensions by whose values they are found: 64 tables at most.

    Where rows name more sets of dimensions than that, they are found by the most frequent ones.
    """
    named = [_keyed_by(row) for row in rows]
    frequent = Counter(name for names in named for name in names)
    kept: set[str] = set()
    for name, _times in sorted(frequent.items(), key=lambda item: (-item[1], item[0])):
        more = kept | {name}
        if len({_of(names, more) for names in set(named)}) > _TABLES_MAX:
            break
        kept = more
    tables: dict[Names, list[Row]] = defaultdict(list)
    for row, names in zip(rows, named, strict=True):
        tables[_of(names, kept)].append(row)
    return tables


def keys(row: Matched, names: Sequence[str]) -> Iterator[Key]:
    """Yield the row's values of the dimensions `names`, in every combination."""
    return product(*(sorted(row.constraints[name], key=repr) for name in names))


def _keyed_by(row: Matched) -> Names:
    """Return the dimensions with the fewest values, as many as make few enough keys."""
    names = sorted(row.constraints, key=lambda name: (len(row.constraints[name]), name))
    while prod(len(row.constraints[name]) for name in names) > _KEYS_MAX:
        names.pop()
    return tuple(sorted(names))


def _of(names: Names, kept: set[str]) -> Names:
    return tuple(name for name in names if name in kept)


class RateIndex(Generic[Row]):
    """Rows of a card by what they name; the narrowest one that matches is the one."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Sort the rows; the loader has refused ties."""
        self._rows = tuple(sorted(rows, key=lambda row: row.specificity, reverse=True))
        self._tables: list[tuple[Names, dict[Key, Spans[Row]]]] = []
        for names, found in tables_of(self._rows).items():
            table: dict[Key, list[Row]] = defaultdict(list)
            for row in found:
                for key in keys(row, names):
                    table[key].append(row)
            self._tables.append((names, {key: Spans(alike) for key, alike in table.items()}))

    def narrowest(
        self, facts: Mapping[str, Scalar], *, at: datetime, lasting: bool = False
    ) -> Row | None:
        """Return the row that prices an order of these facts at `at`; None when none does.

        Args:
            lasting: look only at rows that count at all times.
        """
        best: Row | None = None
        known = {name: typed(value) for name, value in facts.items()}
        asked = order_at(facts, at)
        for names, table in self._tables:
            try:
                rows = table.get(tuple([known[name] for name in names]))
            except KeyError:
                continue
            for row in rows.near(asked) if rows is not None else ():
                if best is not None and row.specificity <= best.specificity:
                    continue
                if row.matches(facts, at=at) and not (lasting and row.is_timed):
                    best = row
        return best

    def of_model(self, model: str) -> tuple[Row, ...]:
        """Return the rows that can price orders of that model, the narrowest first."""
        known = typed(model)
        return tuple(row for row in self._rows if known in row.constraints.get("model", (known,)))
