from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from billing.accounts import services, tokens
from billing.accounts.models import Account
from plans.models import Publication

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.http.probes")]
Ask = Callable[..., Any]
HOUR = timedelta(hours=1)


def user(name: str, now: datetime, **more: Any) -> dict[str, str]:  # noqa: ANN401 (passed on)
    return {"Authorization": f"Bearer {tokens.sign(name, lifetime=HOUR, now=now, **more)}"}


def test_the_account_is_made_at_first_sight_in_the_catalogs_zone(
    ada: dict[str, str], get: Ask
) -> None:
    first, second = get("/v1/whoami", ada), get("/v1/whoami", ada)

    account = Account.objects.get()
    assert first.status_code == 200
    assert first.json() == second.json()
    assert (account.external_id, account.zone, account.is_sandbox) == (
        "ada",
        "Asia/Shanghai",
        False,
    )


def test_a_known_user_costs_one_query(
    ada: dict[str, str], get: Ask, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    get("/v1/whoami", ada)

    with django_assert_num_queries(1):
        get("/v1/whoami", ada)


def test_a_user_cannot_name_another_account(
    ada: dict[str, str], bob: dict[str, str], get: Ask
) -> None:
    get("/v1/whoami", bob)

    seen = get("/v1/whoami", {**ada, "X-Account": "bob"})

    assert seen.json()["external_id"] == "ada"


def test_without_a_catalog_a_new_user_is_asked_to_come_again(now: datetime, get: Ask) -> None:
    assert not Publication.objects.exists()

    answer = get("/v1/whoami", user("ada", now))

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert not Account.objects.exists()


@pytest.mark.usefixtures("catalog")
def test_a_sandbox_token_makes_and_sees_a_sandbox_account(now: datetime, get: Ask) -> None:
    seen = get("/v1/whoami", user("play", now, is_sandbox=True))

    assert seen.json()["is_sandbox"]


@pytest.mark.usefixtures("catalog")
def test_a_token_opens_the_account_of_its_own_side(now: datetime, get: Ask) -> None:
    live = services.ensure_account("ada", zone="UTC", now=now)

    play = get("/v1/whoami", user("ada", now, is_sandbox=True))
    again = get("/v1/whoami", user("ada", now))

    assert (play.json()["is_sandbox"], again.json()["is_sandbox"]) == (True, False)
    assert Account.objects.get(external_id="ada", is_sandbox=False) == live
    assert Account.objects.count() == 2


def test_no_token_is_nobody(get: Ask) -> None:
    refused = get("/v1/whoami")

    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_a_forged_token_makes_no_account(ada: dict[str, str], get: Ask) -> None:
    forged = {"Authorization": ada["Authorization"][:-6] + "AAAAAA"}

    assert get("/v1/whoami", forged).status_code == 401
    assert not Account.objects.exists()


def test_a_session_of_the_admin_is_nobody_here(admin_client: Client) -> None:
    assert admin_client.get("/v1/whoami").status_code == 401


def test_a_user_reads_no_account_by_name(ada: dict[str, str], get: Ask) -> None:
    get("/v1/whoami", ada)

    for name in ("ada", "nobody"):
        refused = get(f"/v1/accounts/{name}", ada)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


@pytest.mark.usefixtures("catalog")
def test_a_service_reads_and_notes_an_account(now: datetime, get: Ask) -> None:
    services.ensure_account("org/ada", zone="UTC", now=now)
    _key, secret = services.create_api_key("shop", ["accounts:write"], now=now)
    headers = {"Authorization": f"Bearer {secret}"}
    client = Client()

    def patch(body: dict[str, object]) -> Any:  # noqa: ANN401 (Django's test response has no public type)
        return client.patch(
            "/v1/accounts/org/ada", data=body, content_type="application/json", headers=headers
        )

    changed = patch({"metadata": {"tier": "gold"}})
    refused = [
        patch({"metadata": {"a": {"b": 1}}}),
        patch({"metadata": {}, "zone": "Mars/Olympus"}),
        patch({"external_id": "eve", "metadata": {}}),
        patch({}),
    ]

    assert changed.status_code == 200
    assert changed.json()["metadata"] == {"tier": "gold"}
    assert [answer.status_code for answer in refused] == [400] * 4
    assert [one["pointer"] for one in refused[1].json()["errors"]] == ["/zone"]
    assert get("/v1/accounts/org/ada", headers).json() == changed.json()
    assert patch({"metadata": {"k": "x" * 501}}).status_code == 422


@pytest.mark.usefixtures("catalog")
def test_a_key_set_that_cannot_be_reached_is_no_verdict(
    now: datetime, get: Ask, settings: Settings
) -> None:
    headers = user("ada", now)
    settings.JWT_JWKS_URL = "http://127.0.0.1:9/jwks.json"

    answer = get("/v1/whoami", headers)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert not Account.objects.exists()
