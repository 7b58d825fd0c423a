"""Campaigns and codes over REST."""

from datetime import UTC, datetime

import pytest

from billing.accounts.models import Account
from billing.ledger.models import Grant
from billing.promotions import services
from billing.promotions.models import CampaignGrant, Redemption, RedemptionTry
from billing.promotions.services import Gift
from tests.packs.test_api import Ask, ada, ask, serve

__all__ = ["ada", "ask", "serve"]

pytestmark = pytest.mark.django_db


def new_code(gift: Gift, *, is_sandbox: bool = False) -> str:
    [code] = services.create_codes(gift, count=1, is_sandbox=is_sandbox, now=datetime.now(UTC))
    return code


def test_a_platform_gives_a_share_once_for_one_key(ada: Account, ask: Ask, serve: Ask) -> None:
    first = serve("/v1/campaigns/welcome/grants", {"reason": "first login"}, key="w-1")
    again = serve("/v1/campaigns/welcome/grants", {"reason": "first login"}, key="w-1")
    other = serve("/v1/campaigns/welcome/grants", {}, key="w-2")

    assert (first.status_code, again.content) == (201, first.content)
    assert (first.json()["credits"], first.json()["reason"]) == ("3", "first login")
    assert (other.status_code, other.json()["code"]) == (409, "already_granted")
    assert ask("get", "/v1/balance").json()["available"] == "3"


def test_only_a_key_that_may_give_gives(ada: Account, ask: Ask, serve: Ask) -> None:
    refused = [
        ask("post", "/v1/campaigns/welcome/grants", {}),
        serve("/v1/campaigns/welcome/grants", {}, scopes=("balance:read",)),
    ]

    assert [answer.status_code for answer in refused] == [403, 403]
    assert not CampaignGrant.objects.exists()


@pytest.mark.parametrize(
    ("campaign", "status", "code"),
    [("none", 404, "not_found"), ("over", 409, "campaign_closed"), ("pros", 403, "not_entitled")],
)
def test_a_campaign_that_gives_nothing_says_why(
    ada: Account, serve: Ask, campaign: str, status: int, code: str
) -> None:
    refused = serve(f"/v1/campaigns/{campaign}/grants", {})

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert not Grant.objects.exists()


def test_a_person_redeems_a_code_for_a_share(ada: Account, ask: Ask) -> None:
    redeemed = ask("post", "/v1/redemptions", {"code": new_code(Gift("campaign", "welcome"))})

    body = redeemed.json()
    assert (redeemed.status_code, body["gave"], body["offer"]) == (201, "campaign", "welcome")
    assert (body["grant"]["credits"], body["purchase"]) == ("3", None)


def test_a_service_redeems_a_code_for_a_pack(ada: Account, ask: Ask, serve: Ask) -> None:
    code = new_code(Gift("pack", "plain", 2))

    lesser = serve("/v1/redemptions", {"code": code}, scopes=("balance:read",))
    assert (lesser.status_code, Redemption.objects.exists()) == (403, False)
    redeemed = serve("/v1/redemptions", {"code": code.lower().replace("-", " ")})

    assert (redeemed.status_code, redeemed.json()["grant"]) == (201, None)
    assert redeemed.json()["purchase"]["credits"] == "200"
    assert ask("get", "/v1/balance").json()["available"] == "210"


def test_a_person_redeems_a_code_for_a_month_of_a_plan(ada: Account, ask: Ask) -> None:
    code = new_code(Gift("plan", "pro", period="P1M"))

    redeemed = ask("post", "/v1/redemptions", {"code": code}).json()

    assert (redeemed["gave"], redeemed["subscription"]["plan"]) == ("plan", "pro")
    assert redeemed["subscription"]["ends_at"] is not None
    assert ask("get", "/v1/balance").json()["available"] == "3000"


def test_every_wrong_code_gets_one_answer_and_is_counted(ada: Account, ask: Ask) -> None:
    wrong = [
        "0000-0000-0000-0000-0000",
        "nonsense",
        new_code(Gift("campaign", "welcome"), is_sandbox=True),
        "'; DROP TABLE billing_redemptioncode; --",
    ]

    answers = [ask("post", "/v1/redemptions", {"code": typed}) for typed in wrong]

    assert {answer.status_code for answer in answers} == {404}
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert bodies == [bodies[0]] * 4
    assert answers[0].headers["Content-Type"] == "application/problem+json"
    assert RedemptionTry.objects.count() == 4
    assert not Grant.objects.exists()


def test_a_repeat_of_a_wrong_try_is_no_further_try(ada: Account, serve: Ask) -> None:
    for _time in range(3):
        assert serve("/v1/redemptions", {"code": "nonsense"}, key="same").status_code == 404

    assert RedemptionTry.objects.count() == 1


def test_who_guesses_waits_and_is_told_how_long(ada: Account, ask: Ask) -> None:
    code = new_code(Gift("campaign", "welcome"))
    for _time in range(10):
        ask("post", "/v1/redemptions", {"code": "nonsense"})

    refused = ask("post", "/v1/redemptions", {"code": code})

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 3000 < int(refused.headers["Retry-After"]) <= 3601
    assert not Redemption.objects.exists()


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": "x" * 65}, {"code": "A", "uses": 5}])
def test_a_body_that_is_no_code_is_malformed_and_no_try(
    ada: Account, ask: Ask, body: dict[str, object]
) -> None:
    assert ask("post", "/v1/redemptions", body).status_code == 400
    assert not RedemptionTry.objects.exists()
