"""Orders that stand for all orders of a model: each value that anything in the file looks at."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Final
from zoneinfo import ZoneInfo

from plans import orders
from plans.catalog.matching import Match, Matched
from plans.catalog.modifiers import Modifier
from plans.catalog.orderable import Dimension, Model, Task
from plans.catalog.policies import CONTEXT
from plans.catalog.rates import AnyRate, LookupRate, PerUnitRate, TiersRate, TokensRate
from plans.catalog.rights import Entitlements, Limit
from plans.catalog.schema import Catalog
from plans.catalog.values import Between, Scalar
from plans.errors import InvalidSpec

TRIES_MAX: Final = 6_000  # of one task; beyond it its orders are thinned evenly
ORDERS_MIN: Final = 200
INSTANTS_MAX: Final = 6
# Shares no factor with the lengths that lists of values have.
_STRIDE: Final = 7_919
_ABSENT: Final = ""


@dataclass(frozen=True)
class Samples:
    """The orders of one task of a model that were made up.

    Attributes:
        orders: the dimensions of each.
        contexts: what may be known of an account beside its plan.
        instants: when they are placed.
        is_complete: whether they stand for every order; else they are some of very many.
        is_over: whether the model cannot be ordered any more; then they are of its last instant.
    """

    model: Model
    task: Task
    orders: tuple[Mapping[str, Scalar], ...]
    contexts: tuple[Mapping[str, Scalar], ...]
    instants: tuple[datetime, ...]
    is_complete: bool
    is_over: bool


@dataclass
class _Looked:
    """The names that something in the file looks at, with the values at which it changes."""

    values: dict[str, set[Scalar]] = field(default_factory=dict)

    def name(self, name: str, values: Iterable[Scalar] = ()) -> None:
        self.values.setdefault(name, set()).update(values)

    def match(self, match: Match) -> None:
        for name, matcher in match.items():
            if isinstance(matcher, Between):
                self.edge(name, matcher.min - 1)
                self.edge(name, matcher.max)
            elif matcher:
                self.name(name, matcher)

    def edge(self, name: str, last: int) -> None:
        """Note that something changes between `last` and the number after it."""
        self.name(name, (last, last + 1))


def samples(catalog: Catalog, *, at: datetime) -> Iterator[Samples]:
    """Yield the orders of each task of each model, as they can be placed from `at` on.

    Of a model that is over before, they are those of its last instant: what is kept in the file
    to explain old prices is still meant to match something.
    """
    shared = _Looked()
    _look_at_plans(catalog, shared)
    for model in catalog.models:
        rates = catalog.rates_for(model.code)
        looked = _Looked({name: set(values) for name, values in shared.values.items()})
        for rate in rates:
            _look_at_rate(rate, looked)
        for derive in model.derives:
            for name, value in derive.when.items():
                looked.name(name, (value,))
        is_over = model.ends_at is not None and model.ends_at <= at
        if is_over:
            assert model.ends_at is not None, "it is over"
            begins = model.ends_at - timedelta(microseconds=1)
        else:
            begins = at if model.starts_at is None else max(at, model.starts_at)
        instants, all_instants = _instants((*rates, *catalog.modifiers), at=begins)
        contexts = _contexts(catalog, looked)
        plans = len(catalog.plans) if "plan" in looked.values else 1
        most = max(ORDERS_MIN, TRIES_MAX // (len(instants) * len(contexts) * plans))
        for task in model.tasks:
            found, all_orders = _orders(catalog, model, task, looked, most=most)
            complete = all_orders and all_instants
            yield Samples(model, task, found, contexts, instants, complete, is_over)


def _look_at_plans(catalog: Catalog, looked: _Looked) -> None:
    """Note what does not depend on a model: modifiers, entitlements, and scopes of credits."""
    for modifier in catalog.modifiers:
        looked.match(modifier.match)
        if modifier.per_item is not None:
            looked.edge(modifier.per_item.basis, modifier.per_item.beyond)
    for plan in catalog.plans:
        _look_at_rights(plan.entitlements, looked)
    bonuses = [pack.bonus for pack in catalog.packs if pack.bonus is not None]
    allowances = [one for plan in catalog.plans for one in plan.allowances]
    for terms in (*allowances, *catalog.packs, *bonuses, *catalog.campaigns, *catalog.conversions):
        looked.match(terms.scope)


def _look_at_rights(rights: Entitlements, looked: _Looked) -> None:
    limits: list[Entitlements | Limit] = [rights, *rights.limits]
    for limit in limits:
        for name, allowed in limit.allow.items():
            looked.name(name, allowed)
        for name, highest in limit.max.items():
            looked.edge(name, highest)
    for match in (
        *(one.when for one in rights.limits),
        *(one.match for one in rights.counts),
        *(one.match for one in rights.slots),
    ):
        looked.match(match)


def _look_at_rate(rate: AnyRate, looked: _Looked) -> None:
    looked.match(rate.match)
    for also in rate.also:
        looked.name(also.basis)
    if isinstance(rate, LookupRate):
        looked.name(rate.by, (int(key) for key in rate.table if key.isascii() and key.isdigit()))
    elif isinstance(rate, TiersRate):
        looked.name(rate.basis)
        for tier in rate.tiers:
            if tier.up_to is not None:
                looked.edge(rate.basis, tier.up_to)
    elif isinstance(rate, PerUnitRate):
        looked.name(rate.basis)
    elif isinstance(rate, TokensRate):
        for name in (rate.width, rate.height, rate.fps, *rate.seconds):
            looked.name(name)


def _orders(
    catalog: Catalog, model: Model, task: Task, looked: _Looked, *, most: int
) -> tuple[tuple[Mapping[str, Scalar], ...], bool]:
    """Return the dimensions of the orders of a task, and whether they are all that differ."""
    choices = model.dimensions_of(task)
    derived = {name for derive in model.derives for name in derive.set}
    values: dict[str, tuple[Scalar, ...]] = {}
    for name, dimension in choices.items():
        values[name] = _values(dimension, looked.values.get(name))
        if name in derived:  # it follows; said itself, it matters only where rows match by it
            values[name] = (_ABSENT, *values[name]) if looked.values.get(name) else (_ABSENT,)
    lists = [tuple(dict.fromkeys(listed)) for listed in values.values()]
    size = math.prod(len(listed) for listed in lists)
    combinations = product(*lists) if size <= most else _thinned(lists, size, most)
    found: dict[tuple[tuple[str, Scalar], ...], Mapping[str, Scalar]] = {}
    for combination in combinations:
        said = {
            name: value
            for name, value in zip(choices, combination, strict=True)
            if value != _ABSENT
        }
        try:
            order = orders.read_order(catalog, {"model": model.code, "task": task.code, **said})
        except InvalidSpec:
            continue  # the values contradict each other
        found.setdefault(tuple(order.dimensions.items()), order.dimensions)
    return tuple(found.values()), size <= most


def _thinned(
    lists: Sequence[Sequence[Scalar]], size: int, most: int
) -> Iterator[tuple[Scalar, ...]]:
    """Yield some combinations: the first, each that differs from it in one value, and a spread."""
    first = tuple(listed[0] for listed in lists)
    yield first
    for place, listed in enumerate(lists):
        for value in listed[1:]:
            yield (*first[:place], value, *first[place + 1 :])
    for step in range(1, most):
        rest = step * _STRIDE * (size // most or 1) % size
        chosen = []
        for listed in lists:
            rest, place = divmod(rest, len(listed))
            chosen.append(listed[place])
        yield tuple(chosen)


def _values(dimension: Dimension, looked: set[Scalar] | None) -> tuple[Scalar, ...]:
    """Return the values that stand for all: the default first, "" for an absent one."""
    usual: list[Scalar] = [] if dimension.default is None else [dimension.default]
    if dimension.optional:
        usual.append(_ABSENT)
    if dimension.values is not None:
        wanted: list[Scalar] = list(dimension.values)
    else:
        assert dimension.min is not None, "a range has two ends"
        assert dimension.max is not None, "a range has two ends"
        edges = (value for value in looked or () if type(value) is int)
        wanted = [dimension.min, *sorted(edges), dimension.max]
        if dimension.items is not None and looked is not None:
            wanted.append("+".join([str(dimension.max)] * dimension.items))
    if looked is None:  # nothing in the file looks at it: one value is as good as another
        return tuple((usual or wanted)[:1])
    allowed = (
        dimension.canonical([v] if dimension.items and type(v) is int else v) for v in wanted
    )
    return tuple(dict.fromkeys([*usual, *(value for value in allowed if value is not None)]))


def _contexts(catalog: Catalog, looked: _Looked) -> tuple[Mapping[str, Scalar], ...]:
    """Return what may be known of an account beside its plan, as far as the file looks at it."""
    named: dict[str, set[Scalar]] = {
        name: looked.values[name] for name in CONTEXT if name in looked.values
    }
    surfaces = catalog.surfaces if "surface" in named else catalog.surfaces[:1]
    counts = sorted({0, *(v for v in named.get("month_count", ()) if type(v) is int and v >= 0)})
    places = _places(catalog, named)
    return tuple(
        {"surface": surface, "month_count": count, **place}
        for surface in surfaces
        for count in counts
        for place in places
    )


def _places(catalog: Catalog, named: Mapping[str, set[Scalar]]) -> list[Mapping[str, Scalar]]:
    """Return regions and currencies with the book that they lead to; one of each book is enough.

    Where a row matches by region or currency itself, each of those stands for itself.
    """
    if not named.keys() & {"book", "region", "currency"}:
        return [{}]
    regions = {*named.get("region", ()), *(one for book in catalog.books for one in book.regions)}
    currencies = {
        *named.get("currency", ()),
        *(one for book in catalog.books for one in book.currencies),
    }
    found: dict[tuple[object, ...], Mapping[str, Scalar]] = {}
    for region in (None, *sorted(str(one) for one in regions)):
        for currency in (None, *sorted(str(one) for one in currencies)):
            book = catalog.book_for(region=region, currency=currency)
            code = None if book is None else book.code
            said = {"region": region, "currency": currency, "book": code}
            key = (said["book"], *(said[name] for name in ("region", "currency") if name in named))
            known = {name: value for name, value in said.items() if value is not None}
            found.setdefault(key, known)
    return list(found.values())


def _instants(
    rows: Iterable[AnyRate | Modifier], *, at: datetime
) -> tuple[tuple[datetime, ...], bool]:
    """Return `at` and the instants after it at which a row begins or ends, if they are few."""
    found: set[datetime] = set()
    for row in rows:
        found.update(edge for edge in (row.starts_at, row.ends_at) if edge and edge > at)
        found.update(_hours_after(row, at=at))
    instants = (at, *sorted(found))
    return instants[:INSTANTS_MAX], len(instants) <= INSTANTS_MAX


def _hours_after(row: Matched, *, at: datetime) -> Iterator[datetime]:
    """Yield the next instants at which the hours of the row begin and end."""
    if row.hours is None:
        return
    local = at.astimezone(ZoneInfo(row.hours.zone)).replace(second=0, microsecond=0)
    for clock in (row.hours.start, row.hours.end):
        hour, minute = (int(part) for part in clock.split(":"))
        then = local.replace(hour=hour, minute=minute)
        yield then if then > at else then + timedelta(days=1)
