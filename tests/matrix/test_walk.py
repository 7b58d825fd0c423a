"""Each caller, at each operation, about each kind of thing: answered as the table says."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import pytest
from django.test import Client

from billing.http import openapi
from billing.http.authz import POLICIES
from tests.architecture.test_document import Operation, operations_of
from tests.matrix.callers import everybody
from tests.matrix.cells import cells_of
from tests.matrix.ready import READY, Ready
from tests.matrix.walking import Walk, fingerprint
from tests.matrix.world import World, cell
from tests.thoroughness import LOOKED

pytestmark = pytest.mark.django_db


class Step(NamedTuple):
    """One operation, by one request that it would carry out."""

    operation: Operation
    ready: Ready

    def __str__(self) -> str:
        name: str = self.operation.facts["operationId"]
        place = READY[name].index(self.ready)
        return f"{name}-{place}" if place else name

    @property
    def action(self) -> str:
        """Return whose row counts."""
        told: dict[str, Any] = self.operation.facts["x-authz"]
        found: str = (
            told["fields"][self.ready.field]["action"] if self.ready.field else told["action"]
        )
        return found


DOCUMENT: Final = openapi.document()
OPERATIONS: Final = list(operations_of(DOCUMENT))


def steps() -> Iterator[Step]:
    """Yield each operation of the document with each request that stands ready for it."""
    for operation in OPERATIONS:
        for ready in READY.get(operation.facts["operationId"], ()):
            yield Step(operation, ready)


def test_a_request_stands_ready_for_each_operation() -> None:
    named = {operation.facts["operationId"] for operation in OPERATIONS}

    assert sorted(named - set(READY)) == [], "give it a row in tests/matrix/ready.py: see its head"
    assert sorted(set(READY) - named) == [], "no operation is called so any more"


@pytest.mark.parametrize("step", list(steps()), ids=str)
def test_each_caller_reaches_as_far_as_the_table_says(
    step: Step, world: World, record_property: Callable[[str, object], None]
) -> None:
    policy = POLICIES[step.action]
    walk = Walk(policy, step.operation.path, step.operation.method, step.ready)

    walk.through(cells_of(world, policy, step.ready))

    record_property(LOOKED, f"matrix: {step}: {walk.looked} cells")
    if walk.deviations:
        pytest.fail("\n".join(walk.deviations), pytrace=False)


@pytest.mark.parametrize("path", ["/webhooks/stripe", "/webhooks/backends/near/att_x.signature"])
def test_nobody_reports_in_place_of_who_signs(path: str, world: World) -> None:
    """What a good signature opens is shown beside each receiver; here, that nothing else does."""
    before = fingerprint()
    client = Client(raise_request_exception=False)
    for policy in (POLICIES["gpu.callback"], POLICIES["balance.read"]):
        for caller in everybody(world, policy):
            with cell():
                answer = client.post(
                    path, b"{}", content_type="application/json", headers=caller.headers
                )
                assert answer.status_code >= HTTPStatus.BAD_REQUEST, f"{caller}: {answer.content!r}"
                assert fingerprint() == before, str(caller)
