"""What pydantic found, said to the author of a catalog: which key, and how to mend it."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from heapq import nsmallest
from itertools import takewhile
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from plans.catalog.rates import FORMS
from plans.catalog.values import Text, quoted
from plans.wording import gettext as _

Loc = tuple[int | str, ...]

_QUOTED: Final = re.compile(r"'([^']*)'")
# Above "sound" for "seconds" and "resolution" for "region": a bad guess is worse than none.
_CLOSE: Final = Fraction(7, 10)
_COMPARED_MAX: Final = 200
_WHOLE: Final = re.compile(r"-?[0-9]{1,10}")


def sentence(error: ErrorDetails, root: type[BaseModel]) -> str:
    """Return what is wrong and, where it can be known, what was meant."""
    kind, loc, facts = error["type"], error["loc"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _("is not a key here.") + _meant(root, loc)
    if kind == "literal_error":
        return one_of(error["input"], _QUOTED.findall(facts["expected"]) or [facts["expected"]])
    if kind == "union_tag_not_found":
        return _("needs a form: one of %(known)s.") % {"known": ", ".join(FORMS)}
    if kind == "union_tag_invalid":
        return _("has an unknown form: it ") + one_of(error["input"]["form"], FORMS)
    if kind == "value_error":
        return str(facts["error"])
    said = _about_shape(kind, facts, error["input"]) or error["msg"]
    return said + _strayed(root, loc) if kind in {"model_type", "dict_type"} else said


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return " Did you mean …?" when one of `known` is close to `given`, else nothing."""
    near = difflib.get_close_matches(given, _worth_a_look(given, list(known)))
    close = [one for one in near if _is_near(given, one)]
    return " " + _("Did you mean %(close)s?") % {"close": close[0]} if close else ""


def _is_near(given: str, known: str) -> bool:
    """Say whether one may be a slip of the other; a wrong letter, or two exchanged, always may."""
    wrong = sum(one != other for one, other in zip(given, known, strict=False))
    slipped = len(given) == len(known) and (wrong == 1 or sorted(given) == sorted(known))
    return slipped or Fraction(difflib.SequenceMatcher(None, given, known).ratio()) >= _CLOSE


def _worth_a_look(given: str, known: list[str]) -> list[str]:
    """Return the names to compare: of very many those that begin alike and are about as long."""
    if len(known) <= _COMPARED_MAX:
        return known

    def unlike(name: str) -> tuple[int, int, str]:
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(given, name, strict=False))
        return (-sum(1 for _pair in alike), abs(len(name) - len(given)), name)

    return nsmallest(_COMPARED_MAX, known, key=unlike)


def one_of(given: object, known: Sequence[str]) -> str:
    """Return the sentence that lists what is known, with the closest to `given`."""
    listed = _("must be one of %(known)s.") % {"known": ", ".join(known)}
    return listed + did_you_mean(str(given), known)


def _about_shape(kind: str, facts: dict[str, Any], given: object) -> str | None:
    sentences = {
        "missing": _("is missing."),
        "string_type": _("must be a text in quotes."),
        "int_type": _("must be a whole number."),
        "bool_type": _("must be true or false."),
        "tuple_type": _("must be a list."),
        "dict_type": _("must be a table."),
        "model_type": _("must be a table."),
        "string_pattern_mismatch": _in_words(facts.get("pattern")),
        "too_short": _("must not be empty."),
        "string_too_short": _("must not be empty."),
        "string_too_long": _("must have at most %(max_length)s characters."),
        "greater_than_equal": _("must be at least %(ge)s."),
        "less_than_equal": _("must be at most %(le)s."),
    }
    found = sentences.get(kind)
    return found % facts + _rewritten(kind, facts, given) if found is not None else None


def _in_words(pattern: object) -> str:
    """Return what a pattern of `plans.catalog.values` or `rights` asks for, in words."""
    words = {
        "^[a-z0-9][": _("must be of small letters, digits and . _ -, such as vivid-1."),
        "^[a-z][": _("must be of small letters, digits and _, such as off_peak."),
        "^[A-Z]{3}": _("must be the three capitals of a currency, such as USD."),
        "^[A-Za-z0-9]": _("must be of letters, digits and . _ / -, such as vivid-1."),
        "^[0-9]{4}": _("must be a year, a month or a day, such as 2026-11-24."),
        "^(day|month": _('must be "day", "month", or an ISO 8601 period such as "PT24H".'),
    }
    found = (told for begin, told in words.items() if str(pattern).startswith(begin))
    return next(found, _("must look like %(pattern)s."))


