"""A person with a real browser pays, is declined, is asked by the bank, and turns back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import stripe

from tests.payments.peer.browser import CHROMIUM, Browser, browsing
from tests.payments.peer.receiver import Receiver
from tests.payments.peer.scenes import page, price
from tests.stripe_peer.driver import CHALLENGED, DECLINED, GOOD, Peer

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here.")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


def opened(
    api: stripe.StripeClient,
    shop: Receiver,
    currency: str = "usd",
    locale: Literal["auto", "zh"] = "auto",
) -> stripe.checkout.Session:
    return api.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [{"price": price(api, 1250, currency).id, "quantity": 2}],
            "success_url": f"{shop.url}?paid={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{shop.url}?back",
            "locale": locale,
        }
    )


def type_card(browser: Browser, number: str) -> None:
    browser.type("email", "payer@example.com")
    browser.type("name", "A Payer")
    browser.type("number", number)
    browser.type("exp", "12 / 34")
    browser.type("cvc", "123")
    browser.click("pay")


def status(api: stripe.StripeClient, session: stripe.checkout.Session) -> tuple[str | None, str]:
    now = api.v1.checkout.sessions.retrieve(session.id)
    return now.status, now.payment_status


def test_a_card_is_typed_in_and_pays(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver, browser: Browser, tmp_path: Path
) -> None:
    session = opened(api, receiver)
    browser.go(page(session))
    assert "EMULATOR" in browser.text
    assert "$25.00" in browser.text
    browser.picture(tmp_path / "checkout.png")

    type_card(browser, GOOD)

    assert browser.url == f"{receiver.url}?paid={session.id}"
    assert status(api, session) == ("complete", "paid")
    peer.settle()
    assert receiver.types[-1] == "checkout.session.completed"


def test_a_decline_is_read_and_another_card_pays(
    api: stripe.StripeClient, receiver: Receiver, browser: Browser
) -> None:
    session = opened(api, receiver)
    browser.go(page(session))

    type_card(browser, DECLINED)
    assert "Your card was declined." in browser.text
    assert status(api, session) == ("open", "unpaid")
    type_card(browser, GOOD)

    assert status(api, session) == ("complete", "paid")


def test_the_bank_asks_on_a_page_of_its_own(
    api: stripe.StripeClient, receiver: Receiver, browser: Browser
) -> None:
    session = opened(api, receiver)
    browser.go(page(session))

    type_card(browser, CHALLENGED)
    assert "3-D Secure" in browser.text
    browser.click("fail")
    assert "not authenticated" in browser.text
    assert status(api, session) == ("open", "unpaid")
    type_card(browser, CHALLENGED)
    browser.click("complete")

    assert browser.url == f"{receiver.url}?paid={session.id}"
    assert status(api, session) == ("complete", "paid")


def test_who_turns_back_has_paid_nothing(
    api: stripe.StripeClient, peer: Peer, receiver: Receiver, browser: Browser
) -> None:
    session = opened(api, receiver)
    browser.go(page(session))

    browser.click("cancel")

    assert browser.url == f"{receiver.url}?back"
    assert status(api, session) == ("open", "unpaid")
    assert "payment_intent" not in peer.objects()


@pytest.mark.parametrize(("wallet", "named"), [("alipay", "支付宝"), ("wechat_pay", "微信支付")])
def test_a_wallet_authorises_in_chinese(
    api: stripe.StripeClient, receiver: Receiver, browser: Browser, wallet: str, named: str
) -> None:
    session = opened(api, receiver, "cny", locale="zh")
    browser.go(page(session))
    assert "模拟器" in browser.text
    assert named in browser.text

    browser.choose(f"method_{wallet}")
    browser.click("pay")
    assert "钱包" in browser.text
    browser.click("complete")

    assert status(api, session) == ("complete", "paid")
