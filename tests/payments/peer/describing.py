"""Objects are held against the classes that stripe-python generates from Stripe's description."""

import builtins
import importlib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import stripe
from stripe._object_classes import get_object_class

_MODULES = ("", ".checkout", ".billing_portal", ".test_helpers", ".billing", ".radar", ".tax")


class _Names(dict[str, object]):
    """Every class of stripe-python by its name: the classes name each other as text."""

    def __missing__(self, name: str) -> object:
        for module in _MODULES:
            found = getattr(importlib.import_module(f"stripe{module}"), name, None)
            if found is not None:
                return found
        if hasattr(builtins, name) or hasattr(typing, name):
            raise KeyError(name)
        return stripe.StripeObject  # a class that is imported under another name


def class_of(kind: object) -> Any:  # noqa: ANN401 (a class of stripe)
    """Return the class of a kind of object: "payment_intent" and the like; None for no such."""
    found = get_object_class("V1", kind) if isinstance(kind, str) else stripe.StripeObject
    return None if found is stripe.StripeObject else found


def misfits(thing: Mapping[str, Any], cls: Any, at: str) -> Iterator[str]:  # noqa: ANN401 (a class of stripe)
    """Yield where an object is not as its class says: a field too many, too few, or of a kind."""
    hints = _hints(cls)
    for name in thing.keys() - hints.keys():
        yield f"{at}.{name}: Stripe has no such field"
    for name, hint in hints.items():
        if name in thing:
            yield from _misfit(thing[name], hint, f"{at}.{name}")
        elif types.NoneType not in get_args(hint):
            yield f"{at}.{name}: it is missing"


def _hints(cls: Any) -> dict[str, Any]:  # noqa: ANN401 (as above)
    hints = get_type_hints(cls, localns=_Names())
    own = [
        name
        for base in cls.__mro__
        if base is not stripe.StripeObject
        for name in vars(base).get("__annotations__", {})
    ]
    return {
        name: hint
        for name, hint in hints.items()
        if name in own and get_origin(hint) is not ClassVar and not name.startswith("_")
    }


def _misfit(value: Any, hint: Any, at: str) -> Iterator[str]:  # noqa: ANN401 (any JSON, any hint)
    """A list of hints means any of them."""
    kinds = [kind for part in (hint if isinstance(hint, list) else [hint]) for kind in _kinds(part)]
    if value is None:
        if types.NoneType not in kinds:
            yield f"{at}: it is null"
    elif isinstance(value, dict):
        yield from _misfit_dict(value, kinds, at)
    elif isinstance(value, list):
        inner = [get_args(kind)[0] for kind in kinds if get_origin(kind) is list]
        if not inner:
            yield f"{at}: it is a list"
        for place, part in enumerate(value):
            yield from _misfit(part, inner, f"{at}[{place}]")
    else:
        yield from _misfit_scalar(value, kinds, at)


def _misfit_dict(value: dict[str, Any], kinds: list[Any], at: str) -> Iterator[str]:
    """A list in pages is held by its members; what may be several classes, by its `object`."""
    forms = [kind for kind in kinds if _is_class(kind)]
    if value.get("object") == "list":
        for place, part in enumerate(value["data"]):
            yield from misfits(part, class_of(part["object"]), f"{at}[{place}]")
    elif class_of(value.get("object")) is not None:
        yield from misfits(value, class_of(value["object"]), at)
    elif len(forms) == 1:
        yield from misfits(value, forms[0], at)
    elif not any(get_origin(kind) is not None or kind is dict for kind in kinds):
        yield f"{at}: it is an object"


def _misfit_scalar(value: object, kinds: list[Any], at: str) -> Iterator[str]:
    words = [kind for kind in kinds if isinstance(kind, str) and kind]
    if isinstance(value, str) and words and str in kinds and not any(map(_is_class, kinds)):
        if value not in words:
            yield f"{at}: {value!r} is none of {words}"
    elif isinstance(value, bool):
        if bool not in kinds and value not in [k for k in kinds if isinstance(k, bool)]:
            yield f"{at}: it is a boolean"
    elif isinstance(value, (int, float)):
        if not {int, float} & set(map(_hashable, kinds)):
            yield f"{at}: it is a number"
    elif value not in words and not _takes_text(kinds):
        yield f"{at}: it is text"


def _takes_text(kinds: list[Any]) -> bool:
    return any(getattr(kind, "__name__", "") in ("str", "Decimal") for kind in kinds)


def _is_class(kind: Any) -> bool:  # noqa: ANN401 (as above)
    return isinstance(kind, type) and issubclass(kind, stripe.StripeObject)


def _hashable(kind: Any) -> object:  # noqa: ANN401 (as above)
    return kind if isinstance(kind, type) else None


def _kinds(hint: Any) -> Iterator[Any]:  # noqa: ANN401 (as above)
    if get_origin(hint) in (Union, types.UnionType):
        for part in get_args(hint):
            yield from _kinds(part)
    elif get_origin(hint) is Literal:
        yield from get_args(hint)
    else:
        yield hint
