"""Nobody writes a column by naming it: each of ours, put into each body, is refused by its name."""

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

import pytest
from django.apps import apps

from billing.http.authz import POLICIES
from tests.matrix.cells import Kind, Verdict, cells_of
from tests.matrix.test_walk import DOCUMENT, Step, steps
from tests.matrix.walking import Walk, filled, fingerprint
from tests.matrix.world import World, cell
from tests.thoroughness import LOOKED

pytestmark = pytest.mark.django_db
COLUMNS: Final = frozenset(
    name
    for app in ("billing", "plans", "auth")
    for model in apps.get_app_config(app).get_models()
    for field in model._meta.concrete_fields
    for name in (field.name, field.attname)
) | {"is_staff", "is_superuser", "owner", "balance", "amount", "price", "x_account"}
# What a customer may write as he likes: it is his own words.
_FREE: Final = {"metadata", "options"}
# The dimensions of a spec are the catalog's: an unknown one is named by another refusal.
_SPECS: Final = {"create_quote", "submit_job"}
WRITES: Final = [step for step in steps() if isinstance(step.ready.body, dict)]


def bodies(body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each place of a body, by its pointer, and the body with all columns put there."""
    yield "", {**dict.fromkeys(sorted(COLUMNS), "1"), **body}
    for name, inner in body.items():
        if isinstance(inner, dict) and name not in _FREE:
            for pointer, more in bodies(inner):
                yield f"/{name}{pointer}", {**body, name: more}


def surplus(step: Step, pointer: str) -> set[str]:
    """Return the columns that the shape at a place does not have of itself."""
    if pointer:
        return set()  # that it is refused is enough: the document names the shapes within
    shapes: dict[str, Any] = DOCUMENT["components"]["schemas"]
    reference = step.operation.facts["requestBody"]["content"]["application/json"]["schema"]
    known: set[str] = set()
    for one in (reference, *reference.get("oneOf", ()), *reference.get("anyOf", ())):
        shape = shapes.get(one.get("$ref", "").rpartition("/")[2], one)
        for part in (shape, *shape.get("oneOf", ())):
            inner = shapes.get(part.get("$ref", "").rpartition("/")[2], part)
            known |= set(inner.get("properties", {}))
    return set(COLUMNS) - known


@pytest.mark.parametrize("step", WRITES, ids=str)
def test_no_column_is_written_by_naming_it(
    step: Step, world: World, record_property: Callable[[str, object], None]
) -> None:
    policy = POLICIES[step.action]
    walk = Walk(policy, step.operation.path, step.operation.method, step.ready)
    able = next(
        one
        for one in cells_of(world, policy, step.ready)
        if (one.kind, one.verdict) == (Kind.OWN, Verdict.IN)
    )
    before, tried = fingerprint(), 0
    for pointer, body in bodies(filled(step.ready.body, able.ids)):
        with cell():
            answer = walk.ask(able, body)
            assert fingerprint() == before, f"something moved: {answer}"
        told = json.loads(answer.text)
        named = {one["pointer"] for one in told.get("errors", ())}
        tried += len(COLUMNS)
        if step.operation.facts["operationId"] in _SPECS:
            assert answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
        else:
            assert answer.status == HTTPStatus.BAD_REQUEST, f"{pointer}: {answer}"
            missing = {f"{pointer}/{name}" for name in surplus(step, pointer)} - named
            assert missing == set(), f"not refused by name at {pointer or '/'}"

    record_property(LOOKED, f"columns in bodies: {step}: {tried}")
