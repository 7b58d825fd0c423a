"""Checkout Sessions in payment mode, paid by a form without a browser."""

from typing import Any

import pytest
import stripe

from tests.payments.peer.scenes import CANCEL_URL, SUCCESS_URL, events, page, price, session
from tests.stripe_peer.driver import CHALLENGED, DECLINED, Peer


def retrieved(api: stripe.StripeClient, identity: str) -> stripe.checkout.Session:
    return api.v1.checkout.sessions.retrieve(
        identity, {"expand": ["payment_intent.latest_charge", "line_items"]}
    )


def test_a_session_is_open_until_it_is_paid(either: stripe.StripeClient) -> None:
    opened = session(either, quantity=2)

    assert (opened.status, opened.payment_status) == ("open", "unpaid")
    assert (opened.amount_subtotal, opened.amount_total, opened.currency) == (2000, 2000, "usd")
    assert opened.payment_intent is None
    assert opened.id.startswith("cs_test_")
    assert page(opened).startswith("http")


def test_a_good_card_pays_it(api: stripe.StripeClient, peer: Peer) -> None:
    opened = session(api)

    shown = peer.pay(page(opened))

    assert (shown.status, shown.location) == (
        303,
        SUCCESS_URL.replace("{CHECKOUT_SESSION_ID}", opened.id),
    )
    done = retrieved(api, opened.id)
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert isinstance(done.payment_intent, stripe.PaymentIntent)
    assert done.payment_intent.metadata["fact"] == "pack-1"
    assert done.customer_details is not None
    assert done.customer_details.email == "payer@example.com"
    assert done.line_items is not None
    assert done.line_items.data[0].amount_total == 1000
    assert events(peer)[-4:] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


def test_it_is_paid_once(api: stripe.StripeClient, peer: Peer) -> None:
    opened = session(api)
    peer.pay(page(opened))

    again = peer.pay(page(opened))

    assert (again.status, "has been paid" in again.html) == (200, True)
    assert len(peer.objects()["payment_intent"]) == 1


def test_a_decline_is_shown_and_another_card_pays(api: stripe.StripeClient, peer: Peer) -> None:
    opened = session(api)

    shown = peer.pay(page(opened), DECLINED)
    assert (shown.status, "Your card was declined." in shown.html) == (402, True)
    assert retrieved(api, opened.id).status == "open"
    peer.pay(page(opened))

    assert retrieved(api, opened.id).payment_status == "paid"
    assert len(peer.objects()["payment_intent"]) == 1
    assert [charge["paid"] for charge in peer.objects()["charge"]] == [False, True]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"number": "4242424242424241"}, "number is incorrect"),
        ({"exp": "01/20"}, "expiration year is invalid"),
        ({"exp": "13/40"}, "expiration month is invalid"),
        ({"cvc": "1"}, "security code is invalid"),
        ({"number": "4111111111111111"}, "test mode"),
    ],
)
def test_digits_that_are_no_test_card_are_refused(
    api: stripe.StripeClient, peer: Peer, typed: dict[str, str], said: str
) -> None:
    opened = session(api)

    shown = peer.pay(page(opened), **typed)

    assert (shown.status, said in shown.html) == (402, True)
    assert "charge" not in peer.objects()


def test_the_bank_asks_and_no_means_open(api: stripe.StripeClient, peer: Peer) -> None:
    opened = session(api)
    asked = peer.pay(page(opened), CHALLENGED)
    assert retrieved(api, opened.id).status == "open"

    back = peer.decide(asked, "fail")
    assert "not authenticated" in peer.look(back.location).html
    assert retrieved(api, opened.id).status == "open"
    peer.decide(peer.pay(page(opened), CHALLENGED), "complete")

    assert retrieved(api, opened.id).payment_status == "paid"


