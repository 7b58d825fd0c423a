"""What no single table can know: names that must exist, and rows that must not tie.

Each check works on whatever tables are valid by themselves, so that a typo in one rate does
not hide a tie between two others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from plans.catalog import choices as choosing
from plans.catalog import names
from plans.catalog.allowances import Campaign
from plans.catalog.choices import Choices, Found, Loc
from plans.catalog.modifiers import Modifier
from plans.catalog.offers import Pack, Plan
from plans.catalog.orderable import Dimension, Model
from plans.catalog.policies import Lane
from plans.catalog.programmes import Programme
from plans.catalog.rates import (
    AnyRate,
    LookupRate,
    PerUnitRate,
    Rate,
    TiersRate,
    TokensRate,
    written,
)
from plans.catalog.sentences import did_you_mean
from plans.catalog.ties import shared, ties
from plans.catalog.values import DIGITS_MAX, Between, Scalar
from plans.wording import gettext as _

Valid = TypeVar("Valid")

_RATE: Final[TypeAdapter[AnyRate]] = TypeAdapter(Rate)
_NAMED: Final = {
    **dict.fromkeys(("model", "plan", "pack", "campaign", "programme"), "code"),
    **dict.fromkeys(("conversion", "book", "lane"), "code"),
    **dict.fromkeys(("rate", "modifier"), "id"),
    "alias": "key",
}


@dataclass(frozen=True)
class _Parts:
    """The valid tables of a file, each by its number in it, and the names that the file uses."""

    models: Mapping[int, Model]
    plans: Mapping[int, Plan]
    packs: Mapping[int, Pack]
    campaigns: Mapping[int, Campaign]
    programmes: Mapping[int, Programme]
    rates: Mapping[int, AnyRate]
    costs: Mapping[int, AnyRate]
    modifiers: Mapping[int, Modifier]
    model_codes: frozenset[str]  # also of models that are wrong otherwise
    context: Mapping[str, Sequence[Dimension]]
    _known: dict[tuple[frozenset[str], frozenset[str] | None], Choices | None] = field(
        default_factory=dict
    )

    @cached_property
    def by_code(self) -> Mapping[str, Model]:
        """The valid models by their codes."""
        return {model.code: model for model in self.models.values()}

    def choices(self, codes: frozenset[str], tasks: frozenset[str] | None = None) -> Choices | None:
        """Return what orders of these models and tasks can choose; None when it is unknown."""
        asked = (codes, tasks)
        if asked not in self._known:
            models = [self.by_code[code] for code in sorted(codes) if code in self.by_code]
            self._known[asked] = (
                choosing.of_models(models, tasks, self.context)
                if len(models) == len(codes)
                else None
            )
        return self._known[asked]


def check(document: dict[str, Any]) -> Iterator[Found]:
    """Yield where and why the tables of `document` do not fit together."""
    cost = document.get("cost")
    parts = _Parts(
        models=_valid(document, "model", Model.model_validate),
        plans=_valid(document, "plan", Plan.model_validate),
        packs=_valid(document, "pack", Pack.model_validate),
        campaigns=_valid(document, "campaign", Campaign.model_validate),
        programmes=_valid(document, "programme", Programme.model_validate),
        rates=_valid(document, "rate", _RATE.validate_python),
        costs=_valid(cost if isinstance(cost, dict) else {}, "rate", _RATE.validate_python),
        modifiers=_valid(document, "modifier", Modifier.model_validate),
        model_codes=frozenset(
            table["code"]
            for table in _tables(document, "model").values()
            if isinstance(table.get("code"), str)
        ),
        context=choosing.context_of(document),
    )
    for key, name in _NAMED.items():
        named = {number: table.get(name) for number, table in _tables(document, key).items()}
        yield from names.repeated((key,), named, name)
    yield from names.models_fit(parts.models, parts.model_codes)
    if parts.choices(parts.model_codes) is not None:
        yield from names.parents_fit(parts.models)
    yield from names.default_model_fits(document, parts.model_codes)
    yield from names.free_tier_has_a_plan(document)
    yield from names.refs_exist(document)
    yield from names.aliases_fit(document, parts.choices(parts.model_codes))
    every = parts.choices(parts.model_codes)
    yield from names.lanes_fit(_valid(document, "lane", Lane.model_validate))
    yield from names.plans_fit(parts.plans, document, every)
    yield from names.packs_fit(parts.packs, document, every)
    yield from names.campaigns_fit(parts.campaigns, document, every)
    yield from names.programmes_fit(parts.programmes, parts.campaigns, document)
    yield from names.overrun_fits(document, every, parts.model_codes)
    yield from names.estimates_fit(parts.models, document)
    for number, rate in parts.rates.items():
        yield from _rate_fits(parts, ("rate", number), rate)
    for number, rate in parts.costs.items():
        yield from _rate_fits(parts, ("cost", "rate", number), rate)
    for number, modifier in parts.modifiers.items():
        yield from _modifier_fits(parts, ("modifier", number), modifier)
    yield from _ties(("rate",), parts.rates)
    yield from _ties(("cost", "rate"), parts.costs)
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


def _chosen(parts: _Parts, loc: Loc, match: Mapping[str, Any]) -> Iterator[Found | Choices]:
    """Yield what is wrong with the models and tasks that a row names, then what it may name."""
    codes = _texts(match.get("model", ())) or parts.model_codes
    for code in sorted(codes - parts.model_codes):
        sentence = _("names the unknown model %(code)s.") % {"code": code}
        yield (*loc, "match", "model"), sentence + did_you_mean(code, parts.model_codes)
    choices = parts.choices(codes)
    if choices is None:
        return
    tasks = match.get("task", ())
    if not isinstance(tasks, Between):
        yield from choices.values_fit((*loc, "match", "task"), "task", tasks)
    narrowed = parts.choices(codes, _texts(tasks) or None)
    assert narrowed is not None, "the models are known"
    if "task" in narrowed:
        rest = {name: matcher for name, matcher in match.items() if name not in {"model", "task"}}
        yield from narrowed.match_fits((*loc, "match"), rest)
    yield narrowed


def _rate_fits(parts: _Parts, loc: Loc, rate: AnyRate) -> Iterator[Found]:
    for found in _chosen(parts, loc, rate.match):
        if not isinstance(found, Choices):
            yield found
            continue
        if isinstance(rate, (PerUnitRate, TiersRate)):
            yield from found.counts((*loc, "basis"), rate.basis)
        if isinstance(rate, LookupRate):
            yield from _lookup_fits(found, loc, rate)
        if isinstance(rate, TokensRate):
            yield from _tokens_fit(found, loc, rate)
        for place, also in enumerate(rate.also):
            yield from found.counts((*loc, "also", place, "basis"), also.basis)


def _modifier_fits(parts: _Parts, loc: Loc, modifier: Modifier) -> Iterator[Found]:
    for found in _chosen(parts, loc, modifier.match):
        if not isinstance(found, Choices):
            yield found
        elif modifier.per_item is not None:
            yield from found.counts((*loc, "per_item", "basis"), modifier.per_item.basis)


def _tokens_fit(choices: Choices, loc: Loc, rate: TokensRate) -> Iterator[Found]:
    for key in ("width", "height", "fps"):
        yield from choices.counts((*loc, key), getattr(rate, key))
    for place, name in enumerate(rate.seconds):
        yield from choices.counts((*loc, "seconds", place), name)


def _lookup_fits(choices: Choices, loc: Loc, rate: LookupRate) -> Iterator[Found]:
    if rate.by not in choices:
        yield (*loc, "by"), choices.unknown(rate.by)
        return
    dimensions = choices.dimensions[rate.by]
    known = {written(value) for dimension in dimensions for value in dimension.values or ()}
    for key in rate.table:
        if key in known or any(_in_range(dimension, key) for dimension in dimensions):
            continue
        sentence = _("is no value of %(name)s that can be ordered: %(known)s.")
        ranges = [f"{one.min}–{one.max}" for one in dimensions if one.values is None]  # noqa: RUF001
        said = sentence % {"name": rate.by, "known": ", ".join([*sorted(known), *ranges])}
        yield (*loc, "table", key), said + did_you_mean(key, known)


def _in_range(dimension: Dimension, key: str) -> bool:
    """Say whether a key of a table is how a number of the dimension is written."""
    if dimension.values is not None:
        return False
    plain = len(key) <= DIGITS_MAX and key.isascii() and key.isdigit()
    value = dimension.canonical(int(key) if plain else key)
    return value is not None and written(value) == key


def _texts(values: object) -> frozenset[str]:
    listed: tuple[Scalar, ...] = values if isinstance(values, tuple) else ()
    return frozenset(value for value in listed if isinstance(value, str))


def _ties(loc: Loc, rates: Mapping[int, AnyRate]) -> Iterator[Found]:
    for second, first in ties(rates):
        sentence = _(
            "ties with rate %(first)s (number %(number)s): an order with %(order)s matches both, "
            "and neither is narrower. Let one of them name more."
        )
        yield (
            (*loc, second),
            sentence
            % {
                "first": rates[first].id,
                "number": first + 1,
                "order": shared(rates[first], rates[second]) or _("anything"),
            },
        )


def _models_without_rates(parts: _Parts) -> Iterator[Found]:
    matched = [rate.match.get("model") for rate in parts.rates.values()]
    if not all(matched):
        return  # a row that leaves the model open is for all
    priced = {code for matcher in matched for code in _texts(matcher)}
    for number, model in parts.models.items():
        if model.code not in priced:
            yield ("model", number), _("has no rate: nothing of it could be sold.")


def _failure_policy_fits(parts: _Parts, policy: object) -> Iterator[Found]:
    models = policy.get("models") if isinstance(policy, dict) else None
    for code in models if isinstance(models, dict) else ():
        if code not in parts.model_codes:
            sentence = _("is an unknown model.") + did_you_mean(code, parts.model_codes)
            yield ("failure_policy", "models", code), sentence
