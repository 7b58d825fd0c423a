from collections.abc import Callable
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import get_resolver

from billing.http import openapi, parameters
from tests.architecture.test_authz import routes
from tests.architecture.test_document import operations_of

Ask = Callable[..., Any]
ATTACKS: Final = (
    *("_connector=OR", "_negated=1", "account__external_id=fay", "pk__gt=0", "id__regex=.*"),
    *("order_by=-id", "ordering=?", "search=a", "fields=*", "format=api", "page=2", "offset=1"),
    *("limit[]=5", "LIMIT=5", "limit%00=5", "limit;=5", "%27%20OR%201=1--", "a%26limit=5"),
)
_PLAIN: Final = str.maketrans("", "", "{}")
WRONG: Final = (
    *("limit=1 OR 1=1", "limit=1;DROP TABLE billing_job", "limit=-1", "limit=1e1", "limit=%D9%A1"),
    *("cursor=' OR '1'='1", "cursor=%7B%22pk__gt%22:0%7D", "cursor=job_01", "cursor="),
)


@pytest.mark.parametrize("name", ["limits", "owner", "account__external_id", "x" * 5000])
@pytest.mark.urls("tests.http.probes")
@pytest.mark.django_db
def test_a_parameter_that_an_operation_does_not_name_is_refused(
    name: str, ada: dict[str, str], get: Ask
) -> None:
    answer = get(f"/v1/orders?{name}=1", ada)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert answer.json()["parameter"] == name[:64]
    assert f"`{name[:64]}`" in answer.json()["detail"]


@pytest.mark.urls("tests.http.probes")
@pytest.mark.django_db
def test_a_parameter_is_said_once(ada: dict[str, str], get: Ask) -> None:
    answer = get("/v1/orders?limit=1&limit=2", ada)

    assert (answer.status_code, answer.json()["parameter"]) == (400, "limit")
    assert get("/v1/orders?limit=1", ada).status_code == 200


@pytest.mark.parametrize("path", ["/v1/outputs/token", "/v1/outputs/token/thumbnail"])
@pytest.mark.django_db
def test_an_address_that_people_pass_on_may_come_back_with_more(path: str) -> None:
    for asked in (path, f"{path}?from=singlemessage&isappinstalled=0"):
        assert Client().get(asked).json()["code"] == "not_found"


def test_what_may_be_asked_is_what_the_document_names() -> None:
    views = {
        "/" + address.replace("<str:", "{").replace("<path:", "{").replace(">", "}"): view
        for address, view in routes(get_resolver())
    }
    for operation in operations_of(openapi.document()):
        named = {p["name"] for p in operation.facts.get("parameters", []) if p["in"] == "query"}
        view = views[operation.path].cls

        assert parameters.known_to(view, operation.method.upper()) == named, str(operation)


@pytest.mark.django_db
def test_no_operation_reads_what_a_query_might_be_made_of() -> None:
    """Refused before anybody asks who calls: 400 says that no part of it came near a query."""
    client = Client()
    for number, operation in enumerate(operations_of(openapi.document())):
        if operation.path.startswith(("/v1/outputs", "/healthz", "/readyz")):
            continue
        ask = getattr(client, operation.method)
        path, attack = operation.path.translate(_PLAIN), ATTACKS[number % len(ATTACKS)]
        for asked in (attack, "account__external_id=fay"):
            assert ask(f"{path}?{asked}").status_code == 400, f"{operation} {asked}"


@pytest.mark.parametrize("asked", WRONG)
@pytest.mark.urls("tests.http.probes")
@pytest.mark.django_db
def test_a_known_parameter_that_means_something_else_is_refused(
    asked: str, ada: dict[str, str], get: Ask
) -> None:
    answer = get(f"/v1/orders?{asked}", ada)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_no_method_that_a_stranger_makes_up_is_remembered() -> None:
    parameters.known_to.cache_clear()

    for number in range(100):
        Client().generic(f"M{number}", "/v1/balance")

    assert parameters.known_to.cache_info().currsize == 0


@pytest.mark.parametrize("method", ["TRACE", "PATCH"])
@pytest.mark.django_db
def test_a_method_that_is_not_there_is_told_so_whatever_stands_behind_it(
    method: str, ada: dict[str, str]
) -> None:
    answer = Client().generic(method, "/v1/purchases?limit=20&strange=1", headers=ada)

    assert answer.status_code == 405
