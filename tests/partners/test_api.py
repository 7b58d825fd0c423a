"""Programmes over REST."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.accounts.models import Account
from billing.partners import services
from billing.partners.models import Partner, Referral, ReferralCode
from tests import factories
from tests.packs.test_api import ask, serve
from tests.partners import shelf

__all__ = ["ask", "serve"]

pytestmark = pytest.mark.django_db
Ask = Callable[..., Any]


@pytest.fixture
def shop(bazaar: None) -> None:
    """What the borrowed callers need: a catalog in force."""


@pytest.fixture
def ada(bazaar: None) -> Account:
    """Ada is a customer, not in the sandbox."""
    return factories.new_account("ada", is_sandbox=False)


@pytest.fixture
def bob(ada: Account) -> Account:
    """Bob came after her."""
    return shelf.newcomer("bob", after=ada)


def link(ask: Ask, **more: str) -> Any:  # noqa: ANN401 (Django's test response)
    return ask("get", "/v1/programmes/invite/link", **more)


def test_one_tells_his_code_and_another_comes_by_it(ada: Account, bob: Account, ask: Ask) -> None:
    told = link(ask)
    came = ask("post", "/v1/referrals", {"code": told.json()["code"]}, name="bob")
    shelf.make_video(bob)
    shelf.look(bob)

    assert (told.status_code, told.json()["when"], told.json()["referred"]) == (
        *(200, "first_video", 0),
    )
    assert came.status_code == 201
    assert came.json()["welcome"]["credits"] == "3"
    assert came.json()["welcome"]["status"] == "granted"
    assert link(ask).json()["referred"] == 1
    month = ask("get", "/v1/programmes/invite/earnings").json()
    assert (month["referred"], month["qualified"]) == (1, 1)
    assert (month["earned"], month["granted"], month["held_back"]) == ("10", "10", "0")
    [line] = month["data"]
    assert (line["referral"], line["status"]) == (came.json()["id"], "granted")
    assert "bob" not in str(month)
    assert ask("get", "/v1/balance").json()["available"] == "10"


@pytest.mark.parametrize(
    ("code", "status", "refusal"),
    [("own", 409, "own_code"), ("AAAA-AAAA", 404, "not_found"), ("?", 404, "not_found")],
)
def test_a_code_that_is_not_for_him_is_refused(
    ada: Account, ask: Ask, code: str, status: int, refusal: str
) -> None:
    said = link(ask).json()["code"] if code == "own" else code

    refused = ask("post", "/v1/referrals", {"code": said})

    assert (refused.status_code, refused.json()["code"]) == (status, refusal)
    assert not Referral.objects.exists()


def test_no_service_comes_for_a_person(ada: Account, bob: Account, serve: Ask) -> None:
    code = shelf.code_of(bob)

    refused = serve("/v1/referrals", {"code": code}, scopes=("grants:write", "accounts:write"))

    assert refused.status_code == 403
    assert not Referral.objects.exists()


def test_the_platform_admits_partners_and_nobody_else_does(
    ada: Account, ask: Ask, serve: Ask
) -> None:
    path = "/v1/programmes/studio/partners"
    refused = [ask("post", path, {}), serve(path, {}, scopes=("balance:read",))]
    assert [one.status_code for one in refused] == [403, 403]
    assert ask("get", "/v1/programmes/studio/link").json()["code"] == "not_a_partner"
    assert not Partner.objects.exists()

    admitted = serve(path, {"share": "0.2"})

    assert (admitted.status_code, admitted.json()["share"]) == (201, "0.2")
    assert admitted.json()["account"] == "ada"
    assert ask("get", "/v1/programmes/studio/link").status_code == 200
    too_much = serve(path, {"share": "0.3"})
    assert (too_much.status_code, too_much.json()["code"]) == (422, "invalid_partner")
    assert serve(path, {"rate": "0.1"}).status_code == 400


def test_a_programme_that_is_not_there_is_absent_everywhere(
    ada: Account, ask: Ask, serve: Ask
) -> None:
    asked = [
        ask("get", "/v1/programmes/none/link"),
        ask("get", "/v1/programmes/none/earnings"),
        ask("post", "/v1/programmes/none/collect"),
        serve("/v1/programmes/none/partners", {}),
    ]

    assert [one.status_code for one in asked] == [404] * 4
    assert not ReferralCode.objects.exists()


def test_a_month_that_is_none_is_refused(ada: Account, ask: Ask) -> None:
    refused = ask("get", "/v1/programmes/invite/earnings?month=soon")

    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")


def test_what_is_due_is_had_at_once(ada: Account, bob: Account, ask: Ask) -> None:
    ask("post", "/v1/referrals", {"code": shelf.code_of(ada, "strict")}, name="bob")
    services.look(account_id=bob.pk, now=datetime.now(UTC))
    held = ask("get", "/v1/programmes/strict/earnings").json()
    assert (held["held_back"], held["data"][0]["status"]) == ("10", "pending")

    collected = ask("post", "/v1/programmes/strict/collect")

    assert collected.status_code == 200
    assert [one["status"] for one in collected.json()["data"]] == ["granted"]
    assert ask("get", "/v1/balance").json()["available"] == "10"
    assert ask("post", "/v1/programmes/strict/collect").json() == {"data": []}
