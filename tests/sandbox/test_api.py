"""Test clocks over REST: sandbox keys and sandbox users; nobody else."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from billing.sandbox import services
from billing.sandbox.models import TestClock
from tests import factories

PATH = "/v1/test-clocks"


def caller(secret: str) -> Any:  # noqa: ANN401 (calls over HTTP)
    client = Client(raise_request_exception=False)

    def call(method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 (Django's test response)
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        headers = {"Authorization": f"Bearer {secret}"}
        return getattr(client, method)(f"{PATH}{path}", headers=headers, **content)

    return call


def token(name: str, *, is_sandbox: bool = True) -> str:
    now = timezone.now()
    return tokens.sign(name, lifetime=timedelta(hours=1), is_sandbox=is_sandbox, now=now)


@pytest.fixture
def serve() -> Any:  # noqa: ANN401 (as above)
    """Return what calls as the platform's own test server."""
    _key, secret = create_api_key("t", ["accounts:write"], is_sandbox=True, now=timezone.now())
    return caller(secret)


def test_a_clock_from_its_making_to_its_retirement(daily: None, ada: Account, serve: Any) -> None:  # noqa: ANN401 (as above)
    factories.new_account("bob")
    made = serve("post", "", {"name": "a week", "accounts": ["ada"]})
    clock_id = made.json()["id"]
    joined = serve("post", f"/{clock_id}/accounts", {"accounts": ["bob"]})
    services.walk(clock_id, now=timezone.now())
    sent = serve("post", f"/{clock_id}/advance", {"by": "P7D"})
    busy = serve("post", f"/{clock_id}/advance", {"by": "P1D"})
    services.walk(clock_id, now=timezone.now())
    there = serve("get", f"/{clock_id}").json()
    back = serve("post", f"/{clock_id}/advance", {"to": made.json()["now"]})
    gone = serve("delete", f"/{clock_id}")

    assert [made.status_code, joined.status_code, sent.status_code] == [201, 200, 202]
    assert made.json()["accounts"] == ["ada"]
    assert joined.json()["accounts"] == ["ada", "bob"]
    assert sent.json()["status"] == "advancing"
    assert (busy.status_code, busy.json()["code"]) == (409, "clock_busy")
    assert there["status"] == "ready"
    assert there["now"] >= sent.json()["goal"]
    assert there["last"]["entries"]["grant"] == 14
    assert (back.status_code, back.json()["code"]) == (422, "clock_goes_forward")
    assert gone.status_code == 204
    assert serve("get", "").json()["data"][0]["status"] == "retired"


def test_a_sandbox_user_has_a_clock_of_his_own_and_sees_no_other(
    ada: Account,
    serve: Any,  # noqa: ANN401 (as above)
) -> None:
    hers, his = caller(token("ada")), caller(token("bob"))
    theirs = serve("post", "", {"accounts": []}).json()["id"]

    made = hers("post", "", {})
    forbidden = hers("post", "", {"accounts": ["bob"]})
    clock_id = made.json()["id"]

    assert (made.status_code, made.json()["accounts"]) == (201, ["ada"])
    assert forbidden.status_code == 403
    for call, path in ((hers, theirs), (his, clock_id), (his, "tc_none")):
        answers = [call("get", f"/{path}"), call("post", f"/{path}/advance", {"by": "P1D"})]
        assert [one.status_code for one in answers] == [404, 404]
    assert hers("post", f"/{clock_id}/accounts", {"accounts": ["ada"]}).status_code == 403
    assert [one["id"] for one in hers("get", "").json()["data"]] == [clock_id]
    assert hers("post", f"/{clock_id}/advance", {"by": "P1D"}).status_code == 202


def test_live_callers_and_keys_without_the_scope_have_no_clocks(ada: Account) -> None:
    now = timezone.now()
    _key, live = create_api_key("live", ["accounts:write"], now=now)
    _key, poor = create_api_key("poor", ["balance:read"], is_sandbox=True, now=now)

    for secret in (live, poor, token("ada", is_sandbox=False)):
        answers = [caller(secret)("post", "", {}), caller(secret)("get", "")]
        assert [one.status_code for one in answers] == [403, 403]
    assert not TestClock.objects.exists()


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        ({}, 400, ["/to", "/by"]),
        ({"by": "P1D", "to": "2030-01-01T00:00:00Z"}, 400, ["/to", "/by"]),
        ({"by": "a day"}, 400, ["/by"]),
        ({"by": "P3Y"}, 422, ["/by"]),
        ({"to": "2020-01-01T00:00:00Z"}, 422, ["/to"]),
        ({"to": "2099-01-01"}, 400, ["/to"]),
        ({"by": "P1D", "accounts": []}, 400, ["/accounts"]),
    ],
)
def test_an_advance_says_one_thing_that_can_be(
    ada: Account,
    serve: Any,  # noqa: ANN401 (as above)
    body: dict[str, Any],
    status: int,
    pointers: list[str],
) -> None:
    clock_id = serve("post", "", {"accounts": ["ada"]}).json()["id"]

    refused = serve("post", f"/{clock_id}/advance", body)

    assert refused.status_code == status
    assert [one["pointer"] for one in refused.json()["errors"]] == pointers
    assert TestClock.objects.get().goal_at is None


def test_a_live_account_is_absent_for_a_clock(ada: Account, serve: Any) -> None:  # noqa: ANN401 (as above)
    factories.new_account("live", is_sandbox=False)

    assert serve("post", "", {"accounts": ["live"]}).status_code == 404
    assert not TestClock.objects.exists()


@pytest.mark.django_db(transaction=True)  # the block around other tests hides a missing one
def test_a_clock_is_retired_by_a_request_that_has_no_transaction_around_it(serve: Any) -> None:  # noqa: ANN401 (as above)
    clock_id = serve("post", "", {"name": "short"}).json()["id"]

    gone = [serve("delete", f"/{clock_id}") for _again in range(2)]

    assert [one.status_code for one in gone] == [204, 204]
    assert serve("get", f"/{clock_id}").json()["status"] == "retired"


def test_an_account_that_is_not_there_is_pointed_at(ada: Account, serve: Any) -> None:  # noqa: ANN401 (as above)
    factories.new_account("live", is_sandbox=False)

    for name in ("nobody", "live"):
        refused = serve("post", "", {"accounts": ["ada", name]})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (404, "/accounts/1")
    assert not TestClock.objects.exists()
