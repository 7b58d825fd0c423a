"""Packs over REST: the platform sells, the person activates, everybody reads his own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from billing.accounts import services as accounts
from billing.accounts import tokens
from billing.accounts.models import Account
from billing.ids import new_id
from billing.ledger.models import Grant
from billing.packs.models import PackPurchase
from tests import factories
from tests.packs import shelf

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
GIFT = {"credits": "12.5", "source": "goodwill", "reason": "sorry for the wait"}


@pytest.fixture
def ada(shop: None) -> Account:
    """Ada is a customer, not in the sandbox."""
    return factories.new_account("ada", is_sandbox=False)


@pytest.fixture
def ask() -> Ask:
    """Return what calls the API as a user."""
    client = Client(raise_request_exception=False)

    def call(method: str, path: str, body: object = None, *, name: str = "ada") -> Any:  # noqa: ANN401 (Django's test response)
        token = tokens.sign(name, lifetime=timedelta(hours=1), now=datetime.now(UTC))
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id("key")}
        content = {"data": body, "content_type": "application/json"} if method == "post" else {}
        return getattr(client, method)(path, headers=headers, **content)

    return call


@pytest.fixture
def serve(shop: None) -> Ask:
    """Return what calls the API as the platform's own server, for Ada."""
    client = Client(raise_request_exception=False)
    secrets: dict[tuple[str, ...], str] = {}

    def call(
        path: str,
        body: object,
        *,
        key: str | None = None,
        scopes: tuple[str, ...] = ("grants:write",),
    ) -> Any:  # noqa: ANN401 (as above)
        if scopes not in secrets:
            made = accounts.create_api_key("platform", scopes, now=datetime.now(UTC))
            secrets[scopes] = made[1]
        return client.post(
            path,
            body,
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {secrets[scopes]}",
                "Idempotency-Key": key or new_id("key"),
                "X-Account": "ada",
            },
        )

    return call


def test_a_platform_sells_a_pack_once_for_one_key(ada: Account, ask: Ask, serve: Ask) -> None:
    body = {"pack": "plain", "quantity": 2, "paid": {"amount": "19.90", "currency": "EUR"}}
    first = serve("/v1/grants", body, key="order-1")
    again = serve("/v1/grants", body, key="order-1")

    sold = first.json()
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (sold["credits"], sold["bonus"], sold["status"]) == ("200", "10", "active")
    assert sold["paid"] == {"amount": "19.90", "currency": "EUR"}
    assert len(sold["grants"]) == 2
    assert ask("get", "/v1/balance").json()["available"] == "210"
    assert {one["id"] for one in ask("get", "/v1/grants").json()["data"]} == set(sold["grants"])
    assert ask("get", "/v1/pack-purchases").json()["data"] == [sold]


def test_the_same_route_still_gives_plain_credits(ada: Account, ask: Ask, serve: Ask) -> None:
    response = serve("/v1/grants", GIFT)

    assert (response.status_code, response.json()["available"]) == (201, "12.5")
    assert ask("get", "/v1/pack-purchases").json() == {"data": [], "next": None}


@pytest.mark.parametrize(
    "body",
    [
        {"pack": "plain", "quantity": 0},
        {"pack": "plain", "quantity": "many"},
        {"pack": "plain", "quantity": True},
        {"pack": "plain", "quantity": 10**9},
        {"pack": ""},
        {"pack": None},
        {"pack": ["plain"]},
        {"pack": "plain", "credits": "1000"},
        {"pack": "plain", "paid": {"amount": 5, "currency": "USD"}},
        {"pack": "plain", "paid": {"amount": "-5", "currency": "USD"}},
        {"pack": "plain", "paid": {"amount": "5", "currency": "usd"}},
        {"pack": "plain", "paid": {"amount": "5"}},
        {"pack": "plain", "paid": {"amount": "0.1234567", "currency": "USD"}},
        {"pack": "plain", "paid": {"amount": "9999999999999", "currency": "USD"}},
        {"pack": "none"},
        {"pack": "gone"},
        {"pack": "dozen"},
    ],
)
def test_a_sale_that_makes_no_sense_is_refused_and_nothing_moves(
    ada: Account, serve: Ask, body: dict[str, object]
) -> None:
    response = serve("/v1/grants", body)

    assert response.status_code in (400, 409, 422), response.content
    assert not Grant.objects.exists()
    assert not PackPurchase.objects.exists()


def test_neither_a_person_nor_a_lesser_key_sells_packs(ada: Account, ask: Ask, serve: Ask) -> None:
    by_person = ask("post", "/v1/grants", {"pack": "plain"})
    by_reader = serve("/v1/grants", {"pack": "plain"}, scopes=("balance:read",))

    for refused in (by_person, by_reader):
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert not Grant.objects.exists()
    assert not PackPurchase.objects.exists()


def test_a_plan_without_the_right_is_told_which_has_it(ada: Account, serve: Ask) -> None:
    shelf.publish_shop(shelf.shop_text(free_packs="false"))

    refused = serve("/v1/grants", {"pack": "plain"})

    assert (refused.status_code, refused.json()["code"]) == (403, "not_entitled")
    assert refused.json()["required_plan"] == "standard"
    assert not PackPurchase.objects.exists()


def test_the_balance_tells_of_what_waits_until_it_is_activated(
    ada: Account, ask: Ask, serve: Ask
) -> None:
    before = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    sold = serve("/v1/grants", {"pack": "later"}).json()
    waiting = ask("get", "/v1/balance").json()
    assert waiting["available"] == "0"
    assert waiting["waiting"] == [
        {
            "purchase": sold["id"],
            "pack": "later",
            "credits": "50",
            "activate_by": sold["activate_by"],
        }
    ]

    begun = ask("post", f"/v1/pack-purchases/{sold['id']}/activate")
    again = ask("post", f"/v1/pack-purchases/{sold['id']}/activate")

    after = ask("get", "/v1/balance").json()
    assert (begun.status_code, begun.json()["status"]) == (200, "active")
    assert again.json() == begun.json()
    assert (after["available"], after["waiting"]) == ("50", [])
    assert ask("get", f"/v1/balance?as_of={before}").json()["waiting"] == []


def test_a_service_activates_for_its_account_and_nobody_for_another(
    ada: Account, ask: Ask, serve: Ask
) -> None:
    path = f"/v1/pack-purchases/{serve('/v1/grants', {'pack': 'later'}).json()['id']}/activate"

    foreign = ask("post", path, name="bob")
    lesser = serve(path, None, scopes=("balance:read",))
    assert (foreign.status_code, lesser.status_code) == (404, 403)
    assert not Grant.objects.exists()

    assert serve(path, None).json()["status"] == "active"
