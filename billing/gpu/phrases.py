"""How a model is told an order of ours, where each model has names of its own. Pure.

Hosts of many makers' models call the same thing by many names: `duration`, `seconds`,
`num_frames`. The operator says them once, in the entry's options. Every word of an order is then
passed on, or is known to be the only thing that the model makes, or the order is refused: what
is billed is never left to a vendor's default. A flag of the customer's plan, which no vendor
bills by, is passed on where the entry names it, and else left out.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field, JsonValue

from billing.gpu.kinds import Options
from billing.gpu.orders import is_flag
from billing.gpu.protocol import Fail, Unmakeable

ANY_MODEL: Final = "*"
_SHOWN_MAX: Final = 40


def _only_one_film() -> dict[str, list[JsonValue]]:
    return {"task": ["text_to_video"], "count": [1]}


class Phrases(Options):
    """How one model is told an order.

    Attributes:
        words: our words that every order must say, and the vendor's field of each.
        extras: our words that an order may say (a seed, an image), and the vendor's field of each.
        values: by our word, the vendor's value for each of ours ("5", "true", "720p"); a value
            that stands in no such table is passed on as it is, where the word has none.
        made: by our word, all that the model makes. A word without a field must stand here: it
            need not be said, because nothing else comes.
        unsaid: our words that change nothing that is billed, and are not passed on.
        constants: further fields of the vendor's, the same in every order.
    """

    words: dict[str, str] = Field(default_factory=lambda: {"prompt": "prompt"})
    extras: dict[str, str] = Field(default_factory=dict)
    values: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    made: dict[str, list[JsonValue]] = Field(default_factory=_only_one_film)
    unsaid: list[str] = Field(default_factory=lambda: ["watermark"])
    constants: dict[str, JsonValue] = Field(default_factory=dict)


def phrased(order: Mapping[str, object], phrases: Phrases) -> dict[str, Any]:
    """Return the fields by which the model is told the order, all that is billed in full.

    Raises:
        Unmakeable: the order leaves out what must be said, or says what the model does not make.
            The sentence begins with our word, and holds no prompt.
    """
    for word in phrases.words:
        if word not in order:
            raise refused(word, "the order does not say it, and no vendor may decide it")
    said: dict[str, Any] = dict(phrases.constants)
    for word, value in order.items():
        if word == "model" or word in phrases.unsaid:
            continue
        _require_made(word, value, phrases)
        field = phrases.words.get(word) or phrases.extras.get(word)
        if field is not None:
            said[field] = _in_their_words(word, value, phrases)
    return said


def refused(word: str, why: str) -> Unmakeable:
    """Return the refusal of an order for one of its words."""
    return Unmakeable(f"{word}: {why}.", fail=Fail.INVALID_INPUT)


def _require_made(word: str, value: object, phrases: Phrases) -> None:
    made = phrases.made.get(word)
    if made is not None:
        if _text(value) not in {_text(one) for one in made}:
            choice = ", ".join(_text(one) for one in made)
            raise refused(word, f"this model does not make {_shown(value)}; order one of {choice}")
    elif not (word in phrases.words or word in phrases.extras or is_flag(word, value)):
        raise refused(word, "this model cannot be told it; leave it out, or order another model")


def _in_their_words(word: str, value: object, phrases: Phrases) -> object:
    table = phrases.values.get(word)
    if table is None:
        return value
    if _text(value) not in table:
        raise refused(word, f"this model has no {_shown(value)}; order one of {', '.join(table)}")
    return table[_text(value)]


def _text(value: object) -> str:
    # JSON's words, because to Python True is 1.
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: object) -> str:
    return _text(value)[:_SHOWN_MAX]
