"""Reads a catalog file: all that is wrong with it at once, each with its line."""

import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from plans.catalog import checks, limits, sentences
from plans.catalog.choices import Found, Loc
from plans.catalog.positions import positions
from plans.catalog.rates import FORMS
from plans.catalog.schema import Catalog
from plans.errors import CatalogInvalid, Problem
from plans.wording import gettext as _

_BYTES_MAX: Final = 8 * 1024 * 1024
_PROBLEMS_MAX: Final = 200
_MANY_DIGITS: Final = re.compile(r"[0-9_]{4300,}")
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")
_AT_END: Final = " (at end of document)"


@dataclass(frozen=True)
class Loaded:
    """A valid catalog and the text it came from.

    Attributes:
        source: the TOML text, with its comments.
        document: what the text says; comments and spacing are gone.
        digest: SHA-256 of the document, in hex: equal exactly when two files say the same.
    """

    catalog: Catalog
    source: str
    document: dict[str, Any]
    digest: str


def load(path: Path | str) -> Catalog:
    """Return the catalog of the file at `path`.

    Raises:
        CatalogInvalid: with every problem of the file, in the order of its lines.
    """
    return read_file(Path(path)).catalog


def read_file(path: Path) -> Loaded:
    """Return the catalog of the file at `path` together with its text.

    Raises:
        CatalogInvalid: as `load`.
    """
    try:
        written = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if len(written) > _BYTES_MAX:
        raise _unreadable(path, _("it is larger than 8 MiB"))
    try:
        return read_text(written.decode(), name=str(path))
    except UnicodeDecodeError as error:
        line = written.count(b"\n", 0, error.start) + 1
        raise CatalogInvalid(
            [Problem(str(path), line, "file", _("is not written in UTF-8."))]
        ) from error


def read_text(source: str, *, name: str = "catalog") -> Loaded:
    """Return the catalog that the TOML text `source` says; `name` stands in its problems.

    Raises:
        CatalogInvalid: as `load`.
    """
    document = _parsed(source, name)
    catalog: Catalog | None = None
    lines: Mapping[Loc, int] = {}
    problems: set[Problem] = set()
    try:
        catalog = Catalog.model_validate(document)
        document = _plain(document)
    except ValidationError as invalid:
        lines = positions(source)
        errors = [
            error
            for error in invalid.errors()
            # Pydantic counts valid items only, and each invalid one has its own sentence.
            if not (error["type"] == "too_short" and error["input"])
        ]
        errors.sort(key=lambda error: _line(lines, error["loc"]))
        problems = {
            Problem(
                name,
                _line(lines, error["loc"]),
                _spoken(error["loc"]),
                sentences.sentence(error, Catalog),
            )
            for error in errors[: _PROBLEMS_MAX + 1]
        }
    found = list(islice(checks.check(document), _PROBLEMS_MAX + 1))
    if found or catalog is None:
        lines = lines or positions(source)
        problems |= _problems(found, lines, name)
        raise CatalogInvalid(_first(problems, name))
    return Loaded(catalog, source, document, _digest(document))


def _parsed(source: str, name: str) -> dict[str, Any]:
    """Return what the text says, if it is TOML and nothing in it is beyond what can be kept."""
    too_deep = Problem(name, 1, "file", _("is nested too deeply."))
    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise CatalogInvalid([_syntax_problem(source, name, str(error))]) from error
    except RecursionError as error:
        raise CatalogInvalid([too_deep]) from error
    except ValueError as error:  # Python reads no number of more than 4300 digits
        found = _MANY_DIGITS.search(source)
        line = source.count("\n", 0, found.start()) + 1 if found else 1
        sentence = _("has a number beyond all limits.")
        raise CatalogInvalid([Problem(name, line, "file", sentence)]) from error
    try:
        beyond = list(islice(limits.beyond(document), _PROBLEMS_MAX + 1))
    except limits.TooDeep as error:
        raise CatalogInvalid([too_deep]) from error
    if beyond:
        raise CatalogInvalid(_first(_problems(beyond, positions(source), name), name))
    return document


def _problems(found: Iterable[Found], lines: Mapping[Loc, int], name: str) -> set[Problem]:
    return {Problem(name, _line(lines, loc), _spoken(loc), sentence) for loc, sentence in found}


def _first(problems: Collection[Problem], name: str) -> list[Problem]:
    """Return the problems in the order of their lines: so many as a person mends at once."""
    told = sorted(problems, key=lambda problem: (problem.line, problem.key))
    if len(told) <= _PROBLEMS_MAX:
        return told
    more = _("has more problems; these are the first %(count)s.") % {"count": _PROBLEMS_MAX}
    last = told[_PROBLEMS_MAX - 1].line
    return [*told[:_PROBLEMS_MAX], Problem(name, last, "file", more)]


def _plain(value: Any) -> Any:  # noqa: ANN401 (whatever TOML may hold)
    """Return `value` as JSON can hold it: an instant as a text, as a file may write it too."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, (datetime, date, time)) else value


def _digest(document: dict[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _unreadable(path: Path, why: str) -> CatalogInvalid:
    sentence = _("cannot be read: %(why)s.") % {"why": why}
    return CatalogInvalid([Problem(str(path), 1, "file", sentence)])


def _syntax_problem(source: str, name: str, said: str) -> Problem:
    found = _AT_LINE.search(said)
    line = int(found.group(1)) if found else source.rstrip().count("\n") + 1
    sentence = _AT_LINE.sub("", said).removesuffix(_AT_END)
    return Problem(name, line, "TOML", f"{sentence}.")


def _parts(loc: Loc) -> Iterator[int | str]:
    """Yield `loc` without the form that pydantic puts after the number of a rate."""
    for place, part in enumerate(loc):
        if not (part in FORMS and loc[max(0, place - 2)] == "rate"):
            yield part


def _line(lines: Mapping[Loc, int], loc: Loc) -> int:
    """Return the line of the deepest part of `loc` that stands in the file."""
    path = tuple(_parts(loc))
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _spoken(loc: Loc) -> str:
    """Return `loc` as a key is spoken of: rate[3].price is the price of the third [[rate]]."""
    spoken = ""
    for part in _parts(loc):
        spoken += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return spoken.removeprefix(".") or "file"
