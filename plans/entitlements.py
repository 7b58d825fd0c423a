"""What a plan allows: everything in the way of an order, and the plan that would allow it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from plans import forms, periods, prices
from plans.catalog.matching import fits
from plans.catalog.offers import Plan
from plans.catalog.rates import written
from plans.catalog.rights import Allowed, Entitlements
from plans.catalog.schema import Catalog
from plans.catalog.values import Scalar, typed
from plans.periods import Zones
from plans.wording import gettext as _


@dataclass(frozen=True)
class Barrier:
    """One thing that a plan does not allow.

    Attributes:
        entitlement: the dimension, or the fact of the account, that is limited ("resolution").
        limit: what the plan allows ("720p"); of a joint limit also with what.
        required_plan: the smallest plan that allows the whole order, else the smallest that
            lifts this barrier; None when no plan does.
        detail: the same as a sentence.
    """

    entitlement: str
    limit: str
    required_plan: str | None
    detail: str


@dataclass(frozen=True)
class Stretch:
    """The time in which a count limit counts, as seen from one instant.

    Attributes:
        starts_at: nothing before it counts. Of a window that rolls by months it is the earliest
            that may count: `still_counts` decides.
        ends_at: when a day or month is over; None where the window rolls.
    """

    starts_at: datetime
    ends_at: datetime | None


def barriers(
    catalog: Catalog, plan: Plan, facts: Mapping[str, Scalar], *, at: datetime | None = None
) -> tuple[Barrier, ...]:
    """Return all that stands between `plan` and an order of these facts; none is a yes.

    Args:
        facts: the order's dimensions, and what is known of its account and way in (surface).
        at: only plans that can be chosen at this instant are named as the ones that would help;
            None: whichever would.
    """
    return tuple(
        Barrier(
            entitlement=name,
            limit=limit,
            required_plan=_required(catalog, name, facts, at=at),
            detail=_("The plan %(plan)s allows %(name)s %(limit)s, not %(value)s.")
            % {
                "plan": plan.name.said(),
                "name": name,
                "limit": limit,
                "value": written(facts[name]),
            },
        )
        for name, limit in _limits(plan.entitlements, facts)
    )


def allowing(
    catalog: Catalog, facts: Mapping[str, Scalar], *, at: datetime | None = None
) -> Plan | None:
    """Return the smallest plan that can be chosen and allows the whole order, if any does."""
    return next(
        (
            plan
            for plan in catalog.plans  # from the smallest to the largest
            if _is_on_sale(plan, at) and not any(_limits(plan.entitlements, facts))
        ),
        None,
    )


def stretch(window: str, *, zones: Zones, at: datetime) -> Stretch:
    """Return the time that a count limit's `window` spans at `at`: a day, a month, or a period.

    Args:
        zones: whose days and months they are.
    """
    if window == "day":
        day = zones.day(at)
        return Stretch(day.starts_at, day.ends_at)
    if window == "month":
        month = zones.month(at)
        return Stretch(month.starts_at, month.ends_at)
    # A period of calendar months has no one length backwards: begin early, then ask each order.
    return Stretch(at - (periods.add_period(at, window) - at) * 2, None)


def leaves_at(window: str, ordered_at: datetime) -> datetime:
    """Return when an order placed at `ordered_at` no longer counts in a window that rolls."""
    return periods.add_period(ordered_at, window)


def fits_again_at(
    window: str, counted: Iterable[tuple[datetime, int]], *, excess: int
) -> datetime | None:
    """Return when so much has left a rolling window that `excess` is gone; None: never.

    Args:
        counted: when each order was placed and how much it counts, the first to leave first.
    """
    for ordered_at, amount in counted:
        excess -= amount
        if excess <= 0:
            return leaves_at(window, ordered_at)
    return None


def _limits(entitlements: Entitlements, facts: Mapping[str, Scalar]) -> Iterator[tuple[str, str]]:
    """Yield each name that has a value which is not allowed, with what would be."""
    for name, value in facts.items():
        limit = _over(value, entitlements.allow.get(name), entitlements.max.get(name))
        if limit is not None:
            yield name, limit
    for joint in entitlements.limits:
        if not fits(joint.when, facts):
            continue
        for name in (*joint.allow, *(one for one in joint.max if one not in joint.allow)):
            if name not in facts:
                continue
            limit = _over(facts[name], joint.allow.get(name), joint.max.get(name))
            if limit is not None:
                yield (
                    name,
                    _("%(limit)s with %(reason)s")
                    % {
                        "limit": limit,
                        "reason": ", ".join(f"{one} {written(facts[one])}" for one in joint.when),
                    },
                )


def _over(value: Scalar, allowed: Allowed | None, highest: int | None) -> str | None:
    """Return what would be allowed instead of `value`; None: it is allowed itself."""
    if allowed is not None and typed(value) not in {typed(one) for one in allowed}:
        return ", ".join(written(one) for one in allowed)
    if highest is not None and (forms.number(value) or Fraction(0)) > highest:
        return _("up to %(highest)s") % {"highest": highest}
    return None


def _required(
    catalog: Catalog, name: str, facts: Mapping[str, Scalar], *, at: datetime | None
) -> str | None:
    whole = allowing(catalog, facts, at=at)
    if whole is not None:
        return whole.code
    for plan in catalog.plans:
        if _is_on_sale(plan, at) and name not in dict(_limits(plan.entitlements, facts)):
            return plan.code
    return None


def _is_on_sale(plan: Plan, at: datetime | None) -> bool:
    return at is None or prices.is_on_sale(plan, at=at)
