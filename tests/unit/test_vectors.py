"""What orders cost by the catalogs that ship, to the last place: `vectors.toml` through `rate`."""

import json
import tomllib
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.unit.shelf import KLING

SHELF = KLING.parent
VECTORS: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "vectors.toml").read_text(encoding="utf-8")
)["vector"]
LATER = "2026-11-26T12:00:00+00:00"
# Its hardware has prices of our own only: nothing published can be held against them.
WITHOUT_PUBLISHED_TOTALS = {"replicate"}


def priced(catalog: str, order: dict[str, Any]) -> dict[str, Any]:
    """Return what `rate` answers on its last line."""
    out = StringIO()
    path = SHELF / f"{catalog}.toml"
    call_command("rate", str(path), json.dumps(order), "--at", LATER, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return answer


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_an_order_costs_what_is_published(vector: dict[str, Any]) -> None:
    assert priced(vector["catalog"], vector["order"])["total"] == vector["total"]


def test_every_catalog_has_totals_to_be_held_to() -> None:
    held = Counter(vector["catalog"] for vector in VECTORS)
    shipped = {path.stem for path in SHELF.glob("*.toml")} - WITHOUT_PUBLISHED_TOTALS

    assert {slug for slug in shipped if held[slug] < 4} == set()
    assert held.keys() <= shipped


def test_no_total_stands_twice_under_one_name() -> None:
    assert len({vector["id"] for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize(
    ("catalog", "order", "unit"),
    [
        ("kling-api", {"model": "kling-v3", "seconds": 5}, "USD"),
        ("kling-api", {"model": "kling-v2-5-turbo"}, "reseller credits"),
        ("kling-api", {"model": "kling-legacy-units"}, "units"),
        ("sora-turbo", {"model": "sora-turbo"}, "credits"),
        ("sora-turbo", {"model": "sora-2"}, "USD"),
        ("seedance", {"model": "seedance-2.5"}, "reseller credits"),
        ("seedance", {"model": "seedance-2-5"}, "CNY"),
        ("seedance", {"model": "doubao-seedance-2-5-260628"}, "USD"),
        ("wanxiang", {"model": "wan2.5"}, "CNY"),
        ("wanxiang", {"model": "wan3.0-video"}, "USD"),
        ("vidu", {"model": "vidu2.0"}, "Vidu credits"),
        ("vidu", {"model": "viduq3-pro"}, "reseller credits"),
        ("hunyuan", {"month_count": 7}, "USD"),
        ("hunyuan", {"book": "calls"}, "calls"),
    ],
)
def test_a_total_is_said_in_the_unit_of_its_price_list(
    catalog: str, order: dict[str, Any], unit: str
) -> None:
    assert priced(catalog, order)["unit"] == unit