@pytest.mark.parametrize("wallet", ["alipay", "wechat_pay"])
def test_a_wallet_pays_at_once(api: stripe.StripeClient, peer: Peer, wallet: str) -> None:
    opened = session(api, currency="cny")

    asked = peer.pay(page(opened), method=wallet)
    assert "wallet" in peer.look(asked.location).html
    done = peer.decide(asked)

    assert done.location.startswith("https://shop.example/done")
    assert retrieved(api, opened.id).payment_status == "paid"


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [("succeeded", "paid", "succeeded"), ("failed", "unpaid", "failed")],
)
def test_a_wallet_s_money_can_come_later_or_never(
    api: stripe.StripeClient, peer: Peer, outcome: str, status: str, told: str
) -> None:
    opened = session(api, currency="cny")
    peer.decide(peer.pay(page(opened), method="alipay"), "later")
    waiting = retrieved(api, opened.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert isinstance(waiting.payment_intent, stripe.PaymentIntent)
    assert waiting.payment_intent.status == "processing"

    peer.end_payment(waiting.payment_intent.id, outcome)

    assert retrieved(api, opened.id).payment_status == status
    assert events(peer)[-1] == f"checkout.session.async_payment_{told}"


def test_a_session_expires_by_itself_and_cannot_be_paid(
    api: stripe.StripeClient, peer: Peer
) -> None:
    opened = session(api)

    peer.advance(86_401)

    assert retrieved(api, opened.id).status == "expired"
    assert peer.objects()["event"][-1]["created"] == opened.expires_at
    assert "expired" in peer.pay(page(opened)).html
    assert "payment_intent" not in peer.objects()


def test_an_open_session_can_be_ended_and_a_paid_one_not(
    api: stripe.StripeClient, peer: Peer
) -> None:
    opened, other = session(api), session(api)
    peer.pay(page(other))

    assert api.v1.checkout.sessions.expire(opened.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        api.v1.checkout.sessions.expire(other.id)
    assert retrieved(api, other.id).payment_status == "paid"


def test_the_page_speaks_the_payer_s_language(api: stripe.StripeClient, peer: Peer) -> None:
    opened = session(api)

    english = peer.look(page(opened)).html
    chinese = peer.look(page(opened), "zh-CN").html

    assert ("EMULATOR" in english, "To pay today" in english) == (True, True)
    assert ("模拟器" in chinese, "今日应付" in chinese) == (True, True)
    assert CANCEL_URL in english


def test_a_locale_wins_over_the_browser(api: stripe.StripeClient, peer: Peer) -> None:
    opened = api.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": price(api).id, "quantity": 1}],
            "success_url": SUCCESS_URL,
            "locale": "zh",
        }
    )

    assert "模拟器" in peer.look(page(opened), "en").html


def test_the_payer_chooses_how_many(api: stripe.StripeClient, peer: Peer) -> None:
    bounds: Any = {"enabled": True, "minimum": 1, "maximum": 5}
    opened = api.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": price(api).id, "quantity": 1, "adjustable_quantity": bounds}],
            "success_url": SUCCESS_URL,
            "expand": ["line_items"],
        }
    )
    assert opened.line_items is not None
    name = f"quantity_{opened.line_items.data[0].id}"

    assert peer.pay(page(opened), **{name: "6"}).status == 402
    peer.pay(page(opened), **{name: "3"})

    done = retrieved(api, opened.id)
    assert (done.amount_total, done.payment_status) == (3000, "paid")
    assert done.line_items is not None
    assert done.line_items.data[0].quantity == 3


def test_a_payer_is_kept_as_a_customer_with_his_card_when_that_is_wanted(
    api: stripe.StripeClient, peer: Peer
) -> None:
    opened = api.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": price(api).id, "quantity": 1}],
            "success_url": SUCCESS_URL,
            "customer_creation": "always",
            "payment_intent_data": {"setup_future_usage": "off_session"},
        }
    )
    peer.pay(page(opened))

    customer = retrieved(api, opened.id).customer
    assert isinstance(customer, str)
    assert api.v1.customers.retrieve(customer).email == "payer@example.com"
    assert len(api.v1.customers.payment_methods.list(customer).data) == 1


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"mode": None}, "mode"),
    ({"success_url": None}, "success_url"),
    ({"line_items": None}, "line_items"),
    ({"subscription_data": {"trial_period_days": 7}}, "subscription_data"),
    ({"expires_at": 1}, "expires_at"),
    ({"mode": "subscription"}, "mode"),
]


@pytest.mark.parametrize(("change", "param"), REFUSED, ids=[str(c) for c, _p in REFUSED])
def test_a_session_without_sense_is_refused(
    either: stripe.StripeClient, change: dict[str, Any], param: str
) -> None:
    wanted = {
        "mode": "payment",
        "line_items": [{"price": price(either).id, "quantity": 1}],
        "success_url": SUCCESS_URL,
    } | change

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        either.v1.checkout.sessions.create(
            {key: value for key, value in wanted.items() if value is not None}  # type: ignore[arg-type] # made above
        )

    assert refusal.value.param == param
