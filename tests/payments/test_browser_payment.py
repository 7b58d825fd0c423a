"""A person with a real browser pays over the whole service: web server, worker, Stripe's pages.

Nothing is told by hand: what Stripe has to say arrives over HTTP, and a worker applies it.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.accounts.models import Account
from config.celery import app, queues
from tests import factories
from tests.notices.mailbox import Mailbox
from tests.payments import till as tills
from tests.payments.peer.browser import CHROMIUM, Browser, browsing
from tests.payments.till import Till
from tests.stripe_peer.driver import CHALLENGED, DECLINED, GOOD, Peer
from tests.working import start_worker

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
PATIENCE_SECONDS: Final = 40


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A mail server is set, and takes letters."""
    with Mailbox() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_URL = f"smtp://127.0.0.1:{box.port}"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


@pytest.fixture
def counter(
    transactional_db: None, live_server: LiveServer, peer: Peer, mailbox: Mailbox
) -> Iterator[Till]:
    """A shop that takes money, and works by itself."""
    peer.listen(f"{live_server.url}/webhooks/stripe")
    tills.open_till()
    app.loader.import_default_modules()
    app.control.purge()
    with start_worker(
        app, pool="threads", concurrency=4, perform_ping_check=False, queues=queues()
    ):
        yield Till(peer)


@pytest.fixture
def ada(counter: Till) -> Account:
    """Ada buys like anybody."""
    return factories.new_account("ada", is_sandbox=False)


def opened(counter: Till, live_server: LiveServer, **what: object) -> dict[str, Any]:
    """Return a checkout that leads back to a page of ours."""
    back = f"{live_server.url}/healthz?paid={{CHECKOUT_SESSION_ID}}"
    answer = counter.ask({"success_url": back, **what})
    assert answer.status_code == 201, answer.content
    checkout: dict[str, Any] = answer.json()
    return checkout


def type_card(browser: Browser, number: str) -> None:
    browser.type("email", "ada@example.com")
    browser.type("name", "Ada")
    browser.type("number", number)
    browser.type("exp", "12 / 34")
    browser.type("cvc", "123")
    browser.click("pay")


def until(look: Callable[[], object], wanted: object) -> None:
    """Wait until what is looked at is as it should be."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while (seen := look()) != wanted:
        assert time.monotonic() < ends_at, f"{seen}, not {wanted}"
        time.sleep(0.1)


def test_a_plan_is_paid_its_credits_come_and_the_portal_ends_it(
    counter: Till, ada: Account, live_server: LiveServer, browser: Browser, tmp_path: Path
) -> None:
    checkout = opened(counter, live_server, plan="pro", interval="P1M")
    browser.go(checkout["url"])
    assert "EMULATOR" in browser.text
    assert "$12.00" in browser.text  # the first month's price
    browser.picture(tmp_path / "checkout.png")

    type_card(browser, GOOD)

    assert browser.url.startswith(f"{live_server.url}/healthz?paid=cs_")
    until(lambda: counter.read("/v1/subscription").json()["plan"], "pro")
    until(lambda: counter.read("/v1/balance").json()["available"], "1000")
    [bought] = counter.read("/v1/purchases").json()["data"]
    assert bought["paid"] == {"amount": "12.00", "currency": "USD"}
    until(
        lambda: counter.read(f"/v1/checkout-sessions/{checkout['id']}").json()["status"],
        "completed",
    )

    portal = counter.ask({"return_url": live_server.url}, path="/v1/portal-sessions").json()
    browser.go(portal["url"])
    assert "EMULATOR" in browser.text
    assert "active" in browser.text
    browser.click("cancel")

    paid_until = counter.read("/v1/subscription").json()["paid_until"]
    until(lambda: counter.read("/v1/subscription").json()["ends_at"], paid_until)
    assert counter.read("/v1/balance").json()["available"] == "1000"


def test_a_declined_card_gives_nothing_and_one_that_the_bank_asks_about_pays_for_a_pack(
    counter: Till, ada: Account, live_server: LiveServer, browser: Browser, mailbox: Mailbox
) -> None:
    checkout = opened(counter, live_server, pack="plain", quantity=2)
    browser.go(checkout["url"])

    type_card(browser, DECLINED)
    assert "Your card was declined." in browser.text
    type_card(browser, CHALLENGED)
    assert "3-D Secure" in browser.text
    assert counter.read("/v1/purchases").json()["data"] == []
    assert counter.read("/v1/balance").json()["available"] == "0"
    browser.click("complete")

    assert browser.url.startswith(f"{live_server.url}/healthz?paid=cs_")
    until(lambda: counter.read("/v1/balance").json()["by_source"], {"pack": "200", "present": "10"})
    [bought] = counter.read("/v1/purchases").json()["data"]
    assert (bought["paid"]["amount"], bought["credits"]) == ("17.00", "210")

    browser.go(opened(counter, live_server, pack="plain")["url"])
    type_card(browser, GOOD)
    until(lambda: counter.read("/v1/balance").json()["by_source"]["pack"], "300")
    until(lambda: sum("10.00 USD" in str(letter["Subject"]) for letter in mailbox.letters), 1)
    assert {str(letter["To"]) for letter in mailbox.letters} == {"ada@example.com"}


def test_who_turns_back_has_paid_nothing_and_may_still_pay(
    counter: Till, ada: Account, live_server: LiveServer, browser: Browser
) -> None:
    cancel = f"{live_server.url}/healthz?back"
    checkout = opened(counter, live_server, pack="plain", cancel_url=cancel)
    browser.go(checkout["url"])

    browser.click("cancel")

    assert browser.url == cancel
    assert counter.read("/v1/purchases").json()["data"] == []
    browser.go(checkout["url"])
    type_card(browser, GOOD)
    until(lambda: counter.read("/v1/balance").json()["by_source"], {"pack": "100", "present": "5"})
