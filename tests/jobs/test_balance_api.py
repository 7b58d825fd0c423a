"""What a balance and a check-in tell of locks, scopes, counted units and days in a row."""

from datetime import timedelta

import pytest

from billing.accounts.models import Account
from billing.packs.api import BalanceView
from tests import factories
from tests.jobs.conftest import Ask
from tests.ledger.shop import WEB, allowance, customer

VIDEOS = allowance(
    code="videos",
    cadence="daily",
    unit="output",
    amount=3,
    name='{ en = "Videos a day", zh = "每日视频" }',
)


def test_a_balance_tells_what_is_counted_and_when_it_comes_again(db: None, ask: Ask) -> None:
    customer(
        free=f"{VIDEOS}\n{allowance(cadence='rolling', period='PT24H', unit='second', amount=9)}"
    )

    videos, seconds = ask("get", "/v1/balance").json()["counted"]

    resets_at = videos.pop("resets_at")
    assert videos == {
        "code": "videos",
        "name": "Videos a day",
        "unit": "output",
        "limit": "3",
        "used": "0",
        "left": "3",
    }
    assert resets_at is not None
    assert (seconds["name"], seconds["resets_at"]) == ("a", None)


def test_a_balance_tells_what_is_locked_as_the_account_stands(
    db: None, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = customer(is_sandbox=False)
    factories.give(ada, 100, locked_while=("past_due",))
    factories.give(ada, 5)

    def standing(account: Account) -> frozenset[str]:
        return frozenset({"past_due"}) if account == ada else frozenset()

    assert ask("get", "/v1/balance").json()["locked"] == "0"
    monkeypatch.setattr(BalanceView, "standing_of", staticmethod(standing))
    balance = ask("get", "/v1/balance").json()

    assert (balance["available"], balance["locked"]) == ("105", "100")


def test_a_grant_tells_what_it_pays_and_when_it_is_really_gone(db: None, ask: Ask) -> None:
    ada = customer(
        free=allowance(cadence="rolling", period="PT24H", credits="30"), is_sandbox=False
    )
    factories.give(ada, 10, scope=WEB, locked_while=("past_due",))
    held = factories.hold(ada, 10)

    gift, rolling = ask("get", "/v1/grants").json()["data"]

    assert (gift["scope"], gift["locked_while"]) == ({"surface": ["web"]}, ["past_due"])
    ends_at = held.created_at + timedelta(hours=24)
    assert rolling["expires_at"][:19] == ends_at.isoformat()[:19]


def test_a_check_in_tells_the_days_in_a_row_and_whether_it_was_the_first(
    db: None, ask: Ask
) -> None:
    customer(free=allowance(cadence="daily", mode="claimed", credits="10"), is_sandbox=False)

    first, again = (ask("post", "/v1/check-in").json() for _time in range(2))

    assert (first["streak_days"], first["first"], first["credits"]) == (1, True, "10")
    assert (again["streak_days"], again["first"], again["id"]) == (1, False, first["id"])
