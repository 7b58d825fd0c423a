"""Hints about what a file says in two places that do not meet: parents, lanes, sources, usage."""

from collections.abc import Iterator
from typing import Final

from plans import periods
from plans.catalog.choices import made_by
from plans.catalog.orderable import Dimension, Model, Task
from plans.catalog.policies import Lane
from plans.catalog.rates import TokensRate, written
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.lint.hints import Hint, Loc
from plans.wording import gettext as _

_SOURCE: Final = "source:"
_DAY_MINUTES: Final = 24 * 60
_NUMBERS_MAX: Final = 1_000  # of a range; what lies beyond is not asked one by one
_NAMED_MAX: Final = 5


def link_hints(catalog: Catalog) -> Iterator[Hint]:
    """Yield what one table says and another does not know of, though it may be meant."""
    yield from _unknown_sources(catalog)
    yield from _lanes(catalog)
    yield from _tokens_said(catalog)
    yield from _nothing_to_fill(catalog)
    for number, model in enumerate(catalog.models):
        for place, task in enumerate(model.tasks):
            yield from _not_inherited(catalog, ("model", number, "task", place), model, task)


def _unknown_sources(catalog: Catalog) -> Iterator[Hint]:
    """Yield sources of the burn order that no credits of this file have."""
    bonuses = [pack.bonus for pack in catalog.packs if pack.bonus is not None]
    allowances = [one for plan in catalog.plans for one in plan.allowances]
    terms = (*allowances, *catalog.packs, *bonuses, *catalog.campaigns, *catalog.conversions)
    known = {"grant", *(one.source for one in terms)}
    for place, key in enumerate(catalog.burn_order):
        if not key.startswith(_SOURCE):
            continue
        unknown = [name for name in key.removeprefix(_SOURCE).split(",") if name not in known]
        if unknown:
            yield Hint(
                ("burn_order", place),
                "source_unknown",
                _("no credits of this file have the source %(names)s.")
                % {"names": ", ".join(unknown)},
                _("They have %(known)s; keep another only if your server gives such credits.")
                % {"known": ", ".join(sorted(known))},
            )


# -- lanes -------------------------------------------------------------------------------------
def _lanes(catalog: Catalog) -> Iterator[Hint]:
    for number, lane in enumerate(catalog.lanes):
        yield from _promise_before_hours(("lane", number, "deliver_within"), lane)
    for number, model in enumerate(catalog.models if catalog.lanes else ()):
        dimensions = [model.dimensions_of(task).get("lane") for task in model.tasks]
        values = dict.fromkeys(v for one in dimensions if one for v in one.values or ())
        missing = [written(value) for value in values if catalog.lane(written(value)) is None]
        if missing:
            yield Hint(
                ("model", number, "dimensions", "lane"),
                "lane_without_table",
                _("no [[lane]] says what the lane %(names)s is.") % {"names": ", ".join(missing)},
                _("Add a [[lane]] with that code; without it the lane has the priority 100."),
            )


def _promise_before_hours(loc: Loc, lane: Lane) -> Iterator[Hint]:
    """Yield a promise that ends, for some orders, before the lane has opened."""
    if lane.hours is None or lane.deliver_within is None:
        return
    open_minutes = sum(_minute(end) - _minute(start) for start, end in lane.hours.stretches())
    period = periods.parse_period(lane.deliver_within)
    within = (period.months * 28 + period.days) * _DAY_MINUTES + period.seconds // 60
    closed = _DAY_MINUTES - open_minutes
    if within < closed:
        yield Hint(
            loc,
            "promise_before_hours",
            _("the lane is closed for %(hours)s h %(minutes)s min, so some orders never come in.")
            % {"hours": closed // 60, "minutes": closed % 60},
            _("Give it more time than the lane is closed, or longer hours."),
        )


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


# -- credits and usage -------------------------------------------------------------------------
def _tokens_said(catalog: Catalog) -> Iterator[Hint]:
    """Yield measured tokens that customers may say themselves, and so name their own price."""
    if "tokens" not in catalog.overrun.measured:
        return
    for number, model in enumerate(catalog.models):
        for task in model.tasks:
            row = next(
                (
                    rate
                    for rate in catalog.rates_for(model.code)
                    if isinstance(rate, TokensRate)
                    and rate.tokens == "tokens"
                    and rate.tokens in model.dimensions_of(task)
                ),
                None,
            )
            if row is not None:
                yield Hint(
                    ("model", number, "dimensions", row.tokens),
                    "tokens_can_be_said",
                    _("whoever orders may say how many tokens rate %(rate)s counts.")
                    % {"rate": row.id},
                    _("Take the dimension out: what a backend measures need not be one."),
                )
                break


def _nothing_to_fill(catalog: Catalog) -> Iterator[Hint]:
    for number, plan in enumerate(catalog.plans):
        for place, allowance in enumerate(plan.allowances):
            if allowance.cadence == "once" and allowance.fill == "set_to":
                yield Hint(
                    ("plan", number, "allowance", place, "fill"),
                    "fill_without_effect",
                    _("comes once, so there is never a rest to fill up."),
                    _("Leave fill out, or give the allowance another cadence."),
                )


# -- what an order takes over ------------------------------------------------------------------
def _not_inherited(catalog: Catalog, loc: Loc, model: Model, task: Task) -> Iterator[Hint]:
    """Yield values that a job to continue may have, and the order that continues it may not."""
    if task.parent is None:
        return
    own = model.dimensions_of(task)
    models = (model,) if "model" in task.parent.inherit else catalog.models
    parents = list(made_by(models, task.parent.match))
    for name in task.parent.inherit:
        if name not in own:
            continue
        asked = task.parent.match.get(name) or ()
        had = (
            value
            for above, of_task in parents
            for value in _values(above.dimensions_of(of_task).get(name))
            if not asked or value in asked
        )
        lost = [value for value in dict.fromkeys(had) if not own[name].allows(value)]
        if lost:
            named = ", ".join(written(value) for value in lost[:_NAMED_MAX])
            yield Hint(
                (*loc, "parent", "inherit"),
                "not_inherited",
                _("%(name)s %(values)s is not taken over: this task does not allow it.")
                % {"name": name, "values": f"{named}, …" if len(lost) > _NAMED_MAX else named},
                _("Let the task allow it, or match ask for other jobs; else its default counts."),
            )


def _values(dimension: Dimension | None) -> Iterator[Scalar]:
    """Yield the values of a dimension; of a wide range those near its ends."""
    if dimension is None or dimension.items is not None:
        return
    if dimension.values is not None:
        yield from dimension.values
        return
    low, high = dimension.min or 0, dimension.max or 0
    numbers = range(low, min(high, low + _NUMBERS_MAX) + 1, dimension.step)
    yield from numbers
    if dimension.allows(high) and high not in numbers:
        yield high
