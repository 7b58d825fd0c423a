"""What an account is on, over REST; and platforms that sell plans themselves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from billing.subscriptions import services
from billing.subscriptions.models import Subscription
from plans.credits import MICROS
from plans.models import CatalogVersion
from tests import factories
from tests.subscriptions.conftest import MOVE, PRICE, STANDARD, Vary

pytestmark = pytest.mark.django_db
PATH = "/v1/subscription"
Call = Callable[..., Any]
MONTH = {"plan": "standard", "interval": "P1M", "currency": "CNY"}


@pytest.fixture
def ask() -> Call:
    """Return what calls as Ada."""
    token = tokens.sign("ada", lifetime=timedelta(hours=1), is_sandbox=True, now=datetime.now(UTC))
    return _caller({"Authorization": f"Bearer {token}"})


@pytest.fixture
def serve(kling: CatalogVersion) -> Call:
    """Return what calls as the platform's own server, for Ada."""
    _key, secret = create_api_key(
        "platform", ["subscriptions:write", "balance:read"], is_sandbox=True, now=datetime.now(UTC)
    )
    return _caller({"Authorization": f"Bearer {secret}", "X-Account": "ada"})


def _caller(headers: dict[str, str]) -> Call:
    client = Client(raise_request_exception=False)

    def call(method: str, body: object = None, **more: str) -> Any:  # noqa: ANN401 (Django's test response)
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(client, method)(PATH, headers={**headers, **more}, **content)

    return call


def test_without_a_subscription_it_is_the_free_plan(
    ada: Account, kling: CatalogVersion, ask: Call
) -> None:
    answer = ask("get")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": None,
        "plan": "free",
        "name": {"en": "Free", "zh": "免费版"},
        "interval": None,
        "price": None,
        "book": None,
        "seats": None,
        "catalog": kling.pk,
        "since": None,
        "standing": ["unsubscribed"],
        "past_due_since": None,
        "next_change": None,
        "ends_at": None,
        "trial_ends_at": None,
        "paused_since": None,
        "paid_until": None,
        "access_until": None,
        "payment": None,
    }


def test_the_platform_says_what_it_has_sold(ada: Account, ask: Call, serve: Call) -> None:
    answer = serve("put", MONTH)

    assert answer.status_code == 200
    assert answer.json() == ask("get").json()
    assert answer.json()["price"] == {
        "first": {"amount": "66.00", "currency": "CNY"},
        "renewal": {"amount": "66.00", "currency": "CNY"},
    }
    assert answer.json()["standing"] == []
    assert factories.free_micros(ada) == 660 * MICROS


def test_saying_it_again_changes_nothing(ada: Account, serve: Call) -> None:
    first = serve("put", MONTH)
    again = serve("put", MONTH)
    keyed = serve("put", MONTH, **{"Idempotency-Key": "k"})

    assert first.json() == again.json() == keyed.json()
    assert Subscription.objects.count() == 1
    replayed = serve("put", MONTH, **{"Idempotency-Key": "k"})
    assert replayed.headers["Idempotent-Replayed"] == "true"


def test_the_platform_says_who_has_not_paid(ada: Account, serve: Call) -> None:
    serve("put", MONTH)

    behind = serve("put", {**MONTH, "past_due": True}).json()
    paid = serve("put", {**MONTH, "past_due": False}).json()

    assert (behind["standing"], behind["past_due_since"] is None) == (["past_due"], False)
    assert (paid["standing"], paid["past_due_since"]) == ([], None)
    assert Subscription.objects.count() == 1


def test_the_free_plan_ends_what_was_sold(ada: Account, serve: Call) -> None:
    serve("put", MONTH)

    answer = serve("put", {"plan": "free"})

    assert (answer.status_code, answer.json()["plan"]) == (200, "free")
    assert Subscription.objects.get().ended_at is not None
    assert serve("put", {"plan": "free"}).json() == answer.json()


def test_an_end_and_a_move_are_told_beforehand(
    ada: Account, serve: Call, ask: Call, vary: Vary
) -> None:
    serve("put", {**MONTH, "ends_at": "2099-06-01T00:00:00Z"})
    assert ask("get").json()["next_change"] == {
        "at": "2099-06-01T00:00:00Z",
        "kind": "ends",
        "plan": "free",
    }

    dearer = PRICE.replace('"66"', '"88"')
    vary((STANDARD, f"{MOVE}moves_at = 2099-01-01T00:00:00Z\n"), (PRICE, dearer))

    assert ask("get").json()["next_change"] == {
        "at": "2099-01-01T00:00:00Z",
        "kind": "moves",
        "plan": "standard",
    }


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"plan": "gold"}, 422, "unknown_plan"),
        ({**MONTH, "interval": "P1Y"}, 422, "no_such_price"),
        ({**MONTH, "ends_at": "2020-01-01T00:00:00Z"}, 422, "end_is_over"),
        ({**MONTH, "ends_at": "2099-01-01T00:00:00"}, 400, "malformed"),
        ({**MONTH, "currency": "cny"}, 400, "malformed"),
        ({**MONTH, "price": "1"}, 400, "malformed"),
        ({}, 400, "malformed"),
    ],
)
def test_what_is_not_sold_is_refused_and_nothing_moves(
    ada: Account, serve: Call, ask: Call, body: object, status: int, code: str
) -> None:
    answer = serve("put", body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Subscription.objects.exists()
    assert ask("get").json()["plan"] == "free"


@pytest.mark.parametrize("unsaid", ["currency", "interval"])
def test_half_a_price_is_answered_with_the_half_that_is_missing(
    ada: Account, serve: Call, unsaid: str
) -> None:
    answer = serve("put", {name: said for name, said in MONTH.items() if name != unsaid})

    assert (answer.status_code, answer.json()["code"]) == (422, "no_such_price")
    assert answer.json()["errors"][0]["pointer"] == f"/{unsaid}"
    assert "CNY P1M" in answer.json()["known"]
    assert not Subscription.objects.exists()


def test_a_user_does_not_give_himself_a_plan(ada: Account, ask: Call) -> None:
    answer = ask("put", MONTH)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert not Subscription.objects.exists()


def test_a_key_needs_the_scope(ada: Account) -> None:
    _key, secret = create_api_key(
        "reader", ["balance:read"], is_sandbox=True, now=datetime.now(UTC)
    )
    call = _caller({"Authorization": f"Bearer {secret}", "X-Account": "ada"})

    assert call("get").status_code == 200
    assert call("put", MONTH).status_code == 403
    assert not Subscription.objects.exists()


def test_the_balance_tells_what_is_locked_while_past_due(ada: Account, ask: Call) -> None:
    factories.give(ada, 35, locked_while=("past_due",))
    services.start(account=ada, plan="standard")
    services.mark_past_due(account=ada)
    token = tokens.sign("ada", lifetime=timedelta(hours=1), is_sandbox=True, now=datetime.now(UTC))

    balance = Client().get("/v1/balance", headers={"Authorization": f"Bearer {token}"}).json()

    assert (balance["available"], balance["locked"]) == ("695", "35")
