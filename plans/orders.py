"""Turns a job spec into the dimensions that price it, or refuses all that is wrong. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from plans.catalog.orderable import Derive, Dimension, Model, Task
from plans.catalog.rates import LENGTH_SHOWN, shown, written
from plans.catalog.schema import Catalog
from plans.catalog.sentences import did_you_mean
from plans.catalog.values import Scalar, typed
from plans.errors import InvalidSpec
from plans.wording import gettext as _

# What else a job spec may carry; it has no price, and `jobs` reads it.
NOT_PRICED: Final = frozenset({"inputs", "options", "parent", "metadata"})
_LONG: Final = re.compile(r"[0-9]{1,12}\.[0-9]{7,52}")
_NOTHING: Final[Mapping[str, Scalar]] = MappingProxyType({})

Errors = list[dict[str, str]]


@dataclass(frozen=True)
class Order:
    """A job spec as the rate card sees it: model, task, and each dimension with its value."""

    dimensions: Mapping[str, Scalar]


def read_order(
    catalog: Catalog,
    spec: Mapping[str, object],
    *,
    inherited: Mapping[str, Scalar] = _NOTHING,
    inputs: Mapping[str, str] | None = None,
) -> Order:
    """Return the order that `spec` describes, with all that it leaves open filled in.

    The catalog's aliases are translated first. What the order says itself comes before what is
    derived from that, this before what is inherited, this before the defaults, and what follows
    from all of them fills the rest. Nothing is converted: "5", 5.0 and true are not the number 5.
    A number that the model derives, such as pixels, is one that some `derive` confirms: nothing is
    priced by numbers that the rest of the order does not have.

    Args:
        inherited: dimensions of the job that the order continues, where its task takes them over.
        inputs: what the order brings along, which decides the dimensions that tell of it. None:
            nobody knows, and what the order says of it is taken for true.

    Raises:
        InvalidSpec: with one error, pointing into the spec, for each thing that is wrong.
    """
    if not isinstance(spec, Mapping):
        raise InvalidSpec([_error("", "type", _("The order must be an object."))])
    spec, errors = _translated(catalog, spec)
    model = _model(catalog, spec)
    task = _task(model, spec, errors)
    choices = model.dimensions_of(task)
    errors.extend(_unknown_keys(model, choices, spec))
    said = _said(model, task, spec, errors)
    if inputs is not None:
        _tell_of_inputs(choices, said, inherited, inputs, errors)
    dimensions = {"model": model.code, "task": task.code, **said}
    for derive in model.derives:
        _follow(derive, dimensions, said, errors)
    for name, dimension in choices.items():
        default = inherited.get(name, dimension.default)
        if name not in dimensions and default is not None and name not in spec:
            dimensions[name] = default
    for derive in model.derives:
        if all(typed(dimensions.get(k, "")) == typed(v) for k, v in derive.when.items()):
            dimensions = {**derive.set, **dimensions}
    errors.extend(
        _error(name, "missing", _("%(name)s is missing.") % {"name": name})
        for name, dimension in choices.items()
        if name not in dimensions and not dimension.optional and spec.get(name) is None
    )
    if errors := errors or _unconfirmed(model, choices, said, dimensions):
        raise InvalidSpec(errors)
    return Order(MappingProxyType(dimensions))


def translated(catalog: Catalog, spec: Mapping[str, object]) -> Mapping[str, object]:
    """Return `spec` in the catalog's own words, also where it speaks of its account.

    Raises:
        InvalidSpec: two of its words say the same thing.
    """
    found, errors = _translated(catalog, spec)
    if errors:
        raise InvalidSpec(errors)
    return found


def named(catalog: Catalog, spec: Mapping[str, object]) -> tuple[Model | None, Task | None]:
    """Return the model and the task that `spec` names; None for what it does not, or wrongly."""
    meant, _errors = _translated(catalog, spec)
    code = meant.get("model")
    model = catalog.model(code) if isinstance(code, str) else None
    if model is None:
        return None, None
    task = meant.get("task", model.tasks[0].code)
    return model, model.task(task) if isinstance(task, str) else None


def _error(name: str, code: str, detail: str) -> dict[str, str]:
    escaped = name.replace("~", "~0").replace("/", "~1")
    return {"pointer": f"/{escaped}" if name else "", "code": code, "detail": detail}


def _translated(
    catalog: Catalog, spec: Mapping[str, object]
) -> tuple[Mapping[str, object], Errors]:
    """Return the spec in the catalog's own words, and what two words say at once."""
    if not catalog.aliases:
        return spec, []
    found, errors = dict(spec), []
    said_by = {name: name for name in spec}
    for alias in catalog.aliases:
        if alias.key not in spec:
            continue
        if alias.key != alias.means:
            value = found.pop(alias.key)
            other = said_by.setdefault(alias.means, alias.key)
            if other != alias.key:
                sentence = _("%(key)s and %(means)s say the same; give one of them.")
                sentence %= {"key": alias.key, "means": other}
                errors.append(_error(alias.key, "repeated", sentence))
                continue
        else:
            value = found[alias.key]
        told = written(value) if isinstance(value, (str, int)) else ""
        found[alias.means] = alias.values.get(told, value)
    return found, errors


