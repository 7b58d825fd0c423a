"""Names of one table that another must have: codes, dimensions, sources, books. Pure."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from plans.catalog.allowances import Allowance, Campaign
from plans.catalog.choices import Choices, Found, Loc, made_by, of_models
from plans.catalog.offers import Pack, Plan, PlanPrice
from plans.catalog.orderable import Derive, Dimension, Model, Task
from plans.catalog.policies import CONTEXT, SHARES_MAX, Lane
from plans.catalog.programmes import Programme
from plans.catalog.rights import Entitlements
from plans.catalog.sentences import did_you_mean
from plans.catalog.values import Scalar
from plans.wording import gettext as _

_TAKEN: Final = frozenset({*CONTEXT, "model", "task", "inputs", "options", "parent", "metadata"})


def repeated(loc: Loc, named: Mapping[int, object], name: str) -> Iterator[Found]:
    """Yield each name that an earlier table of the list has already."""
    seen: dict[str, int] = {}
    for number, said in named.items():
        if not isinstance(said, str):
            continue
        if said in seen:
            sentence = _("is %(said)s again; number %(first)s has it already.")
            yield (*loc, number, name), sentence % {"said": said, "first": seen[said] + 1}
        seen.setdefault(said, number)


def default_model_fits(document: dict[str, Any], codes: Collection[str]) -> Iterator[Found]:
    """Yield that the model of orders that name none is not there."""
    said = document.get("default_model")
    if isinstance(said, str):
        yield from _known(("default_model",), said, codes, "model")


def free_tier_has_a_plan(document: dict[str, Any]) -> Iterator[Found]:
    """Yield that the table rules over the free plan, and no plan is free."""
    plans = document.get("plan")
    said = [plan for plan in plans if isinstance(plan, dict)] if isinstance(plans, list) else []
    if isinstance(document.get("free_tier"), dict) and not any(p.get("free") for p in said):
        yield (("free_tier",), _("says who has the free plan, and no plan has free = true."))


def refs_exist(document: dict[str, Any]) -> Iterator[Found]:
    """Yield each name that `[sources]` does not have, where a `ref` first says it."""
    sources = document.get("sources")
    known = sources if isinstance(sources, dict) else {}
    places: dict[str, list[Loc]] = {}
    for loc, name in _refs_in(document, ()):
        if name not in known:
            places.setdefault(name, []).append(loc)
    for name, found in places.items():
        sentence = _("names %(name)s, which [sources] does not have.") % {"name": name}
        if len(found) > 1:
            more = _("So do %(more)s more.") % {"more": len(found) - 1}
            sentence = f"{sentence} {more}"
        yield found[0], sentence + did_you_mean(name, known)


def models_fit(models: Mapping[int, Model], codes: Collection[str]) -> Iterator[Found]:
    """Yield what a model says of itself that does not fit: tasks, dimensions, its successor."""
    for number, model in models.items():
        loc: Loc = ("model", number)
        tasks = {place: task.code for place, task in enumerate(model.tasks)}
        yield from repeated((*loc, "task"), tasks, "code")
        for name in model.dimensions:
            yield from _name_is_free((*loc, "dimensions", name), name)
        for place, task in enumerate(model.tasks):
            yield from _task_fits((*loc, "task", place), model, task)
        for place, derive in enumerate(model.derives):
            yield from _derive_fits((*loc, "derive", place), model, derive)
        if model.successor is not None and model.successor not in codes:
            sentence = _("is an unknown model.") + did_you_mean(model.successor, codes)
            yield (*loc, "successor"), sentence


def parents_fit(models: Mapping[int, Model]) -> Iterator[Found]:
    """Yield what tasks ask of the job that they continue and no job can be.

    That job may be of any model: what it must have been is asked of its model, task and dimensions.
    """
    every = of_models(models.values(), None, {})
    for number, model in models.items():
        for place, task in enumerate(model.tasks):
            if task.parent is None:
                continue
            loc: Loc = ("model", number, "task", place, "parent", "match")
            wrong = list(every.match_fits(loc, task.parent.match))
            yield from wrong
            if not wrong and not any(made_by(models.values(), task.parent.match)):
                yield loc, _("is what no task of any model makes.")


def aliases_fit(document: dict[str, Any], choices: Choices | None) -> Iterator[Found]:
    """Yield aliases that stand for nothing, or hide a dimension."""
    for number, alias in enumerate(_tables(document, "alias")):
        key, means, values = alias.get("key"), alias.get("means"), alias.get("values")
        if choices is None or not isinstance(key, str) or not isinstance(means, str):
            continue
        loc: Loc = ("alias", number)
        if means not in choices:
            yield (*loc, "means"), choices.unknown(means)
            continue
        if key != means and key in choices:
            yield (*loc, "key"), _("is a dimension itself, so it can stand for no other.")
        elif key != means:
            yield from _name_is_free((*loc, "key"), key)
        for said, value in values.items() if isinstance(values, dict) else ():
            if isinstance(value, (str, int)):
                yield from choices.values_fit((*loc, "values", said), means, (value,))


def lanes_fit(lanes: Mapping[int, Lane]) -> Iterator[Found]:
    """Yield the lane with which all shares together are more than half of the starts."""
    shared = 0
    for number, lane in lanes.items():
        shared += lane.share
        if shared > SHARES_MAX:
            sentence = _("makes %(all)s with the lanes before it; together at most %(most)s.")
            yield ("lane", number, "share"), sentence % {"all": shared, "most": SHARES_MAX}
            return


def plans_fit(
    plans: Mapping[int, Plan], document: dict[str, Any], choices: Choices | None
) -> Iterator[Found]:
    """Yield what plans name that is not there, and a second free plan."""
    free = [number for number, plan in plans.items() if plan.free]
    for number in free[1:]:
        yield ("plan", number, "free"), _("is true again; only one plan can be the free one.")
    packs = _codes(document, "pack")
    for number, plan in plans.items():
        loc: Loc = ("plan", number)
        codes = {place: allowance.code for place, allowance in enumerate(plan.allowances)}
        yield from repeated((*loc, "allowance"), codes, "code")
        yield from _prices_fit(loc, plan.prices, document)
        if not isinstance(plan.entitlements.packs, bool):
            for code in plan.entitlements.packs:
                yield from _known((*loc, "entitlements", "packs"), code, packs, "pack")
        if choices is not None:
            yield from _entitlements_fit(choices, (*loc, "entitlements"), plan.entitlements)
            for place, allowance in enumerate(plan.allowances):
                yield from _allowance_fits(choices, (*loc, "allowance", place), allowance)


def packs_fit(
    packs: Mapping[int, Pack], document: dict[str, Any], choices: Choices | None
) -> Iterator[Found]:
    """Yield what packs name that is not there."""
    for number, pack in packs.items():
        loc: Loc = ("pack", number)
        yield from _prices_fit(loc, pack.prices, document)
        if choices is not None:
            yield from choices.match_fits((*loc, "scope"), pack.scope)
            if pack.bonus is not None:
                yield from choices.match_fits((*loc, "bonus", "scope"), pack.bonus.scope)


def campaigns_fit(
    campaigns: Mapping[int, Campaign], document: dict[str, Any], choices: Choices | None
) -> Iterator[Found]:
    """Yield what campaigns name that is not there."""
    known = _codes(document, "plan")
    for number, campaign in campaigns.items():
        loc: Loc = ("campaign", number)
        for code in campaign.plans:
            yield from _known((*loc, "plans"), code, known, "plan")
        if choices is not None:
            yield from choices.match_fits((*loc, "scope"), campaign.scope)


def programmes_fit(
    programmes: Mapping[int, Programme], campaigns: Mapping[int, Campaign], document: dict[str, Any]
) -> Iterator[Found]:
    """Yield campaigns that programmes name and are not there, or give by chance.

    A reward is told when it is earned and given later, so its amount is certain.
    """
    known = _codes(document, "campaign")
    by_chance = {one.code for one in campaigns.values() if one.credits_micros is None}
    for number, programme in programmes.items():
        for key, code in (("reward", programme.reward), ("welcome", programme.welcome)):
            if code is None:
                continue
            loc: Loc = ("programme", number, key)
            yield from _known(loc, code, known, "campaign")
            if code in by_chance:
                yield loc, _("is a campaign that gives by chance; a programme tells what it gives.")


def overrun_fits(
    document: dict[str, Any], choices: Choices | None, codes: Collection[str]
) -> Iterator[Found]:
    """Yield models that are not there, and measured dimensions that no order has.

    `tokens` need not be a dimension.
    """
    overrun = document.get("overrun")
    models = overrun.get("models") if isinstance(overrun, dict) else None
    for code in models if isinstance(models, list) else ():
        if isinstance(code, str):
            yield from _known(("overrun", "models"), code, codes, "model")
    measured = overrun.get("measured") if isinstance(overrun, dict) else None
    for name in measured if isinstance(measured, dict) and choices is not None else ():
        assert choices is not None
        if name != "tokens" and name not in choices:
            yield ("overrun", "measured", name), choices.unknown(name)


def estimates_fit(models: Mapping[int, Model], document: dict[str, Any]) -> Iterator[Found]:
    """Yield what an order only guesses, where nothing is measured afterwards."""
    overrun = document.get("overrun")
    told = overrun if isinstance(overrun, dict) else {}
    of, measures = told.get("models"), told.get("settle_by") == "usage"
    sentence = _('is measured afterwards only where [overrun] settles by "usage".')
    for number, model in models.items():
        if measures and (not isinstance(of, list) or model.code in of):
            continue
        loc: Loc = ("model", number)
        places: list[tuple[Loc, Mapping[str, Dimension]]] = [
            ((*loc, "dimensions"), model.dimensions),
            *(((*loc, "task", n, "dimensions"), t.dimensions) for n, t in enumerate(model.tasks)),
        ]
        for place, dimensions in places:
            for name, dimension in dimensions.items():
                if dimension.estimated:
                    yield (*place, name, "estimated"), sentence


def _refs_in(value: object, loc: Loc) -> Iterator[Found]:
    """Yield each name that a `ref` says, with its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "ref":
                said = [inner] if isinstance(inner, str) else inner
                for one in said if isinstance(said, list) else ():
                    if isinstance(one, str):
                        yield (*loc, key), one
            else:
                yield from _refs_in(inner, (*loc, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _refs_in(inner, (*loc, number))


def _task_fits(loc: Loc, model: Model, task: Task) -> Iterator[Found]:
    for name in task.dimensions:
        yield from _name_is_free((*loc, "dimensions", name), name)
    known = {"model", *model.dimensions_of(task)}
    for name in task.parent.inherit if task.parent is not None else ():
        if name not in known:
            yield (*loc, "parent", "inherit"), _no_dimension(name, known)


def _derive_fits(loc: Loc, model: Model, derive: Derive) -> Iterator[Found]:
    dimensions: dict[str, list[Dimension]] = {
        "task": [Dimension(values=tuple(task.code for task in model.tasks))]
    }
    for task in model.tasks:
        for name, dimension in model.dimensions_of(task).items():
            dimensions.setdefault(name, []).append(dimension)
    choices = Choices(dimensions)
    for key, named in (("when", derive.when), ("set", derive.set)):
        for name, value in named.items():
            yield from choices.values_fit((*loc, key, name), name, (value,))


def _prices_fit(
    loc: Loc, prices: tuple[PlanPrice, ...], document: dict[str, Any]
) -> Iterator[Found]:
    """Two prices of one currency, interval and book that are asked at one time tie."""
    books = _codes(document, "book")
    for place, price in enumerate(prices):
        if price.book is not None:
            yield from _known((*loc, "prices", place, "book"), price.book, books, "book")
        for before, other in enumerate(prices[:place]):
            alike = (price.currency, price.interval, price.book) == (
                other.currency,
                other.interval,
                other.book,
            )
            apart = (price.starts_at is not None and price.starts_at != other.starts_at) or (
                other.ends_at is not None and other.ends_at != price.ends_at
            )
            if alike and not apart:
                said = f"{price.currency} {price.interval}" if price.interval else price.currency
                sentence = _("is %(said)s again; number %(first)s has it already.")
                yield (
                    (*loc, "prices", place, "currency"),
                    sentence % {"said": said, "first": before + 1},
                )
                break


def _entitlements_fit(choices: Choices, loc: Loc, entitlements: Entitlements) -> Iterator[Found]:
    yield from _bounds_fit(choices, loc, entitlements.allow, entitlements.max)
    for place, limit in enumerate(entitlements.limits):
        yield from choices.match_fits((*loc, "limit", place, "when"), limit.when)
        yield from _bounds_fit(choices, (*loc, "limit", place), limit.allow, limit.max)
    for place, count in enumerate(entitlements.counts):
        yield from choices.match_fits((*loc, "count", place, "match"), count.match)
    for place, slots in enumerate(entitlements.slots):
        yield from choices.match_fits((*loc, "slot", place, "match"), slots.match)


def _bounds_fit(
    choices: Choices, loc: Loc, allow: Mapping[str, tuple[Scalar, ...]], highest: Mapping[str, int]
) -> Iterator[Found]:
    for name, values in allow.items():
        yield from choices.values_fit((*loc, "allow", name), name, values)
    for name in highest:
        yield from choices.counts((*loc, "max", name), name)


def _allowance_fits(choices: Choices, loc: Loc, allowance: Allowance) -> Iterator[Found]:
    yield from choices.match_fits((*loc, "scope"), allowance.scope)
    if allowance.unit == "second" and "seconds" not in choices:
        yield (*loc, "unit"), _("counts seconds, and no model here has a dimension seconds.")


def _name_is_free(loc: Loc, name: str) -> Iterator[Found]:
    if name in _TAKEN:
        yield loc, _("is a name with a meaning of its own here; call the dimension otherwise.")


def _no_dimension(name: str, known: Collection[str]) -> str:
    sentence = _("names %(name)s, which no model here lets an order choose.") % {"name": name}
    return sentence + did_you_mean(name, known)


def _known(loc: Loc, code: str, known: Collection[str], kind: str) -> Iterator[Found]:
    if code not in known:
        sentence = _("names the unknown %(kind)s %(code)s.") % {"kind": kind, "code": code}
        yield loc, sentence + did_you_mean(code, known)


def _codes(document: dict[str, Any], key: str) -> list[str]:
    return [table["code"] for table in _tables(document, key) if isinstance(table.get("code"), str)]


def _tables(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    listed = document.get(key)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
