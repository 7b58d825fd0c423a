"""What a plan allows: everything in the way of an order, and the plan that would allow it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plans.catalog.rates import written
from plans.catalog.schema import Catalog, Entitlements, Plan
from plans.catalog.values import Scalar, typed
from plans.wording import gettext as _


@dataclass(frozen=True)
class Barrier:
    """One thing that a plan does not allow.

    Attributes:
        entitlement: the dimension that is limited ("resolution").
        limit: what the plan allows ("720p").
        required_plan: the smallest plan that allows the whole order, else the smallest that
            lifts this barrier; None when no plan does.
        detail: the same as a sentence.
    """

    entitlement: str
    limit: str
    required_plan: str | None
    detail: str


def barriers(catalog: Catalog, plan: Plan, dimensions: Mapping[str, Scalar]) -> tuple[Barrier, ...]:
    """Return all that stands between `plan` and an order of these dimensions; none is a yes."""
    return tuple(
        Barrier(
            entitlement=name,
            limit=limit,
            required_plan=_required(catalog, name, dimensions),
            detail=_("The plan %(plan)s allows %(name)s %(limit)s, not %(value)s.")
            % {
                "plan": plan.name.said(),
                "name": name,
                "limit": limit,
                "value": written(dimensions[name]),
            },
        )
        for name, limit in _limits(plan.entitlements, dimensions)
    )


def _limits(
    entitlements: Entitlements, dimensions: Mapping[str, Scalar]
) -> Iterator[tuple[str, str]]:
    """Yield each dimension that is not allowed, with what would be."""
    for name, value in dimensions.items():
        allowed = entitlements.allow.get(name)
        highest = entitlements.max.get(name)
        if allowed is not None and typed(value) not in {typed(one) for one in allowed}:
            yield name, ", ".join(written(one) for one in allowed)
        elif highest is not None and isinstance(value, int) and value > highest:
            yield name, _("up to %(highest)s") % {"highest": highest}


def _required(catalog: Catalog, name: str, dimensions: Mapping[str, Scalar]) -> str | None:
    lifting = None
    for plan in catalog.plans:  # from the smallest to the largest
        limited = dict(_limits(plan.entitlements, dimensions))
        if not limited:
            return plan.code
        if name not in limited and lifting is None:
            lifting = plan.code
    return lifting
