"""Turns a job spec into the dimensions that price it, or refuses all that is wrong. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from plans.catalog.rates import LENGTH_SHOWN, shown, written
from plans.catalog.schema import Catalog, Dimension, Model, Task
from plans.catalog.sentences import did_you_mean
from plans.catalog.values import Scalar
from plans.errors import InvalidSpec
from plans.wording import gettext as _

# What else a job spec may carry; it has no price, and `jobs` reads it.
NOT_PRICED: Final = frozenset({"inputs", "options", "parent", "metadata"})


@dataclass(frozen=True)
class Order:
    """A job spec as the rate card sees it: model, task, and each dimension with its value."""

    dimensions: Mapping[str, Scalar]


def read_order(catalog: Catalog, spec: Mapping[str, object]) -> Order:
    """Return the order that `spec` describes, with the defaults of its model filled in.

    Nothing is converted: "5", 5.0 and true are not the number 5.

    Raises:
        InvalidSpec: with one error, pointing into the spec, for each thing that is wrong.
    """
    if not isinstance(spec, Mapping):
        raise InvalidSpec([_error("", "type", _("The order must be an object."))])
    model = _model(catalog, spec)
    task, errors = _task(model, spec)
    choices = model.dimensions_of(task)
    errors.extend(_unknown_keys(model, choices, spec))
    dimensions: dict[str, Scalar] = {"model": model.code, "task": task.code}
    for name, dimension in choices.items():
        value = spec.get(name, dimension.default)
        error = _wrong(name, dimension, value)
        if error is not None:
            errors.append(error)
        elif isinstance(value, (str, int)):
            dimensions[name] = value
    if errors:
        raise InvalidSpec(errors)
    return Order(MappingProxyType(dimensions))


def _error(name: str, code: str, detail: str) -> dict[str, str]:
    escaped = name.replace("~", "~0").replace("/", "~1")
    return {"pointer": f"/{escaped}" if name else "", "code": code, "detail": detail}


def _model(catalog: Catalog, spec: Mapping[str, object]) -> Model:
    code = spec.get("model")
    known = [model.code for model in catalog.models]
    if "model" not in spec:
        raise InvalidSpec([_error("model", "missing", _("model is missing."))])
    if not isinstance(code, str):
        raise InvalidSpec([_error("model", "type", _("model must be a text."))])
    model = catalog.model(code)
    if model is None:
        sentence = _("There is no model %(code)s.") % {"code": shown(code)}
        sentence += did_you_mean(code[:LENGTH_SHOWN], known)
        raise InvalidSpec([_error("model", "unknown", sentence)])
    return model


def _task(model: Model, spec: Mapping[str, object]) -> tuple[Task, list[dict[str, str]]]:
    """Return the task of the order; its model's first where the spec names none, or a wrong one."""
    code = spec.get("task", model.tasks[0].code)
    if not isinstance(code, str):
        return model.tasks[0], [_error("task", "type", _("task must be a text."))]
    task = model.task(code)
    if task is not None:
        return task, []
    known = [task.code for task in model.tasks]
    sentence = _("task must be one of %(known)s for %(model)s.")
    sentence %= {"known": ", ".join(known), "model": model.code}
    sentence += did_you_mean(code[:LENGTH_SHOWN], known)
    return model.tasks[0], [_error("task", "not_allowed", sentence)]


def _unknown_keys(
    model: Model, choices: Mapping[str, Dimension], spec: Mapping[str, object]
) -> Iterator[dict[str, str]]:
    known = {"model", "task", *choices, *NOT_PRICED}
    for key in spec:
        if key not in known:
            sentence = _("%(model)s has no %(key)s.") % {"model": model.code, "key": shown(key)}
            sentence += did_you_mean(key[:LENGTH_SHOWN], known)
            yield _error(key[:LENGTH_SHOWN], "unknown", sentence)


def _wrong(name: str, dimension: Dimension, value: object) -> dict[str, str] | None:
    """Return what is wrong with `value`; None when an order may have it."""
    if value is None:
        return _error(name, "missing", _("%(name)s is missing.") % {"name": name})
    if type(value) is not dimension.kind:
        kinds = {
            str: _("%(name)s must be a text."),
            int: _("%(name)s must be a whole number."),
            bool: _("%(name)s must be true or false."),
        }
        return _error(name, "type", kinds[dimension.kind] % {"name": name})
    assert isinstance(value, (str, int)), "the kind of a dimension is a scalar"
    if dimension.allows(value):
        return None
    if dimension.values is None:
        sentence = _("%(name)s must be from %(min)s to %(max)s, not %(value)s.")
        facts: dict[str, object] = {"min": dimension.min, "max": dimension.max}
    else:
        sentence = _("%(name)s must be one of %(known)s, not %(value)s.")
        facts = {"known": ", ".join(written(known) for known in dimension.values)}
    detail = sentence % {"name": name, "value": shown(value), **facts}
    return _error(name, "not_allowed", detail)
