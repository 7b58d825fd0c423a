"""Reads a catalog file: all that is wrong with it at once, each with its line."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from plans.catalog import checks, sentences
from plans.catalog.positions import positions
from plans.catalog.rates import FORMS
from plans.catalog.schema import Catalog
from plans.errors import CatalogInvalid, Problem
from plans.wording import gettext as _

_BYTES_MAX: Final = 8 * 1024 * 1024
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
    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise CatalogInvalid([_syntax_problem(source, name, str(error))]) from error
    except RecursionError as error:
        raise CatalogInvalid([Problem(name, 1, "file", _("is nested too deeply."))]) from error
    found: list[tuple[tuple[int | str, ...], str]] = []
    catalog: Catalog | None = None
    try:
        catalog = Catalog.model_validate(document)
    except ValidationError as invalid:
        found = [
            (error["loc"], sentences.sentence(error, Catalog))
            for error in invalid.errors()
            # Pydantic counts valid items only, and each invalid one has its own sentence.
            if not (error["type"] == "too_short" and error["input"])
        ]
    found.extend(checks.check(document))
    if found or catalog is None:
        lines = positions(source)
        problems = {
            Problem(name, _line(lines, loc), _spoken(loc), sentence) for loc, sentence in found
        }
        raise CatalogInvalid(sorted(problems, key=lambda problem: (problem.line, problem.key)))
    return Loaded(catalog, source, document, _digest(document))


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


def _parts(loc: tuple[int | str, ...]) -> Iterator[int | str]:
    """Yield `loc` without the form that pydantic puts after the number of a rate."""
    for place, part in enumerate(loc):
        if not (place == 2 and loc[0] == "rate" and part in FORMS):  # noqa: PLR2004 (rate, number, form)
            yield part


def _line(lines: dict[tuple[str | int, ...], int], loc: tuple[int | str, ...]) -> int:
    """Return the line of the deepest part of `loc` that stands in the file."""
    path = tuple(_parts(loc))
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _spoken(loc: tuple[int | str, ...]) -> str:
    """Return `loc` as a key is spoken of: rate[3].price is the price of the third [[rate]]."""
    spoken = ""
    for part in _parts(loc):
        spoken += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return spoken.removeprefix(".") or "file"
