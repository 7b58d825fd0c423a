"""Reads what backends answer: JSON of strangers, in which anything may stand. Pure."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from billing.gpu.protocol import Fail, State

_TEXT_MAX: Final = 500
# How a judge's refusal is worded everywhere; a vendor's own words are its adapter's.
_MODERATION_WORDS: Final = ("nsfw", "moderation", "content policy", "safety checker")
# What a vendor's sentence may hold that opens something: an address's query, a bearer's token.
_SIGNED: Final = re.compile(r"(?i)(https?://[^\s?#\"'<>]+)[?#][^\s\"'<>]*")
_BEARER: Final = re.compile(r"(?i)\b(bearer|token|key)([ :=]+)[\w.~+/=-]{12,}")
# Keys that show by their beginning what they are, whatever words stand before them.
_KEY: Final = re.compile(r"(?i)\b((?:sk|pk|rk)-|(?:r8|hf)_)[\w*-]{8,}")
_MEMORY_WORDS: Final = ("out of memory", "outofmemory")


class Unreadable(ValueError):
    """Not what the backend's protocol says that it answers."""


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`.

    Raises:
        Unreadable: not JSON, not an object, or nested beyond sense.
    """
    try:
        parsed = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable("It is not JSON.") from error
    if not isinstance(parsed, dict):
        raise Unreadable("It is no JSON object.")
    return parsed


def state_of(word: object, states: Mapping[str, State]) -> State:
    """Return what a vendor's word means by the adapter's table, whose keys are in lower case.

    An unknown word is never final: it reads as RUNNING, and the sweep goes on asking. A blank is
    no word: refusals carry one where an answer has its status.

    Raises:
        Unreadable: it is no word.
    """
    if not isinstance(word, str) or not word.strip():
        raise Unreadable("It has no status.")
    return states.get(word.strip().lower(), State.RUNNING)


def fail_class(message: str, *, moderation: Iterable[str] = ()) -> Fail:
    """Return the class of a vendor's own words; PROVIDER when they say nothing known.

    Args:
        moderation: further words, in lower case, by which this vendor words a judge's refusal.
    """
    words = message.lower()
    if any(word in words for word in (*_MODERATION_WORDS, *moderation)):
        return Fail.MODERATION
    if any(word in words for word in _MEMORY_WORDS):
        return Fail.OOM
    return Fail.PROVIDER


def part(parent: object, *steps: str) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Return what stands at `steps` below `parent`; None where there is nothing."""
    for step in steps:
        parent = parent.get(step) if isinstance(parent, dict) else None
    return parent


def number(value: object) -> float | None:
    """Return a finite number, None for anything else (True is no number here)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def usage(**counted: object) -> dict[str, float]:
    """Return of what a backend says it spent, by unit, what is a number and not below zero."""
    found = {unit: number(value) for unit, value in counted.items()}
    return {unit: value for unit, value in found.items() if value is not None and value >= 0}


def addresses(*named: object) -> tuple[str, ...]:
    """Return of what a vendor names as its outputs, in lists or alone, what is an address.

    A path, or a word that would look like one of an adapter's own, is none.
    """
    flat = [
        one for several in named for one in (several if isinstance(several, list) else [several])
    ]
    return tuple(
        one
        for one in flat
        if isinstance(one, str) and one.lower().startswith(("https://", "http://", "data:"))
    )


def text(value: object) -> str:
    """Return at most 500 printable characters of `value`, "" for None.

    What would open something is left out: the query of an address, a bearer's token, a key.
    """
    if value is None:
        return ""
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = "".join(c if c.isprintable() else " " for c in said[:_TEXT_MAX]).strip()
    shown = _BEARER.sub(r"\1\2…", _SIGNED.sub(r"\1?…", shown))
    return _KEY.sub(r"\1…", shown)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON.")
