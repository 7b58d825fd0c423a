"""The page on scale says what the model reckons, in both languages, and the costs are its own."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.scale.model import MEASURED, Load, reckoned

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ("docs/scale.md", "docs/scale.zh-CN.md")


def figures(page: str) -> list[str]:
    """Return the figures that a page reckons, which stand in bold in its second columns."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^\| [^|]+ \| \*\*([^*|]+)\*\* \|", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_says_what_the_model_reckons(page: str) -> None:
    assert figures(page) == [figure for _name, figure in reckoned(Load(), MEASURED)]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_shows_the_costs_that_are_reckoned_with(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    rows = [f"| `{name}` | {size:,} |" for name, size in MEASURED.row_bytes.items()]
    deeds = [
        f"| {own:.2f} | {MEASURED.database_ms[name]:.2f} |" for name, own in MEASURED.own_ms.items()
    ]

    assert [row for row in [*rows, *deeds] if row not in text] == []


def test_ten_times_the_accounts_take_ten_times_as_much() -> None:
    one = dict(reckoned(Load(), MEASURED))
    ten = dict(reckoned(replace(Load(), accounts=100_000_000), MEASURED))

    assert int(ten["jobs_a_day"].replace(",", "")) == 10 * int(one["jobs_a_day"].replace(",", ""))
    assert float(ten["own_cores"]) == pytest.approx(10 * float(one["own_cores"]), rel=0.02)
    assert float(ten["accounts_disk"]) == pytest.approx(10 * float(one["accounts_disk"]), abs=10)
