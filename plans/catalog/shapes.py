"""How the smallest pieces are written in a file, as JSON Schema: for editors and the reference.

Each has a title: its type in words, as the reference says it.
"""

from typing import Any, Final

from pydantic import WithJsonSchema

_DECIMAL: Final = r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?"
_DATES: Final = r"P([0-9]{1,3}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?"
_PERIOD: Final = rf"{_DATES}(T([0-9]{{1,6}}H)?([0-9]{{1,6}}M)?([0-9]{{1,9}}S)?)?"
_NOTHING: Final = {"pattern": r"^0(\.0+)?$"}
_ENDLESS: Final = {"pattern": r"(P|T)(@day_end)?$"}

SCALAR: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 64},
        {"type": "integer", "minimum": -(10**9), "maximum": 10**9},
        {"type": "boolean"},
    ]
}


def written(title: str, pattern: str, **more: object) -> WithJsonSchema:
    """Return the shape of a text that matches `pattern` from end to end."""
    return WithJsonSchema({"type": "string", "title": title, "pattern": f"^({pattern})$", **more})


WORD_PATTERN: Final = r"[a-z][a-z0-9_]{0,31}"
CODE: Final = written("code of small letters, digits, . _ -", r"[a-z0-9][a-z0-9._-]{0,63}")
WORD: Final = written("word of small letters, digits, _", WORD_PATTERN)
CURRENCY: Final = written("currency of ISO 4217", "[A-Z]{3}")
MODEL_CODE: Final = written("code of letters, digits, . _ / -", r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
SAID: Final = WithJsonSchema(
    {"type": "string", "title": "text of 1 to 200 characters", "minLength": 1, "maxLength": 200}
)
REFS: Final = WithJsonSchema(
    {
        "title": "code of [sources], or a list of them",
        "anyOf": [
            {"type": "string", "pattern": f"^{WORD_PATTERN}$"},
            {"type": "array", "items": {"type": "string", "pattern": f"^{WORD_PATTERN}$"}},
        ],
    }
)
MICROS: Final = written("decimal in quotes, 0 or more", _DECIMAL)
POSITIVE_MICROS: Final = written("decimal in quotes, above 0", _DECIMAL, **{"not": _NOTHING})
POSITIVE_SHARE: Final = written(
    'decimal in quotes, above "0" to "1"', r"0(\.[0-9]{1,6})?|1(\.0{1,6})?", **{"not": _NOTHING}
)
SHARE: Final = written('decimal in quotes, "0" to "1"', r"0(\.[0-9]{1,6})?|1(\.0{1,6})?")
FACTOR: Final = written(
    "decimal or ratio in quotes", rf"{_DECIMAL}|[1-9][0-9]{{0,5}}/[1-9][0-9]{{0,5}}"
)
ZONE: Final = WithJsonSchema({"type": "string", "title": "zone of the IANA database"})
PERIOD: Final = written("ISO 8601 period", _PERIOD, **{"not": _ENDLESS})
EXPIRY: Final = written(
    "expiry in quotes",
    rf"window_end|subscription_end|never|{_PERIOD}(@day_end)?",
    **{"not": _ENDLESS},
)
IN_FLIGHT: Final = written(
    '"expire" or an ISO 8601 period', rf"expire|{_PERIOD}", **{"not": _ENDLESS}
)
CLOCK: Final = written("hour and minute in quotes", r"([01][0-9]|2[0-3]):[0-5][0-9]")
DATE: Final = written('year, month or day: "2026-11-24"', r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
WINDOW: Final = written('"day", "month" or an ISO 8601 period', r"day|month|P[0-9TYMWDHS]{2,20}")
INSTANT: Final = WithJsonSchema(
    {"type": "string", "format": "date-time", "title": "instant with its offset"}
)
BURN_KEY: Final = written("key of the burn order", r"[a-z_]+|source:[a-z0-9_]+(,[a-z0-9_]+)*")
VALUE: Final = WithJsonSchema({**SCALAR, "title": "text, whole number, true or false"})
MATCHER: Final = WithJsonSchema(
    {
        "title": 'value, list of values, range { min, max }, or "*"',
        "anyOf": [
            *SCALAR["anyOf"],
            {"type": "array", "items": SCALAR, "minItems": 1, "uniqueItems": True},
            {
                "type": "object",
                "properties": {
                    name: {"type": "integer", "minimum": 0, "maximum": 10**9}
                    for name in ("min", "max")
                },
                "additionalProperties": False,
                "minProperties": 1,
            },
        ],
    }
)
