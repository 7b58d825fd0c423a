"""What will go says so: in the document, and in each of its answers."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.http import openapi

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.http.probes")]
Ask = Callable[..., Any]
HEADERS = {"Deprecation": "@1772323200", "Sunset": "Mon, 01 Mar 2027 00:00:00 GMT"}


def said(answer: Any) -> dict[str, str]:  # noqa: ANN401 (Django's test response has no public type)
    return {name: answer.headers[name] for name in HEADERS if name in answer.headers}


def test_each_answer_says_since_when_and_until_when(post: Ask, ada: dict[str, str]) -> None:
    done, refused = post("/v1/claim", ada), post("/v1/claim", {})

    assert (done.status_code, refused.status_code) == (200, 401)
    assert said(done) == said(refused) == HEADERS
    assert 'rel="deprecation"' in done.headers["Link"]


def test_what_stays_says_nothing(get: Ask, ada: dict[str, str]) -> None:
    assert said(get("/v1/whoami", ada)) == {}


def test_the_document_says_until_when_and_what_to_use_instead() -> None:
    paths = openapi.document()["paths"]
    claim = paths["/v1/claim"]["post"]

    assert claim["deprecated"] is True
    assert claim["description"].endswith("it answers until 2027-03-01. Use `POST /v1/orders`.")
    assert {"Deprecation", "Sunset"} <= set(claim["responses"]["200"]["headers"])
    assert "deprecated" not in paths["/v1/orders"]["post"]
