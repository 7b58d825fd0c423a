"""Reads an order together with the job that it continues: what it takes over, and if it may."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing.accounts import selectors as accounts
from billing.accounts.members import Membership
from billing.accounts.models import Account
from billing.errors import DomainError
from billing.jobs import selectors
from billing.jobs.errors import InvalidParent, OutputGone
from billing.jobs.lifecycle import JobStatus
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from plans import forms, orders, periods
from plans.catalog.matching import fits
from plans.catalog.orderable import Model, Task
from plans.catalog.rates import written
from plans.catalog.schema import Catalog
from plans.catalog.values import Between, Scalar
from plans.errors import InvalidSpec


@dataclass(frozen=True, slots=True)
class Linked:
    """An order as it is meant, with all that follows from its parent.

    Attributes:
        chain_seconds: length of the video together with what it continues.
    """

    parent: Job | None
    model: Model
    task: Task
    dimensions: Mapping[str, Scalar]
    inputs: Mapping[str, str]
    options: Mapping[str, object]
    chain_seconds: int


def read(
    account: Account, order: JobOrder, *, catalog: Catalog, member: Membership | None = None
) -> Linked:
    """Return what `order` means; a parent that its sender does not see looks like none.

    An order of a task with a `parent` table takes over the dimensions that the table names, the
    model among them, and the parent's inputs and options where it brings none of its own.

    Raises:
        InvalidSpec: the order does not fit the model, lacks an input, or brings a video that has
            no part in its price; all flaws are named.
    """
    parent = None
    if order.parent_id is not None:
        sees_all = member is not None and accounts.sees_all(member, catalog=catalog)
        seen = selectors.jobs(account, member, sees_all=sees_all)
        parent = seen.filter(pk=order.parent_id).first()
    spec = _with_model(catalog, order.spec, parent)
    takes_over = parent if _has_parent(catalog, spec) else None
    inputs = {**takes_over.inputs, **order.inputs} if takes_over else order.inputs
    dimensions = orders.read_order(
        catalog, spec, inherited=_inherited(catalog, spec, parent), inputs=inputs
    ).dimensions
    model = catalog.model(str(dimensions["model"]))
    assert model is not None, "read_order has checked it"
    task = model.task(str(dimensions["task"]))
    assert task is not None, "read_order has checked it"
    linked = Linked(
        parent=parent,
        model=model,
        task=task,
        dimensions=dimensions,
        inputs=inputs,
        options={**takes_over.options, **order.options} if takes_over else order.options,
        chain_seconds=_chain_seconds(task, dimensions, parent),
    )
    _require_inputs(linked, order)
    return linked


def broken(linked: Linked, order: JobOrder, *, at: datetime) -> list[DomainError]:
    """Return why the order cannot continue the job that it names; nothing where it can."""
    if order.parent_id is None:
        return []  # a task that requires one has been refused without it
    task, parent = linked.task, linked.parent
    if "parent" not in task.requires:
        return [InvalidParent(_("Only an order that continues a video names a parent."))]
    if parent is None:
        return [InvalidParent(_("Name a job of yours that has succeeded as the parent."))]
    if parent.status != JobStatus.SUCCEEDED or parent.finished_at is None:
        return [InvalidParent(_("The parent has not succeeded, so there is nothing to continue."))]
    found: list[DomainError] = []
    if not selectors.has_films(parent, at=at):
        found.append(OutputGone(job=parent.pk))
    if task.parent is not None and not fits(task.parent.match, parent.dimensions):
        found.append(
            InvalidParent(
                _("The parent must have been made with %(match)s.")
                % {"match": _spoken(task.parent.match)}
            )
        )
    if task.parent is not None and task.parent.within is not None:
        ends_at = periods.add_period(parent.finished_at, task.parent.within)
        if at >= ends_at:
            found.append(
                InvalidParent(
                    _("The parent could be continued until %(instant)s.")
                    % {"instant": ends_at.isoformat(timespec="minutes")}
                )
            )
    longest = task.chain_seconds_max
    if longest is not None and linked.chain_seconds > longest:
        found.append(
            InvalidParent(
                _("The whole video would be %(length)s s long; at most %(max)s s are possible.")
                % {"length": linked.chain_seconds, "max": longest}
            )
        )
    return found


def seconds_of(dimensions: Mapping[str, Scalar]) -> int:
    """Return how long one output is, in started seconds; 0 where the order does not say."""
    return math.ceil(forms.number(dimensions.get("seconds")) or 0)


def _with_model(
    catalog: Catalog, spec: Mapping[str, object], parent: Job | None
) -> Mapping[str, object]:
    """Return the spec with its parent's model, where it names none and its task takes it over."""
    if parent is None or orders.named(catalog, spec)[0] is not None or spec.get("model"):
        return spec
    meant = {**spec, "model": parent.model}
    task = orders.named(catalog, meant)[1]
    takes_over = task is not None and task.parent is not None and "model" in task.parent.inherit
    return meant if takes_over else spec


def _has_parent(catalog: Catalog, spec: Mapping[str, object]) -> bool:
    _model, task = orders.named(catalog, spec)
    return task is not None and task.parent is not None


def _inherited(
    catalog: Catalog, spec: Mapping[str, object], parent: Job | None
) -> dict[str, Scalar]:
    """Return the parent's dimensions that the order takes over, as far as they can be ordered."""
    model, task = orders.named(catalog, spec)
    if parent is None or model is None or task is None or task.parent is None:
        return {}
    choices = model.dimensions_of(task)
    return {
        name: parent.dimensions[name]
        for name in task.parent.inherit
        if name in parent.dimensions
        and name in choices
        and choices[name].allows(parent.dimensions[name])
    }


def _chain_seconds(task: Task, dimensions: Mapping[str, Scalar], parent: Job | None) -> int:
    """Return the length with all that is continued; a final of a draft continues nothing."""
    continues = task.parent is None or task.chain_seconds_max is not None
    before = parent.chain_seconds if parent is not None and continues else 0
    return before + seconds_of(dimensions)


def _require_inputs(linked: Linked, order: JobOrder) -> None:
    """Refuse an order without what its task is made from, or with a video that nothing prices.

    Raises:
        InvalidSpec: naming each such input.
    """
    wrong = [
        {
            "pointer": "/parent" if name == "parent" else f"/inputs/{name}",
            "code": "missing",
            "detail": _("%(name)s is missing.") % {"name": name},
        }
        for name in linked.task.requires
        if not (order.parent_id if name == "parent" else linked.inputs.get(name))
    ]
    dimensions = linked.model.dimensions_of(linked.task).values()
    told_of = {*linked.task.requires, *(dimension.input for dimension in dimensions)}
    if order.inputs.get("video_url") and "video_url" not in told_of:
        sentence = _("An order of this task takes no %(input)s.") % {"input": "video_url"}
        wrong.append({"pointer": "/inputs/video_url", "code": "not_allowed", "detail": sentence})
    if wrong:
        raise InvalidSpec(wrong)


def _spoken(match: Mapping[str, tuple[Scalar, ...] | Between]) -> str:
    said = []
    for name, matcher in match.items():
        if isinstance(matcher, Between):
            said.append(f"{name} {matcher.min}–{matcher.max}")  # noqa: RUF001 (a range is written so)
        else:
            said.append(f"{name} {'/'.join(written(value) for value in matcher)}")
    return ", ".join(said)
