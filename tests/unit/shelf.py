"""Small catalogs for the tests of the pure core."""

from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from plans.catalog import loader
from plans.catalog.schema import Catalog
from plans.errors import CatalogInvalid, Problem

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
KLING = Path(__file__).resolve().parents[2] / "plans" / "catalogs" / "kling.toml"

HEAD = """\
schema = 1
slug = "shop"
title = { en = "Shop", zh = "店" }
zone = "UTC"
burn_order = ["expires_at"]
credit = { name = { en = "credits", zh = "点" }, decimals = 6 }

[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true
"""
MODEL = """\
[[model]]
code = "m"
name = { en = "M", zh = "M" }

  [[model.task]]
  code = "text_to_video"

  [model.dimensions]
  mode = { values = ["std", "pro"], default = "std" }
  seconds = { min = 1, max = 60, default = 5 }
  audio = { values = [false, true], default = false }
  count = { min = 1, max = 100, default = 1 }
"""


def catalog(rates: str, *, model: str = MODEL, head: str = HEAD) -> Catalog:
    """Return the catalog of these rates for one model."""
    return loader.read_text(f"{head}\n{model}\n{dedent(rates)}").catalog


def problems_of(source: str) -> tuple[Problem, ...]:
    """Return what the loader finds wrong; that it finds something is taken for granted."""
    with pytest.raises(CatalogInvalid) as caught:
        loader.read_text(source, name="shop.toml")
    return caught.value.problems


def line_of(source: str, marked: str) -> int:
    """Return the line, from 1, on which `marked` stands alone in `source`."""
    found = [number for number, line in enumerate(source.splitlines(), 1) if marked in line]
    assert len(found) == 1, f"{marked} stands on {found}"
    return found[0]