def _model(catalog: Catalog, spec: Mapping[str, object]) -> Model:
    code = spec.get("model", catalog.default_model)
    if code is None and "model" not in spec:
        raise InvalidSpec([_error("model", "missing", _("model is missing."))])
    if not isinstance(code, str):
        raise InvalidSpec([_error("model", "type", _("model must be a text."))])
    model = catalog.model(code)
    if model is None:
        known = [model.code for model in catalog.models]
        sentence = _("There is no model %(code)s.") % {"code": shown(code)}
        sentence += did_you_mean(code[:LENGTH_SHOWN], known)
        raise InvalidSpec([_error("model", "unknown", sentence)])
    return model


def _task(model: Model, spec: Mapping[str, object], errors: Errors) -> Task:
    """Return the task of the order; its model's first where the spec names none, or a wrong one."""
    code = spec.get("task", model.tasks[0].code)
    if not isinstance(code, str):
        errors.append(_error("task", "type", _("task must be a text.")))
        return model.tasks[0]
    task = model.task(code)
    if task is not None:
        return task
    known = [task.code for task in model.tasks]
    sentence = _("task must be one of %(known)s for %(model)s.")
    sentence %= {"known": ", ".join(known), "model": model.code}
    if len(known) > 1:
        sentence += did_you_mean(code[:LENGTH_SHOWN], known)
    errors.append(_error("task", "not_allowed", sentence))
    return model.tasks[0]


def _unknown_keys(
    model: Model, choices: Mapping[str, Dimension], spec: Mapping[str, object]
) -> Iterator[dict[str, str]]:
    known = {"model", "task", *choices, *NOT_PRICED}
    for key in spec:
        if key not in known:
            sentence = _("%(model)s has no %(key)s.") % {"model": model.code, "key": shown(key)}
            guess = did_you_mean(key[:LENGTH_SHOWN], known)
            if not guess and choices:
                guess = " " + _("It has %(names)s.") % {"names": ", ".join(choices)}
            yield _error(key[:LENGTH_SHOWN], "unknown", sentence + guess)


def _said(
    model: Model, task: Task, spec: Mapping[str, object], errors: Errors
) -> dict[str, Scalar]:
    """Return what the order itself says of each dimension, as an order keeps it."""
    said: dict[str, Scalar] = {}
    for name, dimension in model.dimensions_of(task).items():
        value = spec.get(name)
        if value is None:
            continue
        kept = dimension.canonical(value)
        if kept is None:
            wrong = _wrong(name, dimension, value)
            elsewhere = [one.code for one in model.tasks if _takes(model, one, name, value)]
            if elsewhere:
                more = _("The task %(tasks)s has it.") % {"tasks": ", ".join(elsewhere)}
                wrong["detail"] += f" {more}"
            errors.append(wrong)
        else:
            said[name] = kept
    return said


def _takes(model: Model, task: Task, name: str, value: object) -> bool:
    """Say whether an order of another task may have `value`."""
    dimension = model.dimensions_of(task).get(name)
    return dimension is not None and dimension.canonical(value) is not None


def _tell_of_inputs(
    choices: Mapping[str, Dimension],
    said: dict[str, Scalar],
    inherited: Mapping[str, Scalar],
    inputs: Mapping[str, str],
    errors: Errors,
) -> None:
    """Say what the order brings as it brings it, and refuse what it claims otherwise."""
    for name, dimension in choices.items():
        if dimension.input is None:
            continue
        facts = {"name": name, "input": dimension.input}
        brings = bool(inputs.get(dimension.input))
        if dimension.kind is int:
            length = said.get(name, inherited.get(name))
            if brings and (length is None or Fraction(length) < 1):
                sentence = _("%(name)s must say how long the %(input)s of the order is.") % facts
                errors.append(_error(name, "missing", sentence))
            elif not brings and said.get(name, 0) != 0:
                sentence = _("%(name)s is of %(input)s, and the order brings none.") % facts
                errors.append(_error(name, "not_allowed", sentence))
        elif not dimension.allows(brings):
            taken = _("An order of this task takes no %(input)s."), "not_allowed"
            missing = _("%(name)s is missing.") % {"name": dimension.input}, "missing"
            sentence, code = taken if brings else missing
            pointer = f"/inputs/{dimension.input}"
            errors.append({"pointer": pointer, "code": code, "detail": sentence % facts})
        elif said.setdefault(name, brings) != brings:
            sentence = _("%(name)s must be true exactly where the order brings %(input)s.") % facts
            errors.append(_error(name, "not_allowed", sentence))


