"""The contract as published: valid, complete, and changed only on purpose.

Renew the snapshot, and read what changed:

    ./run manage export_openapi --output docs/openapi.json && git diff docs/openapi.json
"""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from openapi_spec_validator import OpenAPIV31SpecValidator

from billing.http import problems
from billing.http.authz import POLICIES
from tests.architecture.tree import ROOT

SNAPSHOT: Final = ROOT / "docs" / "openapi.json"
RENEW: Final = "./run manage export_openapi --output docs/openapi.json"
METHODS: Final = {"get", "post", "put", "patch", "delete"}


class Operation(NamedTuple):
    """One call of the contract."""

    path: str
    method: str
    facts: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return what `export_openapi` prints."""
    said = StringIO()
    call_command("export_openapi", stdout=said)
    printed: dict[str, Any] = json.loads(said.getvalue().splitlines()[-1])
    return printed


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    """Return every call of the contract."""
    return list(operations_of(document))


def operations_of(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield every call of a document."""
    for path, methods in document["paths"].items():
        for method, facts in methods.items():
            if method in METHODS:
                yield Operation(path, method, facts)


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")

    OpenAPIV31SpecValidator(document).validate()


def test_the_document_is_made_without_a_guess() -> None:
    """The generator warns where it cannot tell a shape; a guess is not a contract."""
    reset_generator_stats()

    with GENERATOR_STATS.silence():
        call_command("export_openapi", stdout=StringIO())

    guesses = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert guesses == []


def test_the_snapshot_is_what_the_code_says(document: dict[str, Any]) -> None:
    published = json.loads(SNAPSHOT.read_text(encoding="utf-8"))

    assert document == published, f"The contract has changed. On purpose? Then: {RENEW}"


def test_the_snapshot_is_written_as_the_command_writes_it(tmp_path: Path) -> None:
    call_command("export_openapi", output=tmp_path / "openapi.json", stdout=StringIO())

    assert (tmp_path / "openapi.json").read_bytes() == SNAPSHOT.read_bytes(), RENEW


def test_each_operation_says_who_may_call_it(operations: list[Operation]) -> None:
    assert [str(o) for o in operations if not o.facts.get("x-authz")] == []


def test_each_operation_says_what_it_does(operations: list[Operation]) -> None:
    silent = [str(o) for o in operations if len(o.facts.get("description", "")) < 10]

    assert silent == []


def test_each_operation_has_a_name_of_its_own(operations: list[Operation]) -> None:
    names = [o.facts["operationId"] for o in operations]

    assert len(set(names)) == len(names)
    assert [name for name in names if not name.replace("_", "").isalpha()] == []


def test_each_operation_documents_its_refusals(operations: list[Operation]) -> None:
    for operation in operations:
        refused = {
            status: response
            for status, response in operation.facts["responses"].items()
            if int(status) >= 400
        }
        assert {"400", "500", "503"} <= set(refused), str(operation)
        for status, response in refused.items():
            # readiness answers 503 with its own checks
            if (operation.path, status) != ("/readyz", "503"):
                assert problems.CONTENT_TYPE in response["content"], f"{operation} {status}"


def test_each_operation_for_somebody_refuses_nobody_and_strangers(
    operations: list[Operation],
) -> None:
    public = [o for o in operations if o.facts["security"] == [{}]]
    private = [o for o in operations if o not in public]

    asks_nobody = [o for o in operations if POLICIES[o.facts["x-authz"]["action"]].asks_nobody]
    assert public == asks_nobody
    assert [str(o) for o in private if not {"401", "403"} <= set(o.facts["responses"])] == []


def test_each_operation_answers_with_a_shape(operations: list[Operation]) -> None:
    shapeless = [
        f"{operation} {status}"
        for operation in operations
        for status, response in operation.facts["responses"].items()
        if status in {"200", "201", "202"} and not response.get("content")
    ]

    assert shapeless == []


def test_each_list_is_paged(operations: list[Operation]) -> None:
    for operation in operations:
        if operation.facts["operationId"].startswith("list_"):
            names = {p["name"] for p in operation.facts.get("parameters", [])}
            assert {"limit", "cursor"} <= names, str(operation)


