"""The one judge of an order: what it costs, what stands in its way, which credits would pay.

A quote shows its findings, a submit obeys them; so what is shown is what is admitted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from billing.accounts.models import Account
from billing.errors import DomainError
from billing.gpu import registry
from billing.gpu.errors import NoBackend
from billing.jobs.errors import ConcurrencyLimit, InvalidParent, NotEntitled
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.ledger.errors import InsufficientCredits
from billing.ledger.timeline import Part, Timeline
from billing.subscriptions import selectors as subscriptions
from plans import burn_order, entitlements, orders, rating
from plans.catalog.schema import Catalog, Plan, Task
from plans.errors import InvalidSpec, Unpriced
from plans.rating import Price
from plans.selectors import Published

_VARIED: Final = ("resolution", "mode", "seconds", "audio")
_ALTERNATIVES_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that is known of an order before anything is held.

    Attributes:
        barriers: all that stands in the way, as the refusals that a submit would give.
        would_use: which grants would pay, as far as they reach.
        chain_seconds: length of the video together with what it continues.
    """

    published: Published
    plan: Plan | None
    dimensions: Mapping[str, str | int | bool]
    price: Price
    parent: Job | None
    chain_seconds: int
    barriers: Sequence[DomainError]
    would_use: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Alternative:
    """A like order that would be admitted: what to change, and what it then costs."""

    change: Mapping[str, str | int | bool]
    credits_micros: int


def assess(
    *,
    account: Account,
    order: JobOrder,
    published: Published,
    timeline: Timeline,
    price: Price | None = None,
) -> Assessment:
    """Judge `order` for `account` against a wallet that is settled to now.

    Args:
        published: the catalog that counts: the current one, or that of a quote.
        timeline: the account's wallet; only looked at.
        price: a price that was told before and still holds.

    Raises:
        InvalidSpec: the order does not fit the model, or lacks an input; all flaws are named.
        Unpriced: no rate covers it.
    """
    catalog = published.catalog
    dimensions = orders.read_order(catalog, order.spec).dimensions
    _require_inputs(task_of(catalog, dimensions), order)
    price = price or rating.rate(catalog, dimensions)
    plan = subscriptions.plan_of(account, catalog=catalog)
    parent = _parent(account, order)
    seconds = dimensions.get("seconds", 0)
    assert isinstance(seconds, int)
    chain_seconds = seconds + (parent.chain_seconds if parent else 0)
    barriers = [
        *_unserved(str(dimensions["model"]), is_sandbox=account.is_sandbox),
        *_not_entitled(catalog, plan, dimensions),
        *_broken_chain(catalog, order, dimensions, parent, chain_seconds),
        *_too_many(account, plan),
        *_too_dear(timeline, price),
    ]
    rank = burn_order.rank(catalog.burn_order)
    return Assessment(
        published=published,
        plan=plan,
        dimensions=dimensions,
        price=price,
        parent=parent,
        chain_seconds=chain_seconds,
        barriers=barriers,
        would_use=timeline.would_use(price.max_micros, rank=rank),
    )


def task_of(catalog: Catalog, dimensions: Mapping[str, str | int | bool]) -> Task:
    """Return what the catalog says of the ordered model's task."""
    model = catalog.model(str(dimensions["model"]))
    assert model is not None, "read_order has checked it"
    task = model.task(str(dimensions["task"]))
    assert task is not None, "read_order has checked it"
    return task


