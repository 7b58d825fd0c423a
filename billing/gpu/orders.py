"""Reads an order for a vendor: what it cannot make is refused before anything is sent. Pure."""

from collections.abc import Collection, Container, Mapping
from typing import Final, NoReturn, TypeVar

from billing.gpu.protocol import Fail, Unmakeable

_Word = TypeVar("_Word")
# Switches that catalogs price. Every other one in an order is a flag of the customer's plan,
# which a backend may obey or not.
_PRICED_SWITCHES: Final = ("audio", "draft", "preview", "video_input", "voice_control")
# What an order says of a word that it makes no use of; "std" is the ordinary mode everywhere.
_NOTHING: Final = (None, "", False, 0, "std")


def refuse(field: str, remedy: str) -> NoReturn:
    """Raise the refusal of an order for the value of one field, and say what would help."""
    raise Unmakeable(f"{field}: {remedy}", fail=Fail.INVALID_INPUT)


def is_flag(field: str, value: object) -> bool:
    """Say whether a word is a flag of the customer's plan: a switch without a price."""
    return isinstance(value, bool) and field not in _PRICED_SWITCHES


def require_known(order: Mapping[str, object], known: Collection[str]) -> None:
    """Refuse an order with a word that the vendor cannot be told: its default would decide.

    Raises:
        Unmakeable: naming the word.
    """
    for field, value in order.items():
        if field not in known and not is_flag(field, value) and value not in _NOTHING:
            refuse(field, "this backend cannot be told it. Order it elsewhere, or leave it out.")


def require_one(order: Mapping[str, object]) -> None:
    """Refuse an order of several videos, for a vendor that makes one.

    Raises:
        Unmakeable: `count` is not 1.
    """
    if order.get("count", 1) != 1:
        refuse("count", "this backend makes one video an order. Order 1, several times.")


def whole(order: Mapping[str, object], field: str, among: Container[int]) -> int:
    """Return a whole number that the vendor takes.

    Raises:
        Unmakeable: it is missing, no whole number, or not among these.
    """
    value = order.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or value not in among:
        refuse(field, f"this backend makes {_listed(among)}, not {_shown(value)}.")
    return value


def choice(order: Mapping[str, object], field: str, words: Mapping[str, _Word]) -> _Word:
    """Return what the order's word means to the vendor.

    Raises:
        Unmakeable: it is missing, or none of these words.
    """
    value = order.get(field)
    if not isinstance(value, str) or value not in words:
        refuse(field, f"this backend makes {_listed(words)}, not {_shown(value)}.")
    return words[value]


def required(order: Mapping[str, object], field: str) -> str:
    """Return a text that the vendor cannot do without.

    Raises:
        Unmakeable: it is missing or empty.
    """
    value = order.get(field)
    if not isinstance(value, str) or not value:
        refuse(field, "this backend needs it for such an order. Add it.")
    return value


def _listed(values: object) -> str:
    if isinstance(values, range):
        return f"{values.start} to {values.stop - 1}"
    if isinstance(values, Collection):
        return ", ".join(str(value) for value in values)
    return "something else"


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)[:40]
