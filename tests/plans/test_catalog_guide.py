"""docs/catalog.md is true: its file and its recipes load, and cost what it says they cost."""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from plans.catalog import loader
from plans.lint.reading import hints

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDE: Final = ROOT / "docs" / "catalog.md"
RENEW: Final = "./run manage export_catalog_docs"
AT: Final = datetime(2026, 11, 24, 4, tzinfo=UTC)
_SECTION: Final = re.compile(r"^## (.*)$", re.MULTILINE)
_RECIPE: Final = re.compile(r"^### (.*)$", re.MULTILINE)
_TOML: Final = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RATE: Final = re.compile(
    r"^\./run manage rate vivid\.toml '(\{.*?\})'(?: --at (\S+))? +# (refused: )?(.*)$",
    re.MULTILINE,
)


class Priced(NamedTuple):
    """A command of the guide, and what it says that it answers."""

    order: str
    at: str
    refused: bool
    answer: str


def parts(text: str, heading: re.Pattern[str]) -> dict[str, str]:
    """Return the text under each heading."""
    _before, *rest = heading.split(text)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def priced(text: str) -> list[Priced]:
    """Return the commands that price an order."""
    return [
        Priced(order, at, bool(refused), answer.strip())
        for order, at, refused, answer in _RATE.findall(text)
    ]


SECTIONS: Final = parts(GUIDE.read_text(encoding="utf-8"), _SECTION)
STORY: Final = SECTIONS["From a price page to a working file"]
RECIPES: Final = parts(SECTIONS["Recipes"], _RECIPE)
VIVID: Final = "\n".join(_TOML.findall(STORY))


def toml(value: object) -> str:
    """Return a value as TOML writes it, tables in one line."""
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def composed(recipe: str) -> str:
    """Return the file of the story with the tables of a recipe in the place of its own."""
    [shown] = _TOML.findall(recipe)
    document: dict[str, Any] = {**tomllib.loads(VIVID), **tomllib.loads(shown)}
    if "rate" in tomllib.loads(shown):
        document["modifier"] = tomllib.loads(shown).get("modifier", [])
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in document.items())


def answer(file: Path, command: Priced) -> str:
    """Return what `rate` says: the total of its last line."""
    said = StringIO()
    at = ["--at", command.at] if command.at else []
    call_command("rate", str(file), command.order, *at, stdout=said)
    return str(json.loads(said.getvalue().splitlines()[-1])["total"])


def test_the_file_of_the_story_is_good_and_brings_up_no_hint() -> None:
    catalog = loader.read_text(VIVID, name="vivid.toml").catalog

    assert hints(catalog, at=AT) == []
    assert [plan.code for plan in catalog.plans] == ["free", "standard", "pro"]


def test_the_file_of_the_story_costs_what_the_story_says(tmp_path: Path) -> None:
    file = tmp_path / "vivid.toml"
    file.write_text(VIVID, encoding="utf-8")

    commands = priced(STORY)

    assert len(commands) == STORY.count("./run manage rate") == 4
    assert {one.order: answer(file, one) for one in commands} == {
        one.order: one.answer for one in commands
    }


@pytest.mark.parametrize("title", RECIPES)
def test_every_recipe_loads(title: str) -> None:
    loader.read_text(composed(RECIPES[title]), name=title)


@pytest.mark.parametrize(
    "title", [title for title, text in RECIPES.items() if "manage rate" in text]
)
def test_every_recipe_costs_what_it_says(title: str, tmp_path: Path) -> None:
    file = tmp_path / "vivid.toml"
    file.write_text(composed(RECIPES[title]), encoding="utf-8")
    commands = priced(RECIPES[title])

    assert len(commands) == RECIPES[title].count("./run manage rate")
    for command in commands:
        if command.refused:
            with pytest.raises(CommandError, match=command.answer):
                answer(file, command)
        else:
            assert answer(file, command) == command.answer, command.order


def test_every_way_of_pricing_has_a_recipe() -> None:
    written = [tomllib.loads(_TOML.findall(text)[0]) for text in RECIPES.values()]

    forms = {rate["form"] for one in written for rate in one.get("rate", [])}
    keys = {key for one in written for key in one}

    assert forms == {"flat", "per_unit", "lookup", "tiers", "tokens"}
    assert keys >= {"book", "lane", "campaign", "conversion", "alias", "modifier", "cost"}
    assert keys >= {"failure_policy", "overrun", "partial_success", "burn_order", "pack"}


def test_the_reference_and_the_schema_are_what_the_code_says() -> None:
    call_command("export_catalog_docs", "--check", stdout=StringIO())


def test_a_stale_reference_is_seen_and_renewed(tmp_path: Path) -> None:
    stale = GUIDE.read_text(encoding="utf-8").replace("| `slug` |", "| `slugg` |")
    (tmp_path / "catalog.md").write_text(stale, encoding="utf-8")

    with pytest.raises(CommandError, match=r"catalog\.md, catalog\.schema\.json"):
        call_command("export_catalog_docs", "--check", folder=tmp_path, stdout=StringIO())
    assert (tmp_path / "catalog.md").read_text(encoding="utf-8") == stale

    call_command("export_catalog_docs", folder=tmp_path, stdout=StringIO())

    for name in ("catalog.md", "catalog.schema.json"):
        assert (tmp_path / name).read_bytes() == (ROOT / "docs" / name).read_bytes(), RENEW