def test_everything_for_programs_stands_below_v1(document: dict[str, Any]) -> None:
    elsewhere = [path for path in document["paths"] if not path.startswith("/v1/")]

    assert elsewhere == ["/healthz", "/readyz"]


def test_no_amount_is_a_number(document: dict[str, Any]) -> None:
    """Credits are decimal strings outside, so that no JSON parser makes floats of them."""
    amounts = {"credits", "available", "held", "captured", "released", "quoted", "max_credits"}
    numbers = [
        f"{name}.{member}"
        for name, schema in document["components"]["schemas"].items()
        for member, shape in schema.get("properties", {}).items()
        if member in amounts and {"number", "integer"} & {*_types(shape)}
    ]

    assert numbers == []


def _types(shape: dict[str, Any]) -> list[str]:
    kind = shape.get("type", [])
    return kind if isinstance(kind, list) else [kind]


# While nobody can count, these wait: whoever adds to them, or takes away, says so here.
MONEY: Final = {
    *("activate_pack_purchase", "cancel_subscription", "change_subscription", "check_in"),
    *("collect_rewards", "create_allotment", "create_campaign_grant", "create_checkout_session"),
    *("create_grant", "create_portal_session", "create_redemption", "create_refund"),
    *("create_transfer", "resume_subscription", "set_auto_top_up", "set_subscription"),
    "take_back_allotment",
}
SIGN_UP: Final = {
    *("accept_invitation", "change_account", "create_organization", "create_referral"),
    *("decline_invitation", "invite_member", "tell_signals"),
}


def test_each_operation_says_by_which_class_it_is_counted(operations: list[Operation]) -> None:
    silent = [str(o) for o in operations if "x-limit" not in o.facts]

    assert silent == [], 'Let the view say so: limit = {"POST": "writes"}.'


def test_what_moves_credits_or_makes_accounts_waits_while_nobody_counts(
    operations: list[Operation],
) -> None:
    of_class: dict[str, set[str]] = {}
    for operation in operations:
        of_class.setdefault(operation.facts["x-limit"], set()).add(operation.facts["operationId"])

    assert of_class["money"] == MONEY
    assert of_class["sign_up"] == SIGN_UP
    assert of_class.keys() == {"addresses", "money", "probes", "reads", "sign_up", "writes"}


def test_each_operation_that_is_counted_says_what_is_left(operations: list[Operation]) -> None:
    for operation in operations:
        limited = operation.facts["responses"].get("429")
        if limited is not None and "rate_limited" in limited["description"]:
            done = [r for s, r in operation.facts["responses"].items() if s < "300"]
            for response in (limited, *done):
                assert {"RateLimit", "RateLimit-Policy"} <= response["headers"].keys()
            assert "Retry-After" in limited["headers"]


def test_an_address_that_is_a_permission_needs_no_credential(operations: list[Operation]) -> None:
    """Where `x-authz` lets in whoever has a signed address, the document asks for no more."""
    by_address = [o for o in operations if o.facts["x-authz"]["address"] != "no"]

    assert {o.facts["operationId"] for o in by_address if {} not in o.facts["security"]} == set()
    assert [
        o.facts["operationId"] for o in by_address if {"bearer": []} in o.facts["security"]
    ] == ["stream_job_events"]


def test_each_integer_that_a_body_may_say_has_bounds(document: dict[str, Any]) -> None:
    """All are refused outside 64 bits; a schema without bounds would promise more."""
    boundless = [
        f"{name}: {where}"
        for name, shape in document["components"]["schemas"].items()
        if name.endswith("Request")
        for where, schema in _schemas(shape)
        if "integer" in schema.get("type", ()) and not {"minimum", "maximum"} <= schema.keys()
    ]

    assert boundless == []


def _schemas(schema: object, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a schema and all within it, each with its place."""
    if isinstance(schema, dict):
        yield where, schema
        for name, part in schema.items():
            yield from _schemas(part, f"{where}/{name}")
    elif isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from _schemas(part, f"{where}/{number}")
