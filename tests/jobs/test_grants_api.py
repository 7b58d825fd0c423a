"""Grants, balance and ledger over REST."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from billing.accounts.models import Account
from billing.ledger.models import Grant
from tests.jobs.conftest import Ask

GIFT = {"credits": "12.5", "source": "goodwill", "reason": "sorry for the wait"}


def test_a_service_gives_credits_once_for_one_key(ada: Account, ask: Ask, serve: Ask) -> None:
    first = serve("/v1/grants", GIFT, key="k" * 255)
    again = serve("/v1/grants", GIFT, key="k" * 255)

    assert (first.status_code, first.json()["available"]) == (201, "12.5")
    assert again.content == first.content
    assert ask("get", "/v1/balance").json()["available"] == "12.5"
    entry = ask("get", "/v1/ledger").json()["data"][0]
    assert (entry["cause"]["type"], entry["actor"]["type"]) == ("service_grant", "service")


@pytest.mark.parametrize(
    "change",
    [
        {"credits": "0"},
        {"credits": "-1"},
        {"credits": 5},
        {"credits": 5.5},
        {"credits": "NaN"},
        {"credits": "1e9"},
        {"credits": "1e999"},
        {"credits": "0.0000001"},
        {"credits": "1000000000001"},
        {"source": "DROP TABLE"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"available": "999"},
        {"wallet": "wa_other"},
    ],
)
def test_a_gift_that_makes_no_sense_is_refused(
    ada: Account, serve: Ask, change: dict[str, object]
) -> None:
    response = serve("/v1/grants", GIFT | change)

    assert response.status_code in (400, 422), response.content
    assert not Grant.objects.exists()


def test_a_user_cannot_give_himself_credits(ada: Account, ask: Ask) -> None:
    response = ask("post", "/v1/grants", GIFT)

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert not Grant.objects.exists()


def test_a_gift_expires_when_it_was_said(ada: Account, ask: Ask, serve: Ask) -> None:
    ends = datetime.now(UTC) + timedelta(days=1)
    serve("/v1/grants", GIFT | {"expires_at": ends.isoformat()})

    after = (ends + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ask("get", f"/v1/balance?as_of={after}").json()["available"] == "0"
    assert ask("get", "/v1/balance").json()["expiring"][0]["credits"] == "12.5"


@pytest.mark.parametrize(
    "as_of", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "2300-01-01T00:00:00Z", ""]
)
def test_an_instant_that_is_none_is_refused(ada: Account, ask: Ask, as_of: str) -> None:
    response = ask("get", f"/v1/balance?as_of={as_of}")

    assert (response.status_code, response.json()["parameter"]) == (400, "as_of")


def test_the_same_instant_at_any_offset_has_the_same_balance(
    ada: Account, ask: Ask, serve: Ask
) -> None:
    """PostgreSQL itself knows no offset of 16 hours and more; RFC 3339 does."""
    serve("/v1/grants", GIFT)
    now = datetime.now(UTC)
    there = now.astimezone(timezone(timedelta(hours=20, minutes=30)))

    answers = [ask("get", f"/v1/balance?as_of={at.isoformat()}") for at in (now, there)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_checking_in_twice_gives_the_same_grant(ada: Account, ask: Ask) -> None:
    first, again = (ask("post", "/v1/check-in") for _time in range(2))

    assert first.json()["id"] == again.json()["id"]
    balance = ask("get", "/v1/balance").json()
    assert (balance["available"], balance["by_source"]) == ("66", {"allowance": "66"})
    assert balance["next_grant"]["at"] == balance["resets_at"]


def test_before_checking_in_the_balance_says_what_waits(ada: Account, ask: Ask) -> None:
    balance = ask("get", "/v1/balance").json()

    assert balance["available"] == "0"
    assert (balance["next_grant"]["credits"], balance["next_grant"]["mode"]) == ("66", "claimed")


def test_catalog_and_rates_stand_where_the_contract_says(ada: Account, ask: Ask) -> None:
    assert ask("get", "/v1/catalog").status_code == 200
    assert ask("get", "/v1/rates?model=kling-v1-6").json()["data"]
