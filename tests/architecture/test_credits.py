"""Credits never meet a float: not as a literal, a type, a division, a column or a function."""

import ast
from collections.abc import Iterator
from typing import Final

import pytest
from django.apps import apps
from django.db import models

from tests.architecture.tree import ROOT, files, parsed

# Where amounts are reckoned. `seconds` of a film and pauses between tries are measured elsewhere.
MONEY: Final = [
    *files("billing/corrections", "billing/ledger", "billing/subscriptions", "plans/catalog"),
    *(ROOT / "billing" / "insights" / f"{name}.py" for name in ("audit", "explain", "history")),
    *(ROOT / "billing" / "insights" / f"{name}.py" for name in ("simulate", "touched")),
    *(ROOT / "plans" / f"{name}.py" for name in ("credits", "rating", "forms", "burn_order")),
    *(ROOT / "plans" / f"{name}.py" for name in ("entitlements", "orders", "api")),
    *files("plans/models"),
    *files("billing/jobs/services", "billing/jobs/shapes", "billing/jobs/models"),
    ROOT / "billing" / "jobs" / "charging.py",
]
LOSSY: Final = {"float", "round", "complex", "fsum", "sqrt", "pow", "isclose", "FloatField"}
# What looks like it and is not: file, function and expression, each with its reason.
HARMLESS: Final = {
    ("plans/forms.py", "", "round"),  # of a Fraction: exact, half to even
    ("plans/forms.py", "_per_unit", "billed / rate.block"),  # Fractions, as the next four
    ("plans/forms.py", "_per_unit", "billed * rate.price_micros / rate.per"),
    ("plans/forms.py", "_tokens", "seconds / rate.divisor"),
    ("plans/forms.py", "_tokens", "tokens * rate.price_micros / rate.per"),
    ("plans/forms.py", "_tokens", "(rate.tokens_min - tokens) * rate.price_micros / rate.per"),
    ("plans/catalog/values.py", "quoted", "float"),  # a bare number, to say how it is quoted
    ("plans/rating.py", "_rounded", "exact / step"),  # Fractions, as the next
    ("plans/rating.py", "exact_text", "price.exact_micros / MICROS"),
    (  # Fractions, as the next
        "billing/jobs/services/pricing.py",
        "_highest_micros",
        "(forms.number(highest.get('seconds')) or seconds) / seconds",
    ),
    ("billing/jobs/services/pricing.py", "_uncovered", "one.share / longer"),
    (  # of whole numbers, by the database
        "billing/subscriptions/selectors/touching.py",
        "",
        "F('renewal_micros') / Coalesce(F('seats'), 1)",
    ),
    ("billing/jobs/services/dispatching.py", "_require_sendable", "float"),  # a stop watch's
    ("billing/jobs/services/dispatching.py", "_hand_over", "float"),  # a stop watch's
    ("billing/jobs/services/ending.py", "end_attempt", "float"),  # what a backend measures
    ("billing/jobs/services/ending.py", "_keep", "Decimal(stored.milliseconds) / 1000"),
    ("billing/jobs/charging.py", "_number", "float"),  # a backend's, made a decimal by its digits
    ("billing/jobs/shapes/jobs.py", "", "serializers.FloatField"),  # seconds of a film
    ("billing/jobs/services/ending.py", "book_cost", "float"),  # usage, priced by its exact text
    ("billing/jobs/services/ending.py", "_book", "float"),  # as the one above
    # Times and counts of a queue, which are told and never charged.
    ("billing/jobs/services/placing.py", "_own_wait", "work / max(1, count)"),
    ("billing/jobs/services/placing.py", "_work", "before * total / sum(here.values())"),
    ("billing/jobs/services/placing.py", "_work", "round"),
    ("billing/jobs/services/placing.py", "_work", "work / total"),
    ("billing/jobs/services/placing.py", "_chance", "float"),
    (
        "billing/jobs/services/placing.py",
        "_part_here",
        "_slots(own & set(makers)) / max(1, _slots(makers))",
    ),
    ("billing/jobs/services/placing.py", "_part_here", "float"),
    ("billing/jobs/charging.py", "_part", "Fraction(film, 1000) / seconds"),  # Fractions of a film
    ("billing/jobs/charging.py", "of_success", "came / sold.outputs"),  # Fractions of a film
    ("billing/jobs/shapes/jobs.py", "get_progress", "float"),
    ("billing/jobs/shapes/jobs.py", "get_progress", "job.progress_percent / 100"),
}


def suspects_of(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, str]]:
    """Yield function and expression wherever a float is born or let in.

    That is a literal, a name that means floats, and `/`, which makes a float of two integers.
    """
    for node in ast.iter_child_nodes(tree):
        if (
            (isinstance(node, ast.Constant) and isinstance(node.value, float | complex))
            or (isinstance(node, ast.Name | ast.Attribute) and _word(node) in LOSSY)
            or (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div))
        ):
            yield scope, ast.unparse(node)
        inner = node.name if isinstance(node, ast.FunctionDef) else scope
        yield from suspects_of(node, inner)


def _word(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def test_credits_never_meet_a_float() -> None:
    suspects = {
        (str(path.relative_to(ROOT)), *suspect)
        for path in MONEY
        for suspect in suspects_of(parsed(path))
    }

    assert suspects == HARMLESS


@pytest.mark.parametrize(
    "line",
    [
        "x = 0.5",
        "x = float(y)",
        "x: float = y",
        "x = round(y)",
        "x = models.FloatField()",
        "x = math.sqrt(y)",
        "x = y / z",
        "x /= z",
    ],
)
def test_the_eye_for_floats_sees_them(line: str) -> None:
    assert list(suspects_of(ast.parse(line)))


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
