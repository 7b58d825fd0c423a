"""Lints one catalog file: all that is wrong, else all that is odd, each with its line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from plans.catalog import loader
from plans.catalog.loader import Loaded
from plans.catalog.positions import line_of, positions, spoken
from plans.catalog.schema import Catalog
from plans.errors import CatalogInvalid
from plans.lint.hints import Hint
from plans.lint.links import link_hints
from plans.lint.prices import price_hints
from plans.lint.sales import sale_hints
from plans.lint.survey import TaskSurvey, survey
from plans.lint.tables import table_hints
from plans.wording import gettext as _

Severity = Literal["problem", "hint", "note"]


@dataclass(frozen=True)
class Finding:
    """A problem, for which the file cannot be published, or a hint, with which it can.

    A note is neither: it says how far the linter has looked.

    Attributes:
        code: of a hint or note, the lasting name of its kind; of a problem "invalid".
        remedy: of a hint, what to do; a problem's sentence says it itself.
    """

    file: str
    line: int
    key: str
    severity: Severity
    code: str
    sentence: str
    remedy: str

    def __str__(self) -> str:
        """Return it as compilers do, so that an editor can jump to the line."""
        said = f"{self.file}:{self.line}: {self.severity}: {self.key}: {self.sentence}"
        return f"{said} {self.remedy}".rstrip()


def lint_file(path: Path, *, at: datetime) -> list[Finding]:
    """Return what is wrong with the file at `path`; if nothing is, what is odd in it.

    With notes on the models of which not all orders were tried.
    """
    try:
        return lint(loader.read_file(path), name=str(path), at=at)
    except CatalogInvalid as invalid:
        return problems(invalid)


def problems(invalid: CatalogInvalid) -> list[Finding]:
    """Return what is wrong with a catalog that cannot be published."""
    return [
        Finding(one.file, one.line, one.key, "problem", "invalid", one.sentence, "")
        for one in invalid.problems
    ]


def lint(loaded: Loaded, *, name: str, at: datetime, tries_orders: bool = True) -> list[Finding]:
    """Return what is odd in a valid catalog, each with its line; `name` stands in the findings.

    Args:
        tries_orders: also what becomes of sample orders, which takes seconds for a large catalog.
    """
    lines = positions(loaded.source)

    def told(hint: Hint, severity: Severity) -> Finding:
        line, key = line_of(lines, hint.loc), spoken(hint.loc)
        return Finding(name, line, key, severity, hint.code, hint.sentence, hint.remedy)

    surveys = survey(loaded.catalog, at=at) if tries_orders else []
    found = [told(hint, "hint") for hint in _hints(loaded.catalog, surveys, at=at)]
    if not tries_orders:
        return sorted(found, key=lambda one: (one.line, one.key))
    found += [told(note, "note") for note in sampled(loaded.catalog, surveys)]
    return sorted(found, key=lambda one: (one.line, one.key))


def hints(catalog: Catalog, *, at: datetime) -> list[Hint]:
    """Return all that is odd in a valid catalog, as of the instant `at`."""
    return list(_hints(catalog, survey(catalog, at=at), at=at))


def sampled(catalog: Catalog, surveys: Sequence[TaskSurvey]) -> Iterator[Hint]:
    """Yield the models that have too many orders to try all: of them less can be said."""
    for number, model in enumerate(catalog.models):
        own = [one for one in surveys if one.model is model]
        if not all(one.is_complete for one in own):
            yield Hint(
                ("model", number),
                "sampled",
                _("has too many different orders to try them all: %(tried)s were tried.")
                % {"tried": len({id(tried.order) for one in own for tried in one.tried})},
                _("No hint is no proof here; try what matters with rate."),
            )


def _hints(catalog: Catalog, surveys: Sequence[TaskSurvey], *, at: datetime) -> Iterator[Hint]:
    yield from table_hints(catalog, at=at)
    yield from link_hints(catalog)
    yield from sale_hints(catalog)
    yield from price_hints(catalog, surveys)
