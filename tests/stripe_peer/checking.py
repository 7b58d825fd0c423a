"""Parameters are held against the types that Stripe generates into stripe-python.

So an unknown parameter, a wrong nesting or a word that is no member of an enumeration is refused
by Stripe's own description of the operation, not by what this emulator's author believed.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from stripe import RequestOptions
from typing_extensions import is_typeddict

from tests.stripe_peer.refusals import Refused, missing

_WHOLE: Final = re.compile(r"-?\d+")
_DECIMAL: Final = re.compile(r"-?\d+(\.\d+)?")
_NAMES: Final = {"Mapping": Mapping, "StripeContext": object}
_OPTIONS: Final = frozenset(RequestOptions.__annotations__)


class Wrong(Exception):
    """A value does not fit one of the types that it may have."""


def checked(spec: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as numbers, booleans, lists and dicts, as `spec` says they are.

    Raises:
        Refused: `parameter_unknown`, `parameter_missing`, or a value of another kind.
    """
    fitted = _fields(spec, given, "")
    for name in sorted(_required(spec) - given.keys()):
        raise missing(name)
    return fitted


@cache
def _hints(spec: type) -> dict[str, Any]:
    """Return the parameters of a TypedDict, without the options of the client's call."""
    hints = get_type_hints(spec, localns=_NAMES)
    return {name: hint for name, hint in hints.items() if name not in _OPTIONS}


@cache
def _required(spec: type) -> frozenset[str]:
    required: frozenset[str] = getattr(spec, "__required_keys__", frozenset())
    return required - _OPTIONS


@cache
def _kinds(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 (a hint may be any form of typing)
    """Return the alternatives of a hint, with each word of a Literal as one of them."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return tuple(kind for part in get_args(hint) for kind in _kinds(part))
    if origin is NotRequired:
        return _kinds(get_args(hint)[0])
    if origin is Literal:
        return get_args(hint)
    return () if hint is NoneType else (hint,)


def _fields(spec: type, given: Mapping[str, Any], within: str) -> dict[str, Any]:
    hints = _hints(spec)
    fitted = {}
    for key, value in given.items():
        name = f"{within}[{key}]" if within else key
        if key not in hints:
            raise Refused(
                f"Received unknown parameter: {name}", code="parameter_unknown", param=name
            )
        fitted[key] = _fitted(hints[key], value, name)
    if within:
        for key in sorted(_required(spec) - given.keys()):
            raise missing(f"{within}[{key}]")
    return fitted


def _fitted(hint: Any, value: Any, name: str) -> Any:  # noqa: ANN401 (as `_kinds`)
    kinds = _kinds(hint)
    if isinstance(value, dict):
        return _fitted_many(kinds, value, name)
    words = [kind for kind in kinds if isinstance(kind, str)]
    if value in words:
        return value
    if value == "":
        raise Refused(
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{name}' cannot be unset. You should remove '{name}' "
            "from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=name,
        )
    for kind in kinds:
        if kind in (bool, int, float, Decimal):
            try:
                return _scalar(kind, value)
            except Wrong:
                continue
    if str in kinds and not any(words):
        return value
    raise _misfit(kinds, value, name)


def _scalar(kind: type, value: str) -> object:
    if kind is bool and value in ("true", "false"):
        return value == "true"
    if kind is int and _WHOLE.fullmatch(value):
        return int(value)
    if kind is float and _DECIMAL.fullmatch(value):
        return float(value)
    if kind is Decimal and _DECIMAL.fullmatch(value):
        return value  # Stripe writes decimals as text
    raise Wrong


def _fitted_many(kinds: tuple[Any, ...], value: dict[str, Any], name: str) -> object:
    """Return a dict or a list whose members fit."""
    forms = [kind for kind in kinds if is_typeddict(kind)]
    known = [form for form in forms if value.keys() <= _hints(form).keys()]
    for form in known or forms:
        return _fields(form, value, name)
    for kind in kinds:
        if get_origin(kind) is list:
            return _listed(get_args(kind)[0], value, name)
        if get_origin(kind) is dict:
            return _mapped(get_args(kind)[1], value, name)
    raise Refused(f"Invalid string: {value}", param=name)


def _listed(hint: Any, value: dict[str, Any], name: str) -> list[Any]:  # noqa: ANN401 (as `_kinds`)
    if not all(key.isdecimal() for key in value):
        raise Refused("Invalid array", param=name)
    return [_fitted(hint, value[key], f"{name}[{key}]") for key in sorted(value, key=int)]


def _mapped(hint: Any, value: dict[str, Any], name: str) -> dict[str, Any]:  # noqa: ANN401 (as `_kinds`)
    """An empty value takes a key out of what is kept, so it always fits."""
    return {
        key: part if part == "" else _fitted(hint, part, f"{name}[{key}]")
        for key, part in value.items()
    }


def _misfit(kinds: tuple[Any, ...], value: str, name: str) -> Refused:
    words = [kind for kind in kinds if isinstance(kind, str) and kind]
    if words:
        listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, or {words[-1]}"
        return Refused(f"Invalid {name}: must be one of {listed}", param=name)
    if int in kinds:
        return Refused(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    if bool in kinds:
        return Refused(f"Invalid boolean: {value}", param=name)
    if float in kinds or Decimal in kinds:
        return Refused(f"Invalid decimal: {value}", param=name)
    what = "array" if any(get_origin(kind) is list for kind in kinds) else "object"
    return Refused(f"Invalid {what}", param=name)
