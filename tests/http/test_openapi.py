from typing import Any

import pytest
from openapi_spec_validator import validate

from billing.http import openapi

pytestmark = pytest.mark.urls("tests.http.probes")


@pytest.fixture
def document() -> dict[str, Any]:
    """Return the contract of the probes."""
    return openapi.document()


def codes(operation: dict[str, Any], status: str) -> set[str]:
    """Return the codes that an operation may answer with a status."""
    return set(operation["responses"][status]["x-codes"])


def headers(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {p["name"]: p for p in operation.get("parameters", []) if p["in"] == "header"}


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validate(document)

    assert document["openapi"].startswith("3.1")


def test_each_operation_names_its_policy(document: dict[str, Any]) -> None:
    assert all(operation["x-authz"] for operation in operations(document))
    assert document["paths"]["/v1/orders"]["post"]["x-authz"]["action"] == "job.submit"


def test_each_operation_names_its_refusals(document: dict[str, Any]) -> None:
    order = document["paths"]["/v1/orders"]["post"]

    assert codes(order, "400") == {"malformed"}
    assert codes(order, "401") == {"unauthenticated"}
    assert codes(order, "402") == {"probe_payment"}
    assert codes(order, "403") == {"forbidden"}
    assert codes(order, "404") == {"not_found"}
    assert codes(order, "409") == {"idempotency_in_progress", "probe_conflict"}
    assert codes(order, "413") == {"too_large"}
    assert codes(order, "415") == {"unsupported_media_type"}
    assert codes(order, "422") == {"idempotency_mismatch"}
    assert codes(order, "429") == {"probe_limit", "rate_limited"}
    assert codes(order, "503") == {"unavailable"}
    for status in ("409", "429", "503"):
        assert "Retry-After" in order["responses"][status]["headers"]


@pytest.mark.urls("config.urls")
def test_a_body_of_one_of_several_shapes_is_needed(document: dict[str, Any]) -> None:
    given = document["paths"]["/v1/grants"]["post"]["requestBody"]

    assert given["required"] is True


def test_each_code_has_a_shape_that_says_what_it_means_and_what_mends_it(
    document: dict[str, Any],
) -> None:
    order = document["paths"]["/v1/orders"]["post"]["responses"]
    media_type, shapes = "application/problem+json", document["components"]["schemas"]

    assert order["402"]["content"][media_type]["schema"] == {
        "$ref": "#/components/schemas/ProbePaymentProblem"
    }
    several = order["409"]["content"][media_type]["schema"]
    assert several["discriminator"]["mapping"] == {
        "idempotency_in_progress": "#/components/schemas/IdempotencyInProgressProblem",
        "probe_conflict": "#/components/schemas/ProbeConflictProblem",
    }
    assert [one["$ref"] for one in several["oneOf"]] == [
        *several["discriminator"]["mapping"].values()
    ]
    shape = shapes["ProbeConflictProblem"]
    assert shape["properties"]["code"] == {"type": "string", "const": "probe_conflict"}
    assert shape["properties"]["status"] == {"type": "integer", "const": 409}
    assert shape["description"] == (
        "A refusal that is not kept. "
        "Read the resource anew, then decide; the same key may be used again."
    )


def test_each_operation_has_a_title_of_one_sentence(document: dict[str, Any]) -> None:
    order = document["paths"]["/v1/orders"]["post"]

    assert (order["summary"], order["description"]) == ("Order", "Order.")
    assert all("\n" not in operation["summary"] for operation in operations(document))


def test_a_public_operation_needs_nobody(document: dict[str, Any]) -> None:
    health = document["paths"]["/healthz"]["get"]

    assert health["security"] == [{}]
    assert not {"401", "403", "404"} & set(health["responses"])
    assert headers(health) == {}


def test_the_key_is_a_header_where_it_is_read(document: dict[str, Any]) -> None:
    order, claim = document["paths"]["/v1/orders"]["post"], document["paths"]["/v1/claim"]["post"]

    assert headers(order)["Idempotency-Key"]["required"]
    assert not headers(claim)["Idempotency-Key"]["required"]
    assert "Idempotency-Key" not in headers(document["paths"]["/v1/orders"]["get"])
    assert "Idempotent-Replayed" in order["responses"]["201"]["headers"]


def test_an_account_is_named_where_a_service_acts_for_one(document: dict[str, Any]) -> None:
    assert "X-Account" in headers(document["paths"]["/v1/whoami"]["get"])
    assert "X-Account" not in headers(document["paths"]["/v1/accounts/{external_id}"]["get"])


def test_callers_prove_themselves_by_bearer(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["paths"]["/v1/whoami"]["get"]["security"] == [{"bearer": []}]


def test_a_strict_body_says_so(document: dict[str, Any]) -> None:
    order = document["components"]["schemas"]["OrderInRequest"]

    assert order["additionalProperties"] is False
