"""Every key of a catalog means something, and has an example that loads."""

import tomllib
from typing import Any, Final

import pytest
from pydantic import ValidationError

from plans.catalog.editor_schema import tables
from plans.catalog.examples import EXAMPLES, example
from plans.catalog.meanings import meanings, what
from plans.catalog.values import Table

NAME: Final = 'name = { en = "N", zh = "名" }\n'
CATALOG: Final = """\
schema = 1
slug = "s"
title = { en = "S", zh = "店" }
zone = "UTC"
burn_order = ["expires_at"]
credit = { name = { en = "credits", zh = "点" } }
plan = [{ code = "free", name = { en = "Free", zh = "免费" }, free = true }]
model = [{ code = "m", name = { en = "M", zh = "M" }, task = [{ code = "t" }] }]
rate = [{ id = "r", form = "flat", price = "1" }]
"""
# What else a table needs beside an example; of several the first that fits.
BESIDE: Final[dict[str, list[str]]] = {
    "Catalog": [CATALOG],
    "Text": ['en = "N"\nzh = "名"'],
    "Credit": [NAME],
    "Worth": ['amount = "1"\ncurrency = "USD"'],
    "Source": ['at = "x"\ngrade = "A"'],
    "Book": ['code = "b"'],
    "Lane": [f'code = "l"\n{NAME}'],
    "Hours": ['from = "01:00"\nto = "02:00"\nzone = "UTC"'],
    "Plan": [
        f'code = "p"\n{NAME}free = true',
        f'code = "p"\n{NAME}',
    ],
    "PlanPrice": ['currency = "USD"\nlist = "100"'],
    "Allowance": [
        'code = "a"\ncadence = "monthly"\ncredits = "5"',
        'code = "a"\ncadence = "monthly"',
    ],
    "Streak": ['days = 2\ncredits = "1"'],
    "Bonus": ['credits = "1"'],
    "Pack": [f'code = "p"\n{NAME}credits = "1"'],
    "Campaign": [
        f'code = "c"\n{NAME}kind = "promo"\ncredits = "1"\nbudget = "10"',
        f'code = "c"\n{NAME}kind = "promo"\nbudget = "10"',
    ],
    "Programme": [
        f'code = "p"\n{NAME}kind = "referral"\nwhen = "sign_up"\nreward = "c"',
    ],
    "Conversion": [
        f'code = "c"\n{NAME}at = 2027-01-01T00:00:00Z\nfrom_sources = ["pack"]\nfactor = "1"'
    ],
    "Reason": [f'code = "r"\n{NAME}'],
    "ConcurrencyStep": ['bought = "1"\ncurrency = "USD"\nconcurrency = 2'],
    "Slots": ['match = { model = "m" }\nconcurrency = 1'],
    "Limit": ['when = { model = "m" }\nmax = { seconds = 9 }'],
    "CountLimit": ['window = "day"\norders = 1', 'window = "day"'],
    "Model": [f'code = "m"\n{NAME}task = [{{ code = "t" }}]'],
    "Task": ['code = "t"'],
    "Derive": ['when = { mode = "std" }\nset = { fps = 24 }'],
    "Alias": ['key = "k"\nmeans = "m"'],
    "Also": ['basis = "images"\nprice = "1"'],
    "FlatRate": ['id = "r"\nform = "flat"\nprice = "1"'],
    "PerUnitRate": ['id = "r"\nform = "per_unit"\nbasis = "seconds"\nprice = "1"',
                    'id = "r"\nform = "per_unit"\nbasis = "seconds"\nprice = "0"'],
    "LookupRate": ['id = "r"\nform = "lookup"\nby = "seconds"\ntable = { 5 = "1" }'],
    "TiersRate": ['id = "r"\nform = "tiers"\nbasis = "seconds"\ntier = [{ price = "1" }]'],
    "TokensRate": ['id = "r"\nform = "tokens"\nprice = "1"'],
    "Modifier": ['id = "m"', 'id = "m"\nfactor = "2"'],
    "PerItem": ['basis = "images"\nprice = "1"'],
    "Trial": ['period = "P7D"'],
    "CoolingOff": ['within = "P7D"'],
    "Change": ['when = "now"'],
    "CostSheet": ['currency = "USD"\nrate = [{ id = "r", form = "flat", price = "1" }]'],
}  # fmt: skip

KEYS: Final = [
    (table, field.alias or name)
    for table in tables().values()
    for name, field in table.model_fields.items()
]


def loads(table: type[Table], text: str) -> ValidationError | None:
    """Return None when `text` is valid in some table of that kind, else why it is not."""
    said: ValidationError | None = None
    for beside in BESIDE.get(table.__name__, [""]):
        written: dict[str, Any] = {**tomllib.loads(beside), **tomllib.loads(text)}
        try:
            table.model_validate(written)
        except ValidationError as invalid:
            said = invalid
        else:
            return None
    return said


@pytest.mark.parametrize(
    ("table", "key"), KEYS, ids=[f"{table.__name__}-{key}" for table, key in KEYS]
)
def test_every_key_has_an_example_that_loads(table: type[Table], key: str) -> None:
    text = example(table, key)

    assert text is not None
    assert key in tomllib.loads(text)
    assert loads(table, text) is None


@pytest.mark.parametrize(
    ("table", "key"), KEYS, ids=[f"{table.__name__}-{key}" for table, key in KEYS]
)
def test_every_key_has_a_meaning(table: type[Table], key: str) -> None:
    meaning = meanings(table).get(key, "")

    assert meaning.endswith((".", '."', "?", ")"))
    assert "_micros" not in meaning


def test_every_table_says_what_it_is() -> None:
    assert [name for name, table in tables().items() if not what(table)] == []


def test_no_example_is_of_a_key_that_is_gone() -> None:
    bases = {
        base.__name__: base
        for table in tables().values()
        for base in table.__mro__
        if issubclass(base, Table)
    }
    stale = [
        f"{name}.{key}"
        for name, keys in EXAMPLES.items()
        for key in keys
        if name not in bases
        or key not in {field.alias or own for own, field in bases[name].model_fields.items()}
    ]

    assert stale == []


def test_a_wrong_example_would_be_seen() -> None:
    table = tables()["Allowance"]

    assert loads(table, 'cadence = "hourly"') is not None
