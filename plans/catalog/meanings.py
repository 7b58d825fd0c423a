"""What each table and key of a catalog means: read from the docstrings of the schema."""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Final

from plans.catalog.values import Table

_SECTION: Final = "\n\nAttributes:\n"
_ENTRY: Final = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", re.MULTILINE)
_SPACE: Final = re.compile(r"\s+")
# What a key means in whatever table it stands.
EVERYWHERE: Final[Mapping[str, str]] = {
    "code": "Its lasting name, by which orders, accounts and other tables call it.",
    "id": "Its lasting name: quotes, jobs and reports show which row it was.",
    "name": "What people see, in both languages.",
    "label": "What its line of a quote says, in both languages; else what it matches.",
    "ref": "Where it comes from: a code of `[sources]`, or several.",
    "from": "From when it counts; before that it is announced.",
    "until": "When it stops counting; the instant itself is outside.",
    "currency": "The currency of the amounts beside it.",
}


def what(table: type[Table]) -> str:
    """Return what a table is: the paragraphs of its docstring before its attributes."""
    told = inspect.cleandoc(table.__doc__ or "").partition(_SECTION)[0]
    return _as_in_files(table, told)


def meanings(table: type[Table]) -> dict[str, str]:
    """Return what each key of a table means, by the name that it has in a file.

    Its own docstring speaks first, then those of the tables that it extends, then what a key
    means everywhere; a key of which none of them speaks is left out.
    """
    told: dict[str, str] = {}
    for base in reversed(table.__mro__):
        if issubclass(base, Table):
            told.update(_attributes(base))
    found = {}
    for name, field in table.model_fields.items():
        key = field.alias or name
        meaning = told.get(name) or told.get(key)
        if meaning is not None:
            found[key] = _as_in_files(table, meaning[0].upper() + meaning[1:])
        elif key in EVERYWHERE:
            found[key] = EVERYWHERE[key]
    return found


def _attributes(table: type[Table]) -> Iterator[tuple[str, str]]:
    section = inspect.cleandoc(table.__dict__.get("__doc__") or "").partition(_SECTION)[2]
    for names, meaning in _ENTRY.findall(section):
        for name in names.split(", "):
            yield name, _SPACE.sub(" ", meaning)


def _as_in_files(table: type[Table], told: str) -> str:
    """Return `told` with the names that the keys have in a file: credits, not credits_micros."""
    for name, field in table.model_fields.items():
        if field.alias is not None:
            told = re.sub(rf"\b{name}\b", field.alias, told) if "_" in name else told
    return told
