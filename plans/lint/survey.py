"""What becomes of the sample orders: which plans may place them, and which row prices them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from plans import forms, rating
from plans.catalog.offers import Plan
from plans.catalog.orderable import Model, Task
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar
from plans.entitlements import barriers
from plans.errors import Unpriced
from plans.lint.samples import Samples, samples

Outcome = Literal["priced", "no_rate", "no_price", "rounds_to_zero"]


@dataclass(frozen=True)
class Tried:
    """One sample order at one instant, by accounts of some plans.

    Attributes:
        order: its dimensions; `facts` are these with what is known of the account.
        plans: the codes of the plans that may place it.
        rate_id: the row that is for it; None when there is none.
    """

    order: Mapping[str, Scalar]
    facts: Mapping[str, Scalar]
    at: datetime
    plans: tuple[str, ...]
    outcome: Outcome
    rate_id: str | None


@dataclass(frozen=True)
class TaskSurvey:
    """All that was tried of one task of one model."""

    model: Model
    task: Task
    tried: tuple[Tried, ...]
    is_complete: bool
    is_over: bool

    @cached_property
    def allowed(self) -> tuple[Tried, ...]:
        """What some plan may order."""
        return tuple(one for one in self.tried if one.plans)


def survey(catalog: Catalog, *, at: datetime) -> tuple[TaskSurvey, ...]:
    """Return what becomes of sample orders of all that can be ordered at `at` or later."""
    return tuple(
        TaskSurvey(one.model, one.task, tuple(_tried(catalog, one)), one.is_complete, one.is_over)
        for one in samples(catalog, at=at)
    )


def _tried(catalog: Catalog, found: Samples) -> Iterator[Tried]:
    """Yield each order in each context; plans are told apart only where a row matches by them."""
    rows = (*catalog.rates_for(found.model.code), *catalog.modifiers)
    plans_differ = any("plan" in row.match for row in rows)
    for order in found.orders:
        may = [plan for plan in catalog.plans if not barriers(catalog, plan, order)]
        groups = [[plan] for plan in catalog.plans] if plans_differ else [may]
        for context in found.contexts:
            for group in groups:
                named = group[0] if group else catalog.plans[0]
                facts = {**order, **context, "plan": named.code}
                for at in found.instants:
                    yield _priced(catalog, order, facts, [one for one in group if one in may], at)


def _priced(
    catalog: Catalog,
    order: Mapping[str, Scalar],
    facts: Mapping[str, Scalar],
    plans: list[Plan],
    at: datetime,
) -> Tried:
    codes = tuple(plan.code for plan in plans)
    row = catalog.rate_index.narrowest(facts, at=at)
    if row is None:
        return Tried(order, facts, at, codes, "no_rate", None)
    try:
        rating.rate(catalog, facts, at=at)
    except Unpriced:
        try:
            costs = forms.total(forms.price_parts(row, facts)) > 0
        except Unpriced:
            costs = False
        return Tried(order, facts, at, codes, "rounds_to_zero" if costs else "no_price", row.id)
    return Tried(order, facts, at, codes, "priced", row.id)