def _rewritten(kind: str, facts: Mapping[str, Any], given: object) -> str:
    """Return how a value of the wrong type would be written, where only its writing is wrong."""
    right = None
    number = (quoted(given) or "").strip('"')
    if kind == "string_type" and isinstance(given, bool):
        right = f'"{str(given).lower()}"'
    elif kind == "string_type" and number:
        right = f'"{number}"'
    elif kind == "int_type" and _WHOLE.fullmatch(given if isinstance(given, str) else number):
        right = given if isinstance(given, str) else number
    elif kind == "bool_type" and str(given).lower() in {"true", "false"}:
        right = str(given).lower()
    elif kind == "tuple_type" and isinstance(given, str):
        right = f'["{given}"]'
    elif facts.get("class_name") == Text.__name__ and isinstance(given, str):
        right = f'{{ en = "{given}", zh = "…" }}'
    return " " + _("Write %(right)s.") % {"right": right} if right is not None else ""


# -- unknown keys ------------------------------------------------------------------------------
def _meant(root: type[BaseModel], loc: Loc) -> str:
    """Return where an unknown key would be known, else what it was probably meant to be."""
    key = str(loc[-1])
    trail = _trail(root, loc)
    beside = [name for table in trail[-1] for name in keys_of(table)]
    return _of_another_form(trail, key) or _strayed(root, loc) or did_you_mean(key, beside)


def _of_another_form(trail: Sequence[Sequence[type[BaseModel]]], key: str) -> str:
    """Return which forms of a rate know a key that this one does not."""
    if len(trail) < 2 or not set(trail[-1]) < set(trail[-2]):  # noqa: PLR2004 (all forms, then one)
        return ""
    forms: dict[str, list[str]] = {}
    for table in trail[-2]:
        for name in keys_of(table):
            forms.setdefault(name, []).extend(_forms_of(table))
    beside = {name for table in trail[-1] for name in keys_of(table)}
    close = difflib.get_close_matches(key, list(forms), n=1)
    if key not in forms and (not close or close[0] in beside):
        return ""
    meant = key if key in forms else close[0]
    listed = ", ".join(forms[meant])
    if key in forms:
        return " " + _("It is a key of other forms: %(forms)s.") % {"forms": listed}
    said = _("Did you mean %(close)s, a key of other forms: %(forms)s?")
    return " " + said % {"close": meant, "forms": listed}


def _strayed(root: type[BaseModel], loc: Loc) -> str:
    """Return which table around this one knows the key: in TOML a header ends the one before."""
    key = str(loc[-1])
    trail = _trail(root, loc)
    for depth in range(len(trail) - 2, -1, -1):
        if any(key in keys_of(table) for table in trail[depth] if table not in trail[-1]):
            above = ".".join(str(part) for part in loc[:depth] if isinstance(part, str))
            if not above:
                return " " + _("It belongs at the top of the file, before the first [table].")
            said = _("It belongs to [[%(table)s]], above the tables inside of it.")
            return " " + said % {"table": above}
    return ""


def keys_of(table: type[BaseModel]) -> list[str]:
    """Return the keys of a table as a file writes them."""
    return [field.alias or name for name, field in table.model_fields.items()]


def _trail(root: type[BaseModel], loc: Loc) -> list[list[type[BaseModel]]]:
    """Return, for each part of `loc` and the root before it, the tables that it may stand in."""
    trail = [[root]]
    for part in loc[:-1]:
        tables = trail[-1]
        below = [one for table in tables for one in _tables_at(table, part)]
        of_form = [table for table in tables if part in _forms_of(table)]
        trail.append(below or of_form or tables)
    return trail


def _tables_at(table: type[BaseModel], part: int | str) -> list[type[BaseModel]]:
    """Return the tables that a key of `table` leads to."""
    for name, field in table.model_fields.items():
        if part == (field.alias or name):
            return list(_tables_in(field.annotation))
    return []


def _forms_of(table: type[BaseModel]) -> tuple[str, ...]:
    field = table.model_fields.get("form")
    return get_args(field.annotation) if field is not None else ()


def _tables_in(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _tables_in(inner)
