"""The JSON Schema for editors: it takes what the loader takes, and sees what is written wrong."""

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from plans.catalog import loader
from plans.catalog.editor_schema import schema, tables
from plans.errors import CatalogInvalid
from tests.unit.shelf import HEAD, KLING, MODEL

CATALOGS: Final = sorted(KLING.parent.glob("*.toml"))
VALIDATOR: Final = Draft202012Validator(schema(), format_checker=FormatChecker())
RATE: Final = """\
[[rate]]
id = "all"
form = "per_unit"
basis = "seconds"
price = "1"
match = { mode = ["std", "pro"], seconds = { min = 1 } }
from = 2026-07-29T09:00:00+08:00
"""
GOOD: Final = HEAD + MODEL + RATE


def as_editors_see(value: Any) -> Any:  # noqa: ANN401 (whatever TOML may hold)
    """Return a document of TOML as JSON has it: an instant is a text of the format date-time."""
    if isinstance(value, dict):
        return {key: as_editors_see(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_editors_see(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value


def wrong_keys(source: str) -> set[str]:
    """Return where the schema finds a file wrong, as deep as it can say."""
    found = set()
    for error in VALIDATOR.iter_errors(as_editors_see(tomllib.loads(source))):
        deepest = error
        while deepest.context:
            deepest = max(deepest.context, key=lambda one: len(one.absolute_path))
        found.add(".".join(str(part) for part in deepest.absolute_path))
    return found


def test_it_is_a_json_schema_of_2020_12() -> None:
    Draft202012Validator.check_schema(schema())

    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_it_takes_every_catalog_that_ships(path: Path) -> None:
    assert wrong_keys(path.read_text(encoding="utf-8")) == set()


def test_it_takes_what_a_file_may_say() -> None:
    loader.read_text(GOOD)

    assert wrong_keys(GOOD) == set()


# Each case: what is replaced, by what, and where editors underline it.
CASES = [
    ('price = "1"', "price = 1.5", "rate.0.price"),
    ('price = "1"', 'price = "-1"', "rate.0.price"),
    ('price = "1"', 'price = "01"', "rate.0.price"),
    ('price = "1"', 'price = "1.0000001"', "rate.0.price"),
    ("min = 1, max = 60", "min = 1.5, max = 60", "model.0.dimensions.seconds.min"),
    ('form = "per_unit"', 'form = "per_unti"', "rate.0.form"),
    ("free = true", 'free = "yes"', "plan.0.free"),
    ("free = true", "free = true\nfree_of = 1", "plan.0"),
    (
        "free = true",
        'free = true\nprices = [{ currency = "usd", list = "5" }]',
        "plan.0.prices.0.currency",
    ),
    (
        "free = true",
        'free = true\nprices = [{ currency = "USD", list = "0.0" }]',
        "plan.0.prices.0.list",
    ),
    (
        "free = true",
        'free = true\nprices = [{ currency = "USD", interval = "P", list = "5" }]',
        "plan.0.prices.0.interval",
    ),
    (
        "free = true",
        'free = true\nallowance = [{ code = "a", cadence = "hourly", credits = "5" }]',
        "plan.0.allowance.0.cadence",
    ),
    (
        "free = true",
        'free = true\nallowance = [{ code = "a", cadence = "daily", credits = "5", expiry = "x" }]',
        "plan.0.allowance.0.expiry",
    ),
    (
        "free = true",
        'free = true\nallowance = [{ code = "a", cadence = "daily", at = "24:00", credits = "5" }]',
        "plan.0.allowance.0.at",
    ),
    ("from = 2026-07-29T09:00:00+08:00", 'from = "tomorrow"', "rate.0.from"),
    ("{ min = 1 }", "{ mni = 1 }", "rate.0.match.seconds"),
    ('match = { mode = ["std", "pro"]', 'match = { mode = ["std", "std"]', "rate.0.match.mode"),
    ('basis = "seconds"', 'basis = "seconds"\ntable = { 5 = "1" }', "rate.0"),
    ('["expires_at"]', "[]", "burn_order"),
    ("schema = 1", "schema = 2", "schema"),
    ('code = "m"', 'code = "-m"', "model.0.code"),
    ('zone = "UTC"\n', "", ""),
    ('title = { en = "Shop", zh = "店" }', 'title = { en = "Shop" }', "title"),
]


@pytest.mark.parametrize(("old", "new", "key"), CASES, ids=[case[1] or "nothing" for case in CASES])
def test_it_sees_what_is_wrong_where_it_is_wrong(old: str, new: str, key: str) -> None:
    assert GOOD.count(old) == 1
    source = GOOD.replace(old, new)

    with pytest.raises(CatalogInvalid):
        loader.read_text(source)
    assert key in wrong_keys(source)


def test_no_key_may_be_empty_as_json_would_have_it() -> None:
    """TOML has no null, and a default is written as a file writes it."""
    assert '"null"' not in json.dumps(schema())
    assert schema()["$defs"]["Charges"]["properties"]["timeout"]["default"] == "0"
    assert schema()["$defs"]["Dimension"]["properties"]["values"]["minItems"] == 1


def test_every_key_explains_itself() -> None:
    made = schema()
    nodes = [made, *made["$defs"].values()]

    assert all(node["description"] for node in nodes)
    assert all(shape["description"] for node in nodes for shape in node["properties"].values())
    assert set(made["$defs"]) == set(tables()) - {"Catalog"} | {"Rate"}
