"""Catalogs for the linter: one that brings up nothing, and what is said beyond it."""

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Final

from plans.catalog import loader
from plans.catalog.schema import Catalog
from plans.lint.reading import Finding, hints, lint_file
from tests.unit.shelf import HEAD, MODEL

AT: Final = datetime(2026, 11, 26, 12, tzinfo=UTC)
RATE: Final = """\
[[rate]]
id = "all"
form = "per_unit"
basis = "seconds"
price = "1"
"""
BOOKS: Final = """\
[[book]]
code = "cny"
currencies = ["CNY"]
[[book]]
code = "usd"
currencies = ["USD"]
"""


def shop(more: str = "", *, head: str = HEAD, model: str = MODEL, rate: str = RATE) -> Catalog:
    """Return a catalog that brings up no hint by itself, with `more` at its end."""
    return loader.read_text(f"{head}\n{model}\n{rate}\n{dedent(more)}").catalog


def codes(catalog: Catalog) -> list[tuple[str, str]]:
    """Return the kind and the place of each hint."""
    return [(hint.code, ".".join(str(part) for part in hint.loc)) for hint in hints(catalog, at=AT)]


def linted(tmp_path: Path, source: str) -> list[Finding]:
    path = tmp_path / "shop.toml"
    path.write_text(source, encoding="utf-8")
    return lint_file(path, at=AT)
