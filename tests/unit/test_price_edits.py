"""Prices of a catalog's text as cells: a new one is put in its place, and nothing else moves."""

import difflib
from pathlib import Path
from typing import Final

import pytest

from plans import price_edits
from plans.catalog import loader
from plans.errors import InvalidDraft

CATALOGS: Final = sorted((Path(__file__).parents[2] / "plans" / "catalogs").glob("*.toml"))
KLING: Final = next(path for path in CATALOGS if path.stem == "kling").read_text()


def lines_changed(old: str, new: str) -> list[str]:
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
    return [line for line in lines if not line.startswith("@@")]


def test_a_price_changes_in_its_line_and_the_comments_stay() -> None:
    new = price_edits.changed(KLING, {"plan|1|prices|0|list": "70", "rate|0|table|5": "12"})

    assert lines_changed(KLING, new) == [
        '-  { currency = "CNY", interval = "P1M", list = "66" },',
        '+  { currency = "CNY", interval = "P1M", list = "70" },',
        '-table = { 5 = "10", 10 = "20" }',
        '+table = { 5 = "12", 10 = "20" }',
    ]
    assert loader.read_text(new).catalog.rates[0].id == "v1-6-std"


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_each_amount_of_each_shipped_catalog_can_be_changed(path: Path) -> None:
    text = path.read_text()
    cells = [cell for item in price_edits.items(text) for cell in item.cells]
    wanted = {cell.key: f"{cell.value}1" for cell in cells}

    new = price_edits.changed(text, wanted)

    assert cells
    assert {c.key: c.value for i in price_edits.items(new) for c in i.cells} == wanted
    assert len(new.splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_what_is_not_changed_stays_to_the_letter(path: Path) -> None:
    text = path.read_text()
    same = {cell.key: cell.value for item in price_edits.items(text) for cell in item.cells}

    assert price_edits.changed(text, same) == text
    assert price_edits.changed(text, {"slug": "other", "rate|0|id": "x"}) == text


def test_an_amount_says_what_it_is_the_price_of() -> None:
    by_code = {item.code: item for item in price_edits.items(KLING)}

    rate = by_code["v1-6-std"]
    assert rate.match == {"model": "kling-v1-6", "mode": "std"}
    assert [(cell.what, cell.value, cell.unit) for cell in rate.cells] == [
        ("seconds 5", "10", "credits"),
        ("seconds 10", "20", "credits"),
    ]
    assert ("price", "66", "CNY/P1M") in [
        (cell.what, cell.value, cell.unit) for cell in by_code["standard"].cells
    ]


@pytest.mark.parametrize("source", ["[", "a = ", "rate = [" * 5000])
def test_a_text_that_is_no_toml_has_no_amounts(source: str) -> None:
    with pytest.raises(InvalidDraft):
        price_edits.items(source)


@pytest.mark.parametrize("source", ["rate = 1", "[[rate]]\nmatch = 5", "plan = [1, 2]\npack = {}"])
def test_a_text_that_is_no_catalog_is_read_all_the_same(source: str) -> None:
    assert price_edits.items(source) == []


def test_whatever_is_typed_stays_one_text() -> None:
    evil = '1"\n[[plan]]\ncode = "free2'

    new = price_edits.changed(KLING, {"rate|0|table|5": evil})

    assert {item.code for item in price_edits.items(new)} == {
        item.code for item in price_edits.items(KLING)
    }