def _unconfirmed(
    model: Model,
    choices: Mapping[str, Dimension],
    said: Mapping[str, Scalar],
    dimensions: Mapping[str, Scalar],
) -> Errors:
    """Return the numbers that the order said, that the model derives, and that follow from nothing.

    64 pixels at 1080p would be priced as 64 and made as 1080p.
    """
    rules = [{**derive.when, **derive.set} for derive in model.derives]
    spoken_of = {name for rule in rules for name in rule if name in said}
    numbers = {name for name in spoken_of if name in choices and choices[name].kind is int}

    def holds(rule: Mapping[str, Scalar], *, but: Collection[str] = ()) -> bool:
        return all(
            name in but or typed(dimensions.get(name, "")) == typed(value)
            for name, value in rule.items()
        )

    wrong = [name for name in said if name in numbers] if numbers else []
    wrong = [name for name in wrong if not any(name in rule and holds(rule) for rule in rules)]
    errors = []
    for name in wrong:
        fitting = {
            ", ".join(f"{other} {written(rule[other])}" for other in rule if other in wrong)
            for rule in rules
            if name in rule and holds(rule, but=wrong)
        }
        sentence = _("%(name)s %(value)s does not fit the rest of the order. What fits: %(known)s.")
        facts = {"name": name, "value": written(said[name])}
        known = "; ".join(sorted(fitting)) or "-"
        errors.append(_error(name, "not_allowed", sentence % {**facts, "known": known}))
    return errors


def _follow(
    derive: Derive, dimensions: dict[str, Scalar], said: Mapping[str, Scalar], errors: Errors
) -> None:
    """Fill in what follows from what the order said itself; refuse what contradicts it."""
    if any(typed(said.get(name, "")) != typed(value) for name, value in derive.when.items()):
        return
    for name, value in derive.set.items():
        if name in said and typed(said[name]) != typed(value):
            sentence = _("%(name)s %(value)s does not fit %(reason)s: that has %(right)s.") % {
                "name": name,
                "value": written(said[name]),
                "reason": ", ".join(f"{n} {written(v)}" for n, v in derive.when.items()),
                "right": written(value),
            }
            errors.append(_error(name, "not_allowed", sentence))
        else:
            dimensions.setdefault(name, value)


def _wrong(name: str, dimension: Dimension, value: object) -> dict[str, str]:
    """Return what is wrong with `value`, which the dimension does not allow."""
    listed = dimension.items is not None
    texts = (str,) if dimension.decimal else ()
    if not listed and type(value) is not dimension.kind and not isinstance(value, texts):
        kinds = {
            str: _("%(name)s must be a text."),
            int: _("%(name)s must be a whole number."),
            bool: _("%(name)s must be true or false."),
        }
        if dimension.decimal:
            sentence = _('%(name)s must be a number; with decimal places in quotes: "10.23".')
        else:
            sentence = kinds[dimension.kind]
        return _error(name, "type", sentence % {"name": name})
    if dimension.decimal and isinstance(value, str) and _LONG.fullmatch(value):
        sentence = _("%(name)s must be a number with at most 6 decimal places.")
        return _error(name, "not_allowed", sentence % {"name": name})
    if dimension.values is not None:
        sentence = _("%(name)s must be one of %(known)s, not %(value)s.")
        facts: dict[str, object] = {"known": ", ".join(written(one) for one in dimension.values)}
    else:
        facts = {
            "min": dimension.min,
            "max": dimension.max,
            "items": dimension.items,
            "step": dimension.step,
        }
        if listed:
            sentence = _(
                "%(name)s must be a list of 1 to %(items)s numbers from %(min)s to %(max)s."
            )
        elif dimension.step > 1:
            sentence = _(
                "%(name)s must be from %(min)s to %(max)s in steps of %(step)s, not %(value)s."
            )
        else:
            sentence = _("%(name)s must be from %(min)s to %(max)s, not %(value)s.")
    return _error(name, "not_allowed", sentence % {"name": name, "value": shown(value), **facts})
