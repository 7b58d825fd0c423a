"""`GET` and `PUT /v1/auto-top-up`: who may, what is refused, and how it is shown."""

from typing import Any, Final

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.topups.models import AutoTopUp
from tests.stripe_peer.driver import Peer
from tests.topups import desk
from tests.topups.conftest import Ask

WISH: Final[dict[str, Any]] = {
    "on": True,
    "threshold": "10",
    "pack": "hundred",
    "quantity": 1,
    "monthly_limit": {"amount": "100.00", "currency": "CNY"},
}


def refused(answer: Any) -> tuple[int, str]:  # noqa: ANN401 (Django's test response)
    assert not AutoTopUp.objects.exists()
    return answer.status_code, answer.json()["code"]


def test_nobody_is_topped_up_who_has_not_asked(ada: Account, ask: Ask) -> None:
    answer = ask("get").json()

    assert answer["on"] is False
    assert {value for name, value in answer.items() if name != "on"} == {None}


def test_what_was_put_is_shown_with_the_month_and_what_is_in_flight(
    ada: Account, peer: Peer, ask: Ask
) -> None:
    desk.save_card(ada, peer, "authenticationRequired")

    put = ask("put", WISH)

    assert put.status_code == 200, put.content
    told = put.json()
    assert {name: told[name] for name in WISH} == WISH
    assert told["spent_this_month"] == {"amount": "0.00", "currency": "CNY"}
    assert told["pending"] is None
    top_up = desk.run(ada)
    told = ask("get").json()
    assert told["spent_this_month"] == {"amount": "66.00", "currency": "CNY"}
    assert told["pending"]["pay_url"] == top_up.page_url
    assert (told["pending"]["status"], told["last"]) == ("waiting", None)


def test_after_a_decline_it_is_shown_when_it_is_tried_again(
    ada: Account, peer: Peer, ask: Ask
) -> None:
    desk.save_card(ada, peer, "chargeCustomerFail")
    ask("put", WISH)

    desk.run(ada)

    told = ask("get").json()
    assert told["waits_for"] == "declined"
    assert told["waits_until"] is not None
    assert (told["last"]["status"], told["last"]["decline"]) == ("declined", "generic_decline")


def test_without_a_saved_card_it_is_refused_and_said_how_to_get_one(ada: Account, ask: Ask) -> None:
    answer = ask("put", WISH)

    assert refused(answer) == (409, "card_needed")
    assert answer.json()["save_card_at"] == "/v1/portal-sessions"


@pytest.mark.parametrize(
    ("limit", "currency"), [("65.99", "CNY"), ("100.00", "USD")], ids=["too low", "other money"]
)
def test_a_limit_that_lets_nothing_be_bought_is_refused(
    limit: str, currency: str, ada: Account, peer: Peer, ask: Ask
) -> None:
    desk.save_card(ada, peer)

    answer = ask("put", {**WISH, "monthly_limit": {"amount": limit, "currency": currency}})

    assert refused(answer) == (422, "wrong_limit")
    assert answer.json()["price"] == {"amount": "66", "currency": "CNY"}


def test_a_pack_that_the_plan_may_not_buy_is_refused(ada: Account, peer: Peer, ask: Ask) -> None:
    desk.open_shop(plans=desk.MAY_BUY.replace("packs = true", "packs = false"))
    desk.save_card(ada, peer)

    assert refused(ask("put", WISH)) == (403, "not_entitled")


@pytest.mark.parametrize("missing", ["threshold", "pack", "monthly_limit", "on"])
def test_a_wish_that_is_not_whole_is_refused(missing: str, ada: Account, ask: Ask) -> None:
    answer = ask("put", {name: value for name, value in WISH.items() if name != missing})

    assert refused(answer) == (400, "malformed")
    assert answer.json()["errors"][0]["pointer"] == f"/{missing}"


@pytest.mark.parametrize("amount", ["0", "-1", 10, "1e3"])
def test_a_threshold_is_an_amount_of_credits(amount: object, ada: Account, ask: Ask) -> None:
    assert refused(ask("put", {**WISH, "threshold": amount})) == (400, "malformed")


def test_where_nothing_can_be_paid_it_is_said(ada: Account, ask: Ask, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""

    assert refused(ask("put", WISH)) == (503, "payments_not_configured")


def test_it_is_switched_off_without_saying_more(ada: Account, peer: Peer, ask: Ask) -> None:
    desk.save_card(ada, peer)
    ask("put", WISH)

    answer = ask("put", {"on": False})

    assert answer.json()["on"] is False
    assert answer.json()["pack"] == "hundred"
    ada.refresh_from_db()
    assert ada.tops_up_below_micros is None


def test_nobody_sees_or_changes_what_is_anothers(ada: Account, peer: Peer, ask: Ask) -> None:
    desk.save_card(ada, peer)
    ask("put", WISH)

    assert ask("get", name="eve").json()["on"] is False
    ask("put", {"on": False}, name="eve")

    assert AutoTopUp.objects.get(pk=ada.pk).is_on
