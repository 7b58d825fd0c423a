"""What pydantic found, said to the author of a catalog: which key, and how to mend it."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from plans.catalog.rates import FORMS
from plans.wording import gettext as _

_QUOTED: Final = re.compile(r"'([^']*)'")


def sentence(error: ErrorDetails, root: type[BaseModel]) -> str:
    """Return what is wrong and, where it can be known, what was meant."""
    kind, loc, facts = error["type"], error["loc"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _("is not a key here.") + did_you_mean(str(loc[-1]), _keys_beside(root, loc))
    if kind == "literal_error":
        return one_of(error["input"], _QUOTED.findall(facts["expected"]) or [facts["expected"]])
    if kind == "union_tag_not_found":
        return _("needs a form: one of %(known)s.") % {"known": ", ".join(FORMS)}
    if kind == "union_tag_invalid":
        return _("has an unknown form: it ") + one_of(error["input"]["form"], FORMS)
    if kind == "value_error":
        return str(facts["error"])
    return _about_shape(kind, facts) or error["msg"]


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return " Did you mean …?" when one of `known` is close to `given`, else nothing."""
    close = difflib.get_close_matches(given, list(known), n=1)
    return " " + _("Did you mean %(close)s?") % {"close": close[0]} if close else ""


def one_of(given: object, known: Sequence[str]) -> str:
    """Return the sentence that lists what is known, with the closest to `given`."""
    listed = _("must be one of %(known)s.") % {"known": ", ".join(known)}
    return listed + did_you_mean(str(given), known)


def _about_shape(kind: str, facts: dict[str, Any]) -> str | None:
    sentences = {
        "missing": _("is missing."),
        "string_type": _("must be a text in quotes."),
        "int_type": _("must be a whole number."),
        "bool_type": _("must be true or false."),
        "tuple_type": _("must be a list."),
        "dict_type": _("must be a table."),
        "model_type": _("must be a table."),
        "string_pattern_mismatch": _("must look like %(pattern)s."),
        "too_short": _("must not be empty."),
        "string_too_short": _("must not be empty."),
        "string_too_long": _("must have at most %(max_length)s characters."),
        "greater_than_equal": _("must be at least %(ge)s."),
        "less_than_equal": _("must be at most %(le)s."),
    }
    found = sentences.get(kind)
    return found % facts if found is not None else None


def _keys_beside(root: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table has in which the last part of `loc` is unknown."""
    tables = [root]
    for part in loc[:-1]:
        tables = [below for table in tables for below in _tables_at(table, part)] or tables
    return [field.alias or name for table in tables for name, field in table.model_fields.items()]


def _tables_at(table: type[BaseModel], part: int | str) -> list[type[BaseModel]]:
    """Return the tables that a key of `table` leads to; for the tag of a form, that form."""
    for name, field in table.model_fields.items():
        if part == (field.alias or name):
            return list(_tables_in(field.annotation))
    return []


def _tables_in(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _tables_in(inner)
