"""What an account could do instead of an order that is refused: each of it would be admitted."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Final, Literal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from billing.accounts.errors import AccountFrozen
from billing.jobs.errors import ConcurrencyLimit, NotEntitled, QuotaExceeded, Retired
from billing.jobs.orders import JobOrder
from billing.jobs.services.assessing import Assessment, not_entitled
from billing.jobs.services.pricing import Priced, dearest, outputs_of, priced
from billing.ledger.errors import InDebt, InsufficientCredits
from billing.ledger.selectors import Claimable
from billing.ledger.timeline import Timeline
from plans import orders, prices
from plans.catalog.matching import fits
from plans.catalog.orderable import Dimension
from plans.catalog.rates import written
from plans.catalog.values import Scalar
from plans.credits import format_micros
from plans.errors import InvalidSpec, Unpriced

_CHANGES_MAX: Final = 5
_VALUES_MAX: Final = 24  # of one dimension that are tried
_COMBINED_MAX: Final = 64
_AHEAD_MAX: Final = timedelta(days=62)
_STEPS_MAX: Final = 100
_MENDED_BY_CHANGE: Final = (NotEntitled, ConcurrencyLimit, QuotaExceeded, InsufficientCredits)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that would be admitted.

    Attributes:
        kind: order something else ("change"), wait for others of one's own to end, or for a new
            window ("wait"), wait for credits or units that come by themselves ("grant"), or take
            another plan ("plan").
        change: what to order differently; empty: nothing.
        credits_micros: what it then costs.
        at: from when it would be admitted; None: at once, or nobody knows.
        plan: the plan that it takes; empty: the same.
    """

    kind: Literal["change", "wait", "grant", "plan"]
    credits_micros: int
    detail: str
    change: Mapping[str, Scalar] = field(default_factory=dict)
    at: datetime | None = None
    plan: str = ""


def alternatives(
    assessment: Assessment, order: JobOrder, *, timeline: Timeline, claims: Sequence[Claimable]
) -> list[Alternative]:
    """Return what would be admitted instead of an order that is not; none where it is.

    For an account that is frozen nothing would.

    Changes first, the dearest first, for it is the nearest to what was wanted; then what time
    brings, then the plan that would allow it.

    Args:
        timeline: the wallet as it was judged; only looked at.
        claims: what check-ins would give it.
    """
    is_frozen = any(isinstance(one, AccountFrozen) for one in assessment.barriers)
    if not assessment.barriers or is_frozen:
        return []
    return [
        *_changes(assessment, order, timeline),
        *_waits(assessment),
        *_grants(assessment, timeline, claims),
        *_plans(assessment, timeline),
    ]


# -- order something else ------------------------------------------------------------------------
def _changes(assessment: Assessment, order: JobOrder, timeline: Timeline) -> Iterator[Alternative]:
    if assessment.plan is None:
        return
    retired = [one for one in assessment.barriers if isinstance(one, Retired)]
    if retired:
        yield from _successors(assessment, order, timeline)
        return
    if not all(isinstance(one, _MENDED_BY_CHANGE) for one in assessment.barriers):
        return
    found = [
        one
        for name in assessment.dimensions
        if name not in {"model", "task"}
        for one in _fitting(assessment, timeline, [name])
    ]
    if not found:
        limited = [
            barrier.facts["entitlement"]
            for barrier in assessment.barriers
            if isinstance(barrier, NotEntitled)
        ]
        together = [name for name in assessment.dimensions if name in limited]
        if len(together) > 1:
            found = _fitting(assessment, timeline, together)
    yield from sorted(found, key=lambda one: -one.credits_micros)[:_CHANGES_MAX]


def _fitting(assessment: Assessment, timeline: Timeline, names: Sequence[str]) -> list[Alternative]:
    """Return the dearest two like orders that fit, or the nearest, that differ in `names`."""
    linked = assessment.linked
    choices = linked.model.dimensions_of(linked.task)
    values = [_values(choices[name], linked.dimensions[name]) for name in names if name in choices]
    found = []
    for number, combined in enumerate(product(*values)):
        if not combined or number == _COMBINED_MAX:
            break
        change = dict(zip(names, combined, strict=True))
        result = _admitted(assessment, {**linked.dimensions, **change}, timeline)
        if result is not None:
            found.append(_change(change, result.price.total_micros))
    if any(choices[name].values is None for name in names if name in choices):
        # A number has many neighbours; its nearest says enough.
        return found[:1] if len(names) == 1 else _dearest(found, most=1)
    return _dearest(found, most=2)


def _dearest(found: Sequence[Alternative], *, most: int) -> list[Alternative]:
    return sorted(found, key=lambda one: -one.credits_micros)[:most]


