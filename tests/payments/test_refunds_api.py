"""Refunds over REST and in the operators' windows: each act once, and only by who may."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from billing.accounts import services as accounts
from billing.accounts import tokens
from billing.accounts.models import Account
from billing.ids import new_id
from billing.payments.models import Purchase, Refund
from tests import factories
from tests.operators import signed_in
from tests.payments import back
from tests.payments.back import PAID

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]
REFUNDS = "/admin/billing/refund/"


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def ada(db: None) -> Account:
    """Ada is a customer, not in the sandbox."""
    back.open_shop()
    return factories.new_account("ada", is_sandbox=False)


@pytest.fixture
def serve(ada: Account) -> Ask:
    """Return what asks for refunds as the platform's own server, for Ada."""
    client = Client(raise_request_exception=False)
    secret = accounts.create_api_key("platform", ("grants:write",), now=datetime.now(UTC))[1]

    def call(body: object, *, key: str = "", name: str = "ada") -> Any:  # noqa: ANN401 (Django's test response)
        headers = {
            "Authorization": f"Bearer {secret}",
            "Idempotency-Key": key or new_id("key"),
            "X-Account": name,
        }
        return client.post("/v1/refunds", body, content_type="application/json", headers=headers)

    return call


def wanted(purchase: Purchase, rule: str = "cooling_off", **more: object) -> dict[str, object]:
    """Return a request for a refund."""
    return {"purchase": purchase.pk, "rule": rule, "reason": "unwanted", **more}


def person(name: str = "ada") -> dict[str, str]:
    token = tokens.sign(name, lifetime=timedelta(hours=1), now=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


def test_a_cooling_off_is_approved_by_its_rule_and_asked_for_once(ada: Account, serve: Ask) -> None:
    body = wanted(back.buy(ada))

    first, again = serve(body, key="one"), serve(body, key="one")

    assert (first.status_code, again.content) == (201, first.content)
    said = first.json()
    assert (said["status"], said["amount"]) == (
        *("approved", {"amount": "90.00", "currency": "CNY"}),
    )
    assert Refund.objects.count() == 1
    assert back.standing(ada) == (0, 0)


def test_a_pack_purchase_names_its_payment_as_well(ada: Account, serve: Ask) -> None:
    purchase = back.buy(ada)

    said = serve({**wanted(purchase), "purchase": purchase.pack_purchase_id}).json()

    assert (said["purchase"], said["pack_purchase"]) == (purchase.pk, purchase.pack_purchase_id)


def test_goodwill_waits_for_a_person(ada: Account, serve: Ask) -> None:
    purchase = back.buy(ada)
    money = {"amount": "30.00", "currency": "CNY"}

    said = serve(wanted(purchase, "goodwill", amount=money)).json()

    assert (said["status"], said["amount"]) == ("requested", money)
    assert back.standing(ada) == (120, 0)
    back.approve(said["id"])
    assert back.standing(ada) == (80, 0)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (
            {"rule": "goodwill", "amount": {"amount": "90.01", "currency": "CNY"}},
            "refund_too_large",
        ),
        ({"rule": "goodwill", "amount": {"amount": "1.00", "currency": "USD"}}, "invalid_refund"),
        ({"amount": {"amount": "1.00", "currency": "CNY"}}, "invalid_refund"),
        ({"purchase": "pu_nobodys"}, "not_found"),
        ({"rule": "whim"}, "malformed"),
    ],
)
def test_what_cannot_go_back_is_refused_and_nothing_moves(
    ada: Account, serve: Ask, more: dict[str, object], code: str
) -> None:
    answer = serve({**wanted(back.buy(ada)), **more})

    assert answer.json()["code"] == code
    assert not Refund.objects.exists()
    assert back.standing(ada) == (120, 0)


