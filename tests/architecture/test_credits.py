"""Credits never meet a float: not as a literal, a type, a division, a column or a function."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.apps import apps
from django.db import models

from tests.architecture.tree import ROOT, files, parsed, place

# Where amounts are reckoned. `seconds` of a film and pauses between tries are measured elsewhere.
MONEY: Final = [
    *files("billing/ledger", "billing/subscriptions", "billing/insights", "plans/catalog"),
    *(ROOT / "plans" / f"{name}.py" for name in ("credits", "rating", "forms", "burn_order")),
    *(ROOT / "plans" / f"{name}.py" for name in ("entitlements", "orders", "models", "api")),
    *files("billing/jobs/services"),
    ROOT / "billing" / "jobs" / "models.py",
    ROOT / "billing" / "jobs" / "shapes.py",
]
# `round` breaks ties to even and gives an int of whatever it is given; `math.ceil` of a Fraction
# is exact, and the only one that may stay.
LOSSY: Final = {"float", "round", "complex", "fsum", "sqrt", "pow", "isclose", "FloatField"}


def floats_of(path: Path) -> Iterator[str]:
    """Yield each place of a file where a float is born or let in."""
    for node in ast.walk(parsed(path)):
        if not isinstance(node, ast.expr | ast.stmt):
            continue
        if (isinstance(node, ast.Constant) and isinstance(node.value, float | complex)) or (
            isinstance(node, ast.Name | ast.Attribute) and _word(node) in LOSSY
        ):
            yield place(path, node)


def divisions_of(path: Path) -> Iterator[str]:
    """Yield each true division: of two ints it makes a float."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield place(path, node)


def _word(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def test_credits_never_meet_a_float() -> None:
    missing = [path for path in MONEY if not path.exists()]
    assert missing == []

    assert [found for path in MONEY for found in floats_of(path)] == []


def test_credits_are_only_divided_as_fractions() -> None:
    """A `Fraction` divided is exact; the rounding then stands in one declared place."""
    divided = {found.rpartition(":")[0] for path in MONEY for found in divisions_of(path)}

    # both divide `Fraction`s only, which tests/unit/test_rating.py shows by exact vectors
    assert divided <= {"plans/forms.py", "plans/rating.py"}


@pytest.mark.parametrize(
    "line",
    [
        "x = 0.5",
        "x = float(y)",
        "x: float = y",
        "x = round(y)",
        "x = models.FloatField()",
        "x = math.sqrt(y)",
    ],
)
def test_the_eye_for_floats_sees_them(tmp_path: Path, line: str) -> None:
    path = ROOT / "billing" / f"planted-{tmp_path.name}.py"
    tree = ast.parse(line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(floats_of.__globals__, "parsed", lambda _path: tree)
        assert list(floats_of(path)) == [f"billing/planted-{tmp_path.name}.py:1"]


def test_every_amount_is_a_big_integer() -> None:
    wrong = [
        f"{model.__name__}.{field.name}"
        for label in ("billing", "plans")
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.local_fields
        if field.name.endswith("_micros") and not isinstance(field, models.BigIntegerField)
    ]

    assert wrong == []


def test_no_column_is_a_float() -> None:
    wrong = [
        f"{model.__name__}.{field.name}"
        for label in ("billing", "plans")
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.local_fields
        if isinstance(field, models.FloatField)
    ]

    assert wrong == []