def alternatives(assessment: Assessment, *, available_micros: int) -> list[Alternative]:
    """Return like orders that nothing of the plan or the purse stands in the way of.

    Each differs from the order in one choice; the dearest first, for it is the nearest to what
    was wanted. An order that is admissible needs none.
    """
    if not assessment.barriers or assessment.plan is None:
        return []
    catalog, found = assessment.published.catalog, []
    model = catalog.model(str(assessment.dimensions["model"]))
    assert model is not None
    choices = model.dimensions_of(task_of(catalog, assessment.dimensions))
    for name in _VARIED:
        for value in (choices[name].values or ()) if name in choices else ():
            other = {**assessment.dimensions, name: value}
            if value == assessment.dimensions[name]:
                continue
            try:
                price = rating.rate(catalog, other)
            except Unpriced:
                continue
            allowed = not entitlements.barriers(catalog, assessment.plan, other)
            if allowed and price.max_micros <= available_micros:
                found.append(Alternative({name: value}, price.max_micros))
    return sorted(found, key=lambda one: -one.credits_micros)[:_ALTERNATIVES_MAX]


def _require_inputs(task: Task, order: JobOrder) -> None:
    """Refuse an order without what its task is made from.

    Raises:
        InvalidSpec: naming each missing input.
    """
    missing = [
        {
            "pointer": "/parent" if name == "parent" else f"/inputs/{name}",
            "code": "missing",
            "detail": _("%(name)s is missing.") % {"name": name},
        }
        for name in task.requires
        if not (order.parent_id if name == "parent" else order.inputs.get(name))
    ]
    if missing:
        raise InvalidSpec(missing)


def _parent(account: Account, order: JobOrder) -> Job | None:
    """Return the job to be continued; another's looks like none, as everywhere."""
    if order.parent_id is None:
        return None
    return Job.objects.filter(account=account, pk=order.parent_id).first()


def _unserved(model: str, *, is_sandbox: bool) -> list[DomainError]:
    try:
        registry.serving(model, is_sandbox=is_sandbox)
    except NoBackend as refusal:
        return [refusal]
    return []


def _not_entitled(
    catalog: Catalog, plan: Plan | None, dimensions: Mapping[str, str | int | bool]
) -> list[DomainError]:
    if plan is None:
        return [
            NotEntitled(
                detail=_("This needs a subscription."),
                entitlement="plan",
                limit="",
                required_plan=catalog.plans[0].code,
            )
        ]
    return [
        NotEntitled(
            detail=barrier.detail,
            entitlement=barrier.entitlement,
            limit=barrier.limit,
            required_plan=barrier.required_plan,
        )
        for barrier in entitlements.barriers(catalog, plan, dimensions)
    ]


def _broken_chain(
    catalog: Catalog,
    order: JobOrder,
    dimensions: Mapping[str, str | int | bool],
    parent: Job | None,
    chain_seconds: int,
) -> list[DomainError]:
    task = task_of(catalog, dimensions)
    if order.parent_id is None:
        return []  # a task that requires one has been refused without it
    if "parent" not in task.requires:
        return [InvalidParent(_("Only an order that continues a video names a parent."))]
    if parent is None:
        return [InvalidParent(_("Name a job of yours that has succeeded as the parent."))]
    if parent.status != JobStatus.SUCCEEDED:
        return [InvalidParent(_("The parent has not succeeded, so there is nothing to continue."))]
    if task.chain_seconds_max is not None and chain_seconds > task.chain_seconds_max:
        return [
            InvalidParent(
                _("The whole video would be %(length)s s long; at most %(max)s s are possible.")
                % {"length": chain_seconds, "max": task.chain_seconds_max}
            )
        ]
    return []


def _too_many(account: Account, plan: Plan | None) -> list[DomainError]:
    """Refuse what exceeds the plan's concurrency; where excess waits, dispatch makes it wait."""
    if plan is None or plan.entitlements.excess == "wait":
        return []
    limit = plan.entitlements.concurrency
    live = Job.objects.filter(wallet__account=account, finished_at=None).count()
    return [ConcurrencyLimit(limit=limit)] if live >= limit else []


def _too_dear(timeline: Timeline, price: Price) -> list[DomainError]:
    if timeline.available_micros >= price.max_micros:
        return []
    return [
        InsufficientCredits(
            need_micros=price.max_micros, available_micros=timeline.available_micros
        )
    ]
