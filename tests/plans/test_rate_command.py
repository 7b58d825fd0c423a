"""`rate` prices what a catalog's author tries, with all that could be known of an account."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

SHOP = """\
schema = 1
slug = "shop"
title = { en = "Shop", zh = "店" }
zone = "UTC"
burn_order = ["expires_at"]
credit = { name = { en = "US dollars", zh = "美元" }, rounding = "none" }
surfaces = ["web", "api"]

[[book]]
code = "cn"
unit = { en = "yuan", zh = "元" }
regions = ["cn-beijing"]
currencies = ["CNY"]

[[book]]
code = "sg"
regions = ["ap-singapore"]
currencies = ["USD"]

[[plan]]
code = "free"
name = { en = "Free", zh = "免费" }
free = true

[[plan]]
code = "ultra"
name = { en = "Ultra", zh = "旗舰" }
unpriced = true

[[model]]
code = "m"
name = { en = "M", zh = "M" }

  [[model.task]]
  code = "text_to_video"

  [model.dimensions]
  seconds = { min = 1, max = 60, default = 5, decimal = true }

[[model]]
code = "far"
name = { en = "Far", zh = "远" }

  [[model.task]]
  code = "text_to_video"

[[rate]]
id = "cn"
match = { model = "m", book = "cn" }
form = "per_unit"
basis = "seconds"
price = "0.5"

[[rate]]
id = "sg"
match = { model = "m", book = "sg" }
form = "per_unit"
basis = "seconds"
price = "0.1"

[[rate]]
id = "sg-ultra"
match = { model = "m", book = "sg", plan = "ultra" }
form = "flat"
price = "0.000001"
also = [{ basis = "seconds", price = "0.01" }]

[[rate]]
id = "far"
match = { model = "far", book = "sg" }
form = "tiers"
basis = "month_count"
tier = [{ up_to = 10, price = "4.8" }, { price = "4.2" }]

[[modifier]]
id = "sale"
match = { model = "m" }
factor = "0.5"
until = 2026-10-01T00:00:00+08:00

[[alias]]
key = "plan"
means = "plan"
values = { ultra-199 = "ultra" }

[[alias]]
key = "tier"
means = "plan"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.toml"
    path.write_text(SHOP)
    return path


def rated(path: Path, spec: str, *more: str) -> dict[str, Any]:
    out = StringIO()
    call_command("rate", str(path), spec, *more, stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return answer


@pytest.mark.parametrize(
    ("spec", "total", "unit"),
    [
        ('{"model": "m", "seconds": 10.23}', "5.115", "yuan"),
        ('{"model": "m", "seconds": "10.23"}', "5.115", "yuan"),
        ('{"model": "m", "seconds": 10, "region": "ap-singapore"}', "1", "US dollars"),
        ('{"model": "m", "seconds": 10, "currency": "USD"}', "1", "US dollars"),
        ('{"model": "m", "seconds": 10, "book": "sg"}', "1", "US dollars"),
        ('{"model": "m", "book": "sg", "plan": "ultra"}', "0.050001", "US dollars"),
        ('{"model": "m", "book": "sg", "plan": "ultra-199"}', "0.050001", "US dollars"),
        ('{"model": "m", "book": "sg", "tier": "ultra"}', "0.050001", "US dollars"),
        ('{"model": "far"}', "4.8", "US dollars"),  # the first book has no price for it
        ('{"model": "far", "month_count": 10}', "4.2", "US dollars"),
    ],
)
def test_what_is_known_of_an_account_chooses_its_price(
    shop: Path, spec: str, total: str, unit: str
) -> None:
    answer = rated(shop, spec, "--at", "2026-11-01T00:00:00Z")

    assert (answer["total"], answer["unit"]) == (total, unit)


def test_an_order_is_priced_at_the_instant_that_is_asked_for(shop: Path) -> None:
    sale = rated(shop, '{"model": "m"}', "--at", "2026-09-30T23:59:59+08:00")
    over = rated(shop, '{"model": "m"}', "--at", "2026-10-01T00:00:00+08:00")

    assert (sale["total"], sale["list"]) == ("1.25", "2.5")
    assert (over["total"], "list" in over) == ("2.5", False)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ('{"model": "m", "plan": "pro"}', "plan must be one of free, ultra."),
        ('{"model": "m", "region": "eu"}', "region must be one of cn-beijing, ap-singapore."),
        ('{"model": "m", "surface": 1}', "surface must be one of web, api."),
        ('{"model": "m", "month_count": -1}', "month_count must be one of 0, 1, 2, …."),
        ('{"model": "far", "region": "cn-beijing"}', "No rate prices this order"),
        ('{"model": "m", "plan": "free", "tier": "ultra"}', "tier and plan say the same"),
        ('{"model": "m", "seconds": 1e1}', "seconds must be from 1 to 60, not 1e1"),
    ],
)
def test_what_no_account_can_be_is_refused(shop: Path, spec: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        rated(shop, spec)


def test_an_instant_without_its_offset_is_refused(shop: Path) -> None:
    with pytest.raises(CommandError, match="--at"):
        rated(shop, '{"model": "m"}', "--at", "2026-11-01")


def test_an_instant_that_cannot_be_read_is_told_how_to_write_it(shop: Path) -> None:
    with pytest.raises(CommandError, match=r"write 2026-12-31T00:00:00\+08:00"):
        rated(shop, '{"model": "m"}', "--at", "2026-12-31")
    with pytest.raises(CommandError, match="must be an instant with its offset"):
        rated(shop, '{"model": "m"}', "--at", "noon")


def test_a_region_is_left_out_where_no_book_names_one(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(SHOP.replace('regions = ["cn-beijing"]', "").replace("regions", "# regions"))

    with pytest.raises(CommandError, match="names a region; leave it out"):
        rated(path, '{"model": "m", "region": "cn-beijing"}')


def test_an_exact_price_says_what_is_charged_of_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(SHOP.replace('price = "0.5"', 'price = "0.333333"'))

    answer = rated(path, '{"model": "m", "seconds": "1.5"}', "--at", "2026-11-01T00:00:00Z")

    assert (answer["total"], answer["charged"]) == ("0.4999995", "0.5")
    assert sum(float(line["credits"]) for line in answer["lines"]) == float(answer["charged"])
