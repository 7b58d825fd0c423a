"""What the answers to a wrong request say: which field, which header, and what helps."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from billing.accounts.members import Organization
from billing.accounts.models import Account
from billing.accounts.services import create_api_key
from tests import factories
from tests.organizations import studio
from tests.organizations.conftest import Ask

Answer = Any  # Django's test response has no public type


@pytest.fixture
def platform(team: Organization) -> Ask:
    """Return what calls as the platform's own server."""
    scopes = ["grants:write", "balance:read", "subscriptions:write", "accounts:write"]
    _key, secret = create_api_key("shop", scopes, is_sandbox=True, now=datetime.now(UTC))
    client = Client(raise_request_exception=False)

    def call(method: str, path: str, body: object = None, **named: str) -> Answer:
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "k", **named}
        content = {} if method == "get" else {"data": body, "content_type": "application/json"}
        return getattr(client, method)(path, headers=headers, **content)

    return call


def complaint(answer: Answer) -> tuple[int, str, str]:
    """Return the status, the code, and the field that the first complaint is about."""
    told = answer.json()
    return answer.status_code, told["code"], told["errors"][0]["pointer"]


def test_a_platform_that_acts_as_a_person_is_told_how_it_acts_for_the_pool(
    team: Organization, platform: Ask
) -> None:
    gift = {"credits": "5", "source": "bonus", "reason": "Welcome."}
    as_ada = {"X-Account": "ada", "X-Organization": team.pk}

    refused = platform("post", "/v1/grants", gift, **as_ada)
    nothing = studio.credits_of(team.account)
    given = platform("post", "/v1/grants", gift, **{"X-Account": team.pk})

    assert (refused.status_code, nothing) == (403, 0)
    assert f"`X-Account: {team.pk}` without `X-Organization`" in refused.json()["detail"]
    assert (given.status_code, studio.credits_of(team.account)) == (201, 5)


def test_a_header_that_names_nothing_is_said_alike_for_foreign_and_absent(
    team: Organization, platform: Ask, ask: Ask
) -> None:
    factories.new_account("eve")
    ada = {"X-Account": "ada"}
    foreign = ask("eve", "get", "/v1/balance", team=team)
    answers = [
        foreign,
        platform("get", "/v1/balance", **ada, **{"X-Organization": "org_none"}),
        platform("get", "/v1/balance", **{"X-Account": "adda"}),
    ]

    assert [one.status_code for one in answers] == [404, 404, 404]
    headers = ["X-Organization", "X-Organization", "X-Account"]
    assert [one.json()["header"] for one in answers] == headers
    assert foreign.json()["detail"] == answers[1].json()["detail"]
    assert not Account.objects.filter(external_id="adda").exists()  # a read makes nobody


def test_a_method_that_is_not_there_is_not_there_for_a_stranger_either(
    team: Organization, ask: Ask
) -> None:
    factories.new_account("eve")

    answers = [ask(name, "delete", "/v1/balance", team=team) for name in ("ada", "eve")]

    assert [one.status_code for one in answers] == [405, 405]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"account": "nobody"}, (404, "not_found", "/account")),
        ({"account": "live"}, (404, "not_found", "/account")),
        ({"credits": "0"}, (422, "amount_out_of_range", "/credits")),
        ({"credits": "99"}, (402, "insufficient_credits", "/credits")),
        ({"expires_at": "2020-01-01T00:00:00Z"}, (422, "end_is_not_ahead", "/expires_at")),
        ({"expires_at": "2099-01-01"}, (400, "malformed", "/expires_at")),
        ({"expires_at": "2099-01-01T00:00:00"}, (400, "malformed", "/expires_at")),
        ({"expires_at": 4070908800}, (400, "malformed", "/expires_at")),
    ],
)
def test_a_wrong_allotment_names_its_field(
    team: Organization, ask: Ask, changed: dict[str, object], expected: tuple[int, str, str]
) -> None:
    factories.new_account("live", is_sandbox=False)
    factories.give(team.account, 9)
    before = studio.facts()
    body = {"account": "cleo", "credits": "5", **changed}

    refused = ask("ben", "post", f"/v1/organizations/{team.pk}/allotments", body)

    assert complaint(refused) == expected
    assert "costs" not in refused.json()["detail"]
    assert studio.facts() == before


def test_a_wrong_transfer_names_its_field_and_what_may_be_given(
    team: Organization, ask: Ask
) -> None:
    cleo = studio.member(team, "cleo").account
    factories.give(cleo, 9, source="pack")

    unseen = ask("cleo", "post", "/v1/transfers", {"to": "nobody", "credits": "5"})
    short = ask("cleo", "post", "/v1/transfers", {"to": "ben", "credits": "10"})
    assert complaint(unseen) == (404, "not_found", "/to")
    assert complaint(short) == (402, "insufficient_credits", "/credits")
    assert short.json()["sources"] == ["pack"]
    studio.open_shop(transfers="")
    closed = ask("cleo", "post", "/v1/transfers", {"to": "ben", "credits": "5"})
    assert (closed.status_code, closed.json()["sources"]) == (403, [])
    assert "[transfers]" in closed.json()["detail"]
    assert studio.credits_of(cleo) == 9 + 10


def test_a_choice_that_there_is_not_is_answered_with_those_there_are(
    team: Organization, ask: Ask
) -> None:
    path = f"/v1/organizations/{team.pk}/members"
    answer = ask("ada", "post", path, {"account": "dan", "role": "boss"})

    assert complaint(answer) == (400, "malformed", "/role")
    assert answer.json()["errors"][0]["detail"] == "Write one of: owner, billing_admin, member."


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ([], "", "Write a JSON object here, with named fields."),
        ('"owner"', "", "Write a JSON object here, with named fields."),
        ({"ceiling": "5"}, "/ceiling", "Write a JSON object here, with named fields."),
        ({"ceiling": [5]}, "/ceiling", "Write a JSON object here, with named fields."),
    ],
)
def test_what_should_be_an_object_is_asked_for_in_plain_words(
    team: Organization, ask: Ask, body: object, pointer: str, detail: str
) -> None:
    place = studio.member(team, "cleo")
    answer = ask("ada", "patch", f"/v1/organizations/{team.pk}/members/{place.pk}", body)

    assert complaint(answer) == (400, "malformed", pointer)
    assert answer.json()["errors"][0]["detail"] == detail


def test_a_ceiling_is_not_called_too_much_at_once(team: Organization, ask: Ask) -> None:
    factories.give(team.account, 9)
    studio.ceiling(team, "cleo", 3)
    studio.open_shop(team='team = { pays = ["pool"] }')
    order = {"model": "m", "seconds": 5, "inputs": {"prompt": "a kite"}}

    refused = ask("cleo", "post", "/v1/jobs", order, team=team)

    assert (refused.status_code, refused.json()["code"]) == (429, "quota_exceeded")
    assert refused.json()["title"] == "What may be used in this time is used up."


def test_the_public_window_shows_what_may_be_given_and_who_pays(
    team: Organization, ask: Ask
) -> None:
    shown = ask("cleo", "get", "/v1/catalog").json()

    assert shown["transfers"] == {"sources": ["pack"], "minimum": "2"}
    assert shown["team"] == {"pays": ["pool", "own"], "members_see": "own"}
