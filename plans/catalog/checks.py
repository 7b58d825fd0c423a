"""What no single table can know: names that must exist, and rows that must not tie.

Each check works on whatever tables are valid by themselves, so that a typo in one rate does
not hide a tie between two others.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from plans.catalog.rates import AnyRate, LookupRate, PerUnitRate, Rate, written
from plans.catalog.schema import Dimension, Entitlements, Model, Pack, Plan
from plans.catalog.sentences import did_you_mean
from plans.catalog.values import Scalar
from plans.wording import gettext as _

Loc = tuple[int | str, ...]
Found = tuple[Loc, str]
Choices = Mapping[str, Sequence[Dimension]]
Valid = TypeVar("Valid")

_RATE: Final[TypeAdapter[AnyRate]] = TypeAdapter(Rate)


@dataclass(frozen=True)
class _Parts:
    """The valid tables of a file, each by its number in it, and the names that the file uses."""

    models: Mapping[int, Model]
    plans: Mapping[int, Plan]
    packs: Mapping[int, Pack]
    rates: Mapping[int, AnyRate]
    model_codes: frozenset[str]  # also of models that are wrong otherwise

    def choices(self, codes: frozenset[str], tasks: frozenset[str] | None = None) -> Choices | None:
        """Return what orders of these models and tasks can choose; None when it is unknown."""
        models = {model.code: model for model in self.models.values()}
        if not codes <= models.keys():
            return None
        found: dict[str, list[Dimension]] = defaultdict(list)
        for model in (models[code] for code in codes):
            found["model"].append(Dimension(values=(model.code,)))
            for task in model.tasks:
                if tasks is None or task.code in tasks:
                    found["task"].append(Dimension(values=(task.code,)))
                    for name, dimension in model.dimensions_of(task).items():
                        found[name].append(dimension)
        return found


def check(document: dict[str, Any]) -> Iterator[Found]:
    """Yield where and why the tables of `document` do not fit together."""
    parts = _Parts(
        models=_valid(document, "model", Model.model_validate),
        plans=_valid(document, "plan", Plan.model_validate),
        packs=_valid(document, "pack", Pack.model_validate),
        rates=_valid(document, "rate", _RATE.validate_python),
        model_codes=frozenset(
            table["code"]
            for table in _tables(document, "model").values()
            if isinstance(table.get("code"), str)
        ),
    )
    for key, name in (("model", "code"), ("plan", "code"), ("pack", "code"), ("rate", "id")):
        named = {number: table.get(name) for number, table in _tables(document, key).items()}
        yield from _repeated((key,), named, name)
    for number, model in parts.models.items():
        codes = {place: task.code for place, task in enumerate(model.tasks)}
        yield from _repeated(("model", number, "task"), codes, "code")
    yield from _plans_fit(parts)
    for number, rate in parts.rates.items():
        yield from _rate_fits(parts, number, rate)
    yield from _ties(parts)
    if len(parts.rates) == len(_tables(document, "rate")):
        yield from _models_without_rates(parts)
    yield from _failure_policy_fits(parts, document.get("failure_policy"))


def _tables(document: dict[str, Any], key: str) -> dict[int, dict[str, Any]]:
    listed = document.get(key)
    if not isinstance(listed, list):
        return {}
    return {number: table for number, table in enumerate(listed) if isinstance(table, dict)}


def _valid(
    document: dict[str, Any], key: str, validate: Callable[[object], Valid]
) -> dict[int, Valid]:
    valid: dict[int, Valid] = {}
    for number, table in _tables(document, key).items():
        try:
            valid[number] = validate(table)
        except ValidationError:
            continue  # the schema has named its problems
    return valid


def _repeated(loc: Loc, named: Mapping[int, object], name: str) -> Iterator[Found]:
    seen: dict[str, int] = {}
    for number, said in named.items():
        if not isinstance(said, str):
            continue
        if said in seen:
            sentence = _("is %(said)s again; number %(first)s has it already.")
            yield (*loc, number, name), sentence % {"said": said, "first": seen[said] + 1}
        seen.setdefault(said, number)


def _plans_fit(parts: _Parts) -> Iterator[Found]:
    free = [number for number, plan in parts.plans.items() if plan.free]
    for number in free[1:]:
        yield ("plan", number, "free"), _("is true again; only one plan can be the free one.")
    choices = parts.choices(parts.model_codes)
    for number, plan in parts.plans.items():
        codes = {place: allowance.code for place, allowance in enumerate(plan.allowances)}
        yield from _repeated(("plan", number, "allowance"), codes, "code")
        prices = {place: f"{p.currency} {p.interval}" for place, p in enumerate(plan.prices)}
        yield from _repeated(("plan", number, "prices"), prices, "currency")
        if choices is not None:
            loc = ("plan", number, "entitlements")
            yield from _entitlements_fit(choices, loc, plan.entitlements)
    for number, pack in parts.packs.items():
        currencies = {place: price.currency for place, price in enumerate(pack.prices)}
        yield from _repeated(("pack", number, "prices"), currencies, "currency")


def _entitlements_fit(choices: Choices, loc: Loc, entitlements: Entitlements) -> Iterator[Found]:
    for name, values in entitlements.allow.items():
        yield from _values_fit(choices, (*loc, "allow", name), name, values)
    for name in entitlements.max:
        yield from _counts(choices, (*loc, "max", name), name)


def _rate_fits(parts: _Parts, number: int, rate: AnyRate) -> Iterator[Found]:
    loc: Loc = ("rate", number)
    codes = _texts(rate.match.get("model", ())) or parts.model_codes
    for code in sorted(codes - parts.model_codes):
        sentence = _("names the unknown model %(code)s.") % {"code": code}
        yield (*loc, "match", "model"), sentence + did_you_mean(code, parts.model_codes)
    choices = parts.choices(codes)
    if choices is None:
        return
    yield from _values_fit(choices, (*loc, "match", "task"), "task", rate.match.get("task", ()))
    choices = parts.choices(codes, _texts(rate.match.get("task", ())) or None)
    assert choices is not None, "the models are known"
    for name, values in rate.match.items():
        if name not in {"model", "task"} and choices.get("task"):
            yield from _values_fit(choices, (*loc, "match", name), name, values)
    if isinstance(rate, PerUnitRate):
        yield from _counts(choices, (*loc, "basis"), rate.basis)
    if isinstance(rate, LookupRate):
        yield from _lookup_fits(choices, loc, rate)


def _lookup_fits(choices: Choices, loc: Loc, rate: LookupRate) -> Iterator[Found]:
    if rate.by not in choices:
        yield (*loc, "by"), _unknown_dimension(choices, rate.by)
        return
    known = {written(value) for d in choices[rate.by] for value in d.values or ()}
    for key in rate.table:
        if key in known or any(_in_range(dimension, key) for dimension in choices[rate.by]):
            continue
        sentence = _("is no value of %(name)s that can be ordered.") % {"name": rate.by}
        yield (*loc, "table", key), sentence + did_you_mean(key, known)


def _in_range(dimension: Dimension, key: str) -> bool:
    plain = key.isascii() and key.isdigit() and str(int(key)) == key
    return dimension.values is None and plain and dimension.allows(int(key))


def _texts(values: tuple[Scalar, ...]) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str))


def _unknown_dimension(choices: Choices, name: str) -> str:
    sentence = _("names %(name)s, which no model here lets an order choose.") % {"name": name}
    return sentence + did_you_mean(name, choices)


def _counts(choices: Choices, loc: Loc, name: str) -> Iterator[Found]:
    if name not in choices:
        yield loc, _unknown_dimension(choices, name)
    elif not all(dimension.kind is int for dimension in choices[name]):
        yield loc, _("must be a dimension of whole numbers.")


def _values_fit(
    choices: Choices, loc: Loc, name: str, values: tuple[Scalar, ...]
) -> Iterator[Found]:
    if values and name not in choices:
        yield loc, _unknown_dimension(choices, name)
        return
    for value in values:
        if not any(dimension.allows(value) for dimension in choices[name]):
            known = [written(known) for d in choices[name] for known in d.values or ()]
            sentence = _("is %(value)s, which no order can have here.")
            yield loc, sentence % {"value": written(value)} + did_you_mean(written(value), known)


def _ties(parts: _Parts) -> Iterator[Found]:
    """Find rows of equal width that some order would match both: none of them would be the one."""
    by_width: dict[tuple[int, int], list[tuple[int, AnyRate]]] = defaultdict(list)
    for number, rate in parts.rates.items():
        by_width[rate.specificity].append((number, rate))
    for rows in by_width.values():
        for (__, first), (number, second) in combinations(rows, 2):
            if first.overlaps(second):
                sentence = _(
                    "ties with rate %(first)s: some order matches both, and neither is narrower."
                )
                yield ("rate", number), sentence % {"first": first.id}


def _models_without_rates(parts: _Parts) -> Iterator[Found]:
    for number, model in parts.models.items():
        priced = any(
            not rate.match.get("model") or model.code in rate.match["model"]
            for rate in parts.rates.values()
        )
        if not priced:
            yield ("model", number), _("has no rate: nothing of it could be sold.")


def _failure_policy_fits(parts: _Parts, policy: object) -> Iterator[Found]:
    models = policy.get("models") if isinstance(policy, dict) else None
    for code in models if isinstance(models, dict) else ():
        if code not in parts.model_codes:
            sentence = _("is an unknown model.") + did_you_mean(code, parts.model_codes)
            yield ("failure_policy", "models", code), sentence