def test_another_accounts_purchase_looks_absent(ada: Account, serve: Ask) -> None:
    eve = factories.new_account("eve", is_sandbox=False)
    theirs = back.buy(eve)

    foreign, absent = serve(wanted(theirs)), serve({**wanted(theirs), "purchase": "pu_none"})

    assert foreign.status_code == absent.status_code == 404
    assert foreign.json()["code"] == absent.json()["code"]
    assert back.standing(eve) == (120, 0)


def test_who_paid_sees_his_own_and_asks_for_nothing(ada: Account) -> None:
    purchase, client = back.buy(ada), Client(raise_request_exception=False)
    back.approve(back.ask(purchase, PAID // 3))
    back.buy(factories.new_account("eve", is_sandbox=False))

    paid = client.get("/v1/purchases", headers=person()).json()["data"]
    gone = client.get("/v1/refunds", headers=person()).json()["data"]
    refused = client.post(
        "/v1/refunds",
        wanted(purchase),
        content_type="application/json",
        headers={**person(), "Idempotency-Key": "k"},
    )

    assert [one["id"] for one in paid] == [purchase.pk]
    assert (paid[0]["refunded"]["amount"], paid[0]["credits_taken"]) == ("30.00", "40")
    assert [one["status"] for one in gone] == ["approved"]
    assert refused.status_code == 403
    assert Refund.objects.count() == 1


def browser(operator: User) -> Client:
    """Return an operator's browser; he may see the window."""
    seen = Permission.objects.filter(codename__in=["view_refund", "view_dispute"])
    operator.user_permissions.add(*seen)
    client = Client()
    signed_in(client, operator)
    return client


def test_an_operator_previews_and_asks_and_another_approves(ada: Account) -> None:
    purchase = back.buy(ada)
    back.spend(ada, 90)
    asks = browser(back.operator("grace", "request_refund"))
    form = {"purchase": purchase.pk, "rule": "goodwill", "amount": "45", "reason": "kind"}
    page = asks.get(f"{REFUNDS}ask/").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    sent = {**hidden, **form, "text": "Ticket 7"}

    preview = asks.post(f"{REFUNDS}ask/", {**sent, "act": "look"}).content.decode()
    assert not Refund.objects.exists()
    for _twice in range(2):  # a double click asks once
        asks.post(f"{REFUNDS}ask/", {**sent, "act": "ask"})

    assert all(word in preview for word in ("45.00 CNY", "60", "30"))
    refund = Refund.objects.get()
    decides = browser(back.operator("hedy", "approve_refund"))
    shown = decides.get(f"{REFUNDS}{refund.pk}/decide/").content.decode()
    assert "Ticket 7" in shown
    decides.post(f"{REFUNDS}{refund.pk}/decide/", {"act": "approve", "reason": "as said"})
    refund.refresh_from_db()
    assert (refund.state, back.standing(ada)) == ("approved", (0, 30))


def test_the_list_of_disputes_shows_by_when_to_answer(ada: Account) -> None:
    seen = back.payment(ada)
    back.look(seen, disputes=[back.dispute()])

    page = browser(back.operator("vera")).get("/admin/billing/dispute/").content.decode()

    assert "dp_1" in page
    assert "2027" in page


def run(*words: str, **options: object) -> str:
    said = StringIO()
    call_command("refund", *words, stdout=said, **options)
    return said.getvalue().strip()


def test_the_command_shows_asks_and_approves(ada: Account) -> None:
    purchase = back.buy(ada)
    back.operator("grace", "request_refund")
    back.operator("hedy", "approve_refund")
    why = {"reason": "kind", "text": "She asked nicely."}

    assert "30.00 CNY would go back, and 40 credits would be taken" in run(purchase.pk, "30", **why)
    asked = run(purchase.pk, "30", request=True, operator="grace", **why).split()
    with pytest.raises(CommandError):
        run(approve=asked[0], operator="grace")
    done = run(approve=asked[0], operator="hedy").split()

    assert (asked[1], done) == ("requested", [asked[0], "approved"])
    assert back.standing(ada) == (80, 0)