def _successors(
    assessment: Assessment, order: JobOrder, timeline: Timeline
) -> Iterator[Alternative]:
    """Yield the same order of the model that came after, where it has all that was chosen."""
    successor = assessment.linked.model.successor
    if successor is None:
        return
    catalog = assessment.published.catalog
    try:
        spec = {**order.spec, "model": successor}
        dimensions = orders.read_order(catalog, spec, inputs=assessment.linked.inputs).dimensions
    except InvalidSpec:
        return
    result = _admitted(assessment, dimensions, timeline)
    if result is not None:
        yield _change({"model": successor}, result.price.total_micros)


def _values(dimension: Dimension, chosen: Scalar) -> list[Scalar]:
    """Return what else could be chosen; of a long range a part, the nearest first, less first.

    More than was chosen may be the only thing that a plan allows.
    """
    if dimension.values is not None:
        return [value for value in dimension.values if value != chosen]
    if dimension.items is not None or not isinstance(chosen, int) or dimension.min is None:
        return []
    below = range(chosen - dimension.step, dimension.min - 1, -dimension.step)
    above = range(chosen + dimension.step, (dimension.max or chosen) + 1, dimension.step)
    more = above[: _VALUES_MAX // 2]
    if len(below) <= _VALUES_MAX:
        return [*below, *more]
    return [*below[: _VALUES_MAX // 2], *below[:: len(below) // (_VALUES_MAX // 2) + 1], *more]


def _admitted(
    assessment: Assessment, dimensions: Mapping[str, Scalar], timeline: Timeline
) -> Priced | None:
    """Return the price of a like order that nothing stands in the way of; None: something does."""
    catalog, limits = assessment.published.catalog, assessment.limits
    now_facts = {**dimensions, **assessment.now_context}
    model = catalog.model(str(dimensions["model"]))
    if model is None or limits is None:
        return None
    if model.ends_at is not None and model.ends_at <= assessment.at:
        return None
    if not_entitled(catalog, assessment.plan, now_facts, at=assessment.at):
        return None
    try:
        found, _context = dearest(
            catalog,
            dimensions,
            assessment.now_contexts,
            at=assessment.at,
            timeline=timeline,
            standing=assessment.standing,
        )
    except Unpriced:
        return None
    outputs, micros = outputs_of(now_facts), found.price.total_micros
    if (
        timeline.debts
        or not found.is_payable
        or limits.barriers(now_facts, outputs=outputs, micros=micros)
    ):
        return None
    return found


def _change(change: Mapping[str, Scalar], credits_micros: int) -> Alternative:
    said = ", ".join(f"{name} {written(value)}" for name, value in change.items())
    detail = (
        _("%(change)s fits, for %(credits)s credits.")
        if credits_micros
        else _("%(change)s fits, and costs no credits.")
    )
    return Alternative(
        kind="change",
        change=change,
        credits_micros=credits_micros,
        detail=detail % {"change": said, "credits": format_micros(credits_micros)},
    )


# -- wait --------------------------------------------------------------------------------------
def _waits(assessment: Assessment) -> Iterator[Alternative]:
    """Yield how long to wait, where waiting alone would do."""
    barriers = assessment.barriers
    if not all(isinstance(one, (ConcurrencyLimit, QuotaExceeded)) for one in barriers):
        return
    instants = [one.facts.get("retry_at") or one.facts.get("resets_at") for one in barriers]
    quota = [one for one in barriers if isinstance(one, QuotaExceeded)]
    if any(one.facts["resets_at"] is None for one in quota):
        return  # it is too large by itself: no waiting helps
    if not all(instants):
        yield _wait(assessment, None, _("A slot frees when one of your jobs has ended."))
        return
    at = max(datetime.fromisoformat(str(instant)) for instant in instants)
    if quota:
        detail = _("It is possible again at %(instant)s.") % {"instant": _clock(assessment, at)}
    else:
        minutes = (at - assessment.at + timedelta(seconds=30)) // timedelta(minutes=1)
        detail = (
            _("A slot frees in about %(minutes)s min.") % {"minutes": minutes}
            if minutes
            else _("A slot frees in less than a minute.")
        )
    yield _wait(assessment, at, detail)


def _wait(assessment: Assessment, at: datetime | None, detail: str) -> Alternative:
    return Alternative(
        kind="wait", credits_micros=assessment.priced.price.total_micros, detail=detail, at=at
    )


# -- wait for credits --------------------------------------------------------------------------
def _grants(
    assessment: Assessment, timeline: Timeline, claims: Sequence[Claimable]
) -> Iterator[Alternative]:
    """Yield when what comes by itself, or by a check-in, makes the order affordable."""
    if not all(isinstance(one, (InDebt, InsufficientCredits)) for one in assessment.barriers):
        return
    ahead = copy.deepcopy(timeline)
    usable = [
        one
        for one in claims
        if fits(one.schedule.terms.scope, assessment.facts)
        and assessment.standing.isdisjoint(one.schedule.terms.locked_while)
    ]
    for at in _coming(ahead, usable, assessment.at):
        found = priced(
            assessment.published.catalog,
            assessment.facts,
            at=assessment.rated_at,
            timeline=ahead,
            standing=assessment.standing,
        )
        # What arrives pays what is owed before it pays an order.
        claimed = sum(_by_check_in(one, ahead, at) for one in usable) - ahead.debt_micros
        if claimed < 0:
            continue
        if found.spendable_micros + claimed >= found.price.total_micros:
            arrived = sum(
                lot.available_micros
                for lot in ahead.spendable(assessment.facts, assessment.standing)
                if lot.effective_at > assessment.at
            )
            yield _grant(assessment, found, arrived=arrived, claimed=claimed, at=at)
            return


def _coming(ahead: Timeline, claims: Sequence[Claimable], now: datetime) -> Iterator[datetime]:
    """Yield each instant from `now` on at which something comes, with `ahead` brought there."""
    at = now
    for _step in range(_STEPS_MAX):
        yield at
        resets = [one.resets_at for one in ahead.counted(at)]
        instants = [ahead.due_at(), *resets, *(one.at for one in claims)]
        later = [instant for instant in instants if instant is not None and instant > at]
        if not later or min(later) - now > _AHEAD_MAX:
            return
        at = min(later)
        ahead.settle(at)


def _by_check_in(claim: Claimable, ahead: Timeline, at: datetime) -> int:
    """Return how much a check-in brings at `at` at least."""
    if claim.at > at:
        return 0
    terms = claim.schedule.terms
    micros = terms.credits_min_micros or claim.schedule.amount_micros
    if terms.fill == "set_to":
        micros -= ahead.left_micros(claim.schedule.series, at=at)
    return max(0, micros)


def _grant(
    assessment: Assessment, found: Priced, *, arrived: int, claimed: int, at: datetime
) -> Alternative:
    total = found.price.total_micros
    if any(isinstance(one, InDebt) for one in assessment.barriers):
        detail = _("By %(instant)s what arrives has paid what is owed.")
    elif total < assessment.priced.price.total_micros:
        detail = _("Counted units pay for it at %(instant)s.")
    elif found.spendable_micros >= total:
        claimed = 0
        detail = _("%(more)s more at %(instant)s.")
    elif at == assessment.at:
        detail = _("%(more)s more now, by a check-in.")
    else:
        detail = _("%(more)s more at %(instant)s, by a check-in.")
    more = format_micros(arrived + claimed)
    return Alternative(
        kind="grant",
        credits_micros=total,
        detail=detail % {"more": more, "instant": _clock(assessment, at)},
        at=at,
    )


# -- another plan ------------------------------------------------------------------------------
def _plans(assessment: Assessment, timeline: Timeline) -> Iterator[Alternative]:
    """Yield the smallest plan that allows the order, where the present one does not."""
    kinds = (NotEntitled, ConcurrencyLimit)
    if not any(isinstance(one, kinds) for one in assessment.barriers):
        return
    catalog = assessment.published.catalog
    facts = {**assessment.dimensions, **assessment.now_context}
    running = (
        assessment.limits.concurrency
        if any(isinstance(one, ConcurrencyLimit) for one in assessment.barriers)
        and assessment.limits is not None
        else 0
    )
    for plan in catalog.plans:
        there = {**facts, "plan": plan.code}
        if plan.code == (assessment.plan.code if assessment.plan is not None else ""):
            continue
        if not prices.is_on_sale(plan, at=assessment.at) or plan.free:
            continue
        if plan.entitlements.concurrency <= running and plan.entitlements.excess == "refuse":
            continue
        if not_entitled(catalog, plan, there, at=assessment.at):
            continue
        try:
            found = priced(
                catalog, there, at=assessment.at, timeline=timeline, standing=assessment.standing
            )
        except Unpriced:
            continue
        yield Alternative(
            kind="plan",
            credits_micros=found.whole.total_micros,
            detail=_("The plan %(plan)s allows it.") % {"plan": plan.name.said()},
            plan=plan.code,
        )
        return


def _clock(assessment: Assessment, at: datetime) -> str:
    """Return the instant as the account's clocks show it, with their offset."""
    shown = at.astimezone(ZoneInfo(assessment.account.zone))
    offset = shown.strftime("%z")
    return f"{shown:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:]}"
