"""From a page to Stripe's and back: a person buys, ends the plan and goes on, in a real browser.

The pages at Stripe open in a tab of their own; here they are gone to, so that one tab is enough.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.pages.links import Page, Right
from billing.payments.models import Checkout, PlanChange, Purchase
from config.celery import app, queues
from plans.credits import parse_micros
from tests import factories
from tests.pages import scene
from tests.pages.test_pages import told
from tests.payments import till as tills
from tests.payments.peer.browser import CHROMIUM, Browser
from tests.payments.till import Till
from tests.stripe_peer.driver import GOOD, Peer
from tests.working import start_worker

PLAIN: Final = {"once": "key_1", "pack": "plain", "quantity": "1"}
_PATIENCE_SECONDS: Final = 60


@pytest.fixture
def ada(peer: Peer, db: None) -> Account:
    """Ada may pay at a till."""
    tills.open_till()
    return factories.new_account("ada", is_sandbox=False)


def sent(
    account: Account, form: Mapping[str, str], page: Page = Page.PRICING, right: Right = Right.ACT
) -> Any:  # noqa: ANN401 (Django's test response)
    """Return what a form of a page is answered with."""
    return Client().post(f"{scene.path_of(scene.link_of(account, right), page)}?lang=en", form)


def shown_by(browser: Browser) -> str:
    """Return what can be read, at whatever moment of a page that loads itself again."""
    return str(browser.run("document.body ? document.body.innerText : ''"))


def until(look: Callable[[], bool]) -> None:
    """Wait until it is so."""
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < ends_at, "it is not so"
        time.sleep(0.1)


def test_a_form_that_is_sent_twice_opens_one_checkout(ada: Account) -> None:
    form = {**PLAIN, "quantity": "2"}

    first, second = sent(ada, form), sent(ada, form)

    checkout = Checkout.objects.get()
    assert (first.status_code, first["Location"]) == (303, checkout.url)
    assert (second.status_code, second["Location"]) == (303, checkout.url)
    assert (checkout.code, checkout.quantity, checkout.account) == ("plain", 2, ada)


def test_the_way_back_from_stripe_does_nothing_but_tell(ada: Account) -> None:
    sent(ada, PLAIN)
    checkout = Checkout.objects.get()

    for address in (checkout.success_url, checkout.cancel_url):
        token = address.split("/pages/")[1].split("/")[0]
        for page in Page:
            looked = Client().get(f"/pages/{token}/{page}")
            acted = Client().post(f"/pages/{token}/{page}", {"do": "end", "once": "k"})
            assert (looked.status_code, acted.status_code) == (404, 404)
        answer = Client().get(f"/pages/{token}/return?session={checkout.stripe_id}&lang=en")
        assert "Waiting for the payment" in told(answer)
        assert answer["Refresh"].startswith("3; url=/pages/")
    assert Checkout.objects.count() == 1


def test_nobody_learns_of_anothers_payment(ada: Account) -> None:
    sent(ada, PLAIN)
    other = scene.link_of(factories.new_account("eve", is_sandbox=False), Right.RETURN)
    path = scene.path_of(other).replace("/balance", "/return")

    answer = Client().get(f"{path}?session={Checkout.objects.get().stripe_id}&lang=en")

    assert "You are back" in told(answer)
    assert "Plain" not in told(answer)


def test_the_browser_stops_asking_after_a_while(ada: Account) -> None:
    sent(ada, PLAIN)
    checkout = Checkout.objects.get()
    address = checkout.success_url.replace("{CHECKOUT_SESSION_ID}", checkout.stripe_id)
    path = "/pages/" + address.split("/pages/")[1]

    again, last = Client().get(f"{path}&n=3"), Client().get(f"{path}&n=40&lang=en")

    assert again["Refresh"].endswith("n=4")
    assert "Refresh" not in last
    assert "Look again" in told(last)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"pack": "gone", "once": "k"}, 409),
        ({"pack": "none", "once": "k"}, 422),
        ({"plan": "team", "interval": "P9M", "once": "k"}, 422),
        ({"pack": "plain", "quantity": "51", "once": "k"}, 422),
        ({"pack": "plain", "quantity": "-1", "once": "k"}, 400),
        ({"pack": "plain"}, 400),
        ({"once": "k"}, 422),
    ],
)
def test_what_is_not_sold_opens_no_checkout(
    ada: Account, form: dict[str, str], status: int
) -> None:
    answer = sent(ada, form)

    assert answer.status_code == status
    assert not Checkout.objects.exists()


def test_who_may_only_look_opens_no_checkout(ada: Account) -> None:
    answer = sent(ada, PLAIN, right=Right.READ)

    assert answer.status_code == 403
    assert not Checkout.objects.exists()


def test_without_stripe_nothing_is_offered(ada: Account, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""

    looked = scene.look(ada, Page.PRICING)
    answer = sent(ada, PLAIN)

    assert "<form" not in looked.content.decode()
    assert answer.status_code == 503


@pytest.fixture
def pro(ada: Account, peer: Peer) -> Account:
    """Ada pays for Pro by the month."""
    till = Till(peer)
    wish = {"plan": "pro", "interval": "P1M", "success_url": tills.BACK}
    assert peer.pay(till.ask(wish).json()["url"], GOOD).status == 303
    till.settle()
    return ada


def test_a_change_of_plan_is_shown_before_it_is_made(pro: Account) -> None:
    offered = scene.look(pro, Page.PRICING).content.decode()
    path = scene.path_of(scene.link_of(pro), Page.PLAN)
    asked = Client().get(path, {"lang": "en", "change": "pro", "interval": "P6M"})
    [due] = re.findall(r'name="due" value="([0-9.]+)"', asked.content.decode())

    assert 'id="buy-pro"' not in offered
    assert 'id="change-pro"' in offered
    assert "Change to Pro" in told(asked)
    assert not PlanChange.objects.exists()

    form = {"do": "change", "plan": "pro", "interval": "P6M", "due": due, "once": "key_1"}
    made = [sent(pro, form, Page.PLAN).status_code for _repeat in range(2)]

    assert made == [303, 303]
    change = PlanChange.objects.get()
    assert (change.plan, change.interval) == ("pro", "P6M")
    assert change.due_micros == parse_micros(due)


def test_a_change_that_costs_something_else_by_now_is_not_made(pro: Account) -> None:
    form = {"do": "change", "plan": "pro", "interval": "P6M", "due": "0.01", "once": "key_1"}

    answer = sent(pro, form, Page.PLAN)

    assert answer.status_code in {409, 422}
    assert "That did not work." in told(answer)
    assert not PlanChange.objects.exists()


def test_a_change_to_nothing_else_says_why_it_is_none(pro: Account) -> None:
    path = scene.path_of(scene.link_of(pro), Page.PLAN)

    asked = Client().get(path, {"lang": "en", "change": "pro", "interval": "P1M"})

    assert "This change is not possible" in told(asked)
    assert "change-yes" not in asked.content.decode()


@pytest.fixture
def at_work(ada: Account, site: str, peer: Peer) -> Iterator[str]:
    """The service hears of payments, and works by itself."""
    peer.listen(f"{site}/webhooks/stripe")
    app.loader.import_default_modules()
    app.control.purge()
    with start_worker(
        app, pool="threads", concurrency=2, perform_ping_check=False, queues=queues()
    ):
        yield site


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here.")
def test_a_person_buys_a_plan_ends_it_and_goes_on(
    ada: Account, at_work: str, browser: Browser
) -> None:
    link = scene.link_of(ada, language="en")
    browser.go(f"{at_work}{scene.path_of(link, Page.PRICING)}")
    browser.run("document.querySelectorAll('form').forEach(one => one.removeAttribute('target'))")
    browser.click("buy-pro")
    assert "EMULATOR" in browser.text
    for field, text in (("email", "a@example.com"), ("name", "Ada"), ("number", GOOD)):
        browser.type(field, text)
    browser.type("exp", "12 / 34")
    browser.type("cvc", "123")

    browser.click("pay")

    until(lambda: "It is paid. Thank you!" in shown_by(browser))
    until(Purchase.objects.exists)
    browser.go(f"{at_work}{scene.path_of(link, Page.PLAN)}")
    assert "Pro" in browser.text
    assert "$12" in browser.text
    browser.run("document.querySelector('details').open = true")
    browser.click("end")
    until(lambda: "Resume the plan" in shown_by(browser))
    browser.click("resume")
    until(lambda: "End the plan" in shown_by(browser))
    browser.run("document.querySelector('form').removeAttribute('target')")
    browser.click("portal")
    assert "EMULATOR" in browser.text
