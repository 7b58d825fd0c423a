"""Cards are typed on Stripe's pages alone: nothing of one is in our rows or logs, whoever pays."""

import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from django.core.management import CommandError, call_command

from billing.http import cards
from billing.payments.models import Purchase, Refund, StripeEvent
from tests import factories
from tests.payments.lives import FREE, SMALL, Life
from tests.payments.peer.browser import CHROMIUM, browsing
from tests.payments.peer.receiver import Receiver
from tests.payments.till import PACKS, Till, open_till
from tests.stripe_peer.cards import CARDS
from tests.stripe_peer.driver import CHALLENGED, DECLINED, DECLINED_LATER, DISPUTED, GOOD

pytestmark = pytest.mark.django_db
AMEX: Final = "378282246310005"
CLEAN: Final = "No card data is kept.\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """All that is logged by anybody in this process, before anything is hidden in it."""
    place = tmp_path / "run.log"
    handler = logging.FileHandler(place, encoding="utf-8")
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield place
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


def scanned(log: Path) -> str:
    """Return what the scan of schema, rows and logs says."""
    out = StringIO()
    call_command("scan_card_data", "--log", str(log), stdout=out)
    return out.getvalue()


def found(log: Path) -> str:
    """Return what the scan finds; it finds something."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("scan_card_data", "--log", str(log), stdout=out)
    return out.getvalue()


def test_whoever_pays_by_whatever_card_leaves_nothing_of_it_with_us(lives: Till, log: Path) -> None:
    open_till(packs=PACKS, plans=FREE + '  [plan.entitlements]\n  packs = ["plain"]\n' + SMALL)
    life = Life(lives, factories.new_account("ada"))
    for number in (GOOD, AMEX, DECLINED, CHALLENGED, DISPUTED):
        checkout = lives.sell()
        shown = lives.peer.pay(checkout.url, number, name="Ada")
        if number == CHALLENGED:
            lives.peer.decide(shown)
        lives.settle()
    life.subscribe("small")
    life.put_card(DECLINED_LATER)
    life.go_to_renewal()
    lives.peer.pay(life.shown()["payment"]["pay_url"], "5555555555554444")
    lives.peer.refund(Purchase.objects.filter(kind="pack").earliest("recorded_at").stripe_id)
    lives.settle()
    # Four packs are paid, of which one is disputed and one refunded, and two months.
    assert (Purchase.objects.count(), Refund.objects.count()) == (6, 1)
    assert log.stat().st_size > 10_000

    assert scanned(log) == CLEAN


def test_a_number_that_its_payer_types_for_his_name_is_not_kept(lives: Till, log: Path) -> None:
    life = Life(lives, factories.new_account("ada"))
    lives.peer.pay(life.open_page("small"), name="4242 4242 4242 4242")
    told = [event for event in lives.events() if "4242 4242 4242 4242" in str(event)]
    assert told  # Stripe tells it to us

    lives.settle()

    assert life.credits == 100
    assert StripeEvent.objects.filter(raw__contains=cards.HIDDEN).count() == len(told)
    assert scanned(log) == CLEAN


def test_control_without_hiding_it_the_scan_finds_where_it_is_kept(
    lives: Till, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards, "without_numbers", lambda text: text)
    life = Life(lives, factories.new_account("ada"))
    lives.peer.pay(life.open_page("small"), name="4242 4242 4242 4242")
    lives.settle()
    logging.getLogger("somebody").warning("paid by %s", AMEX)

    places = found(log)

    assert "billing_stripeevent.raw evt_" in places
    assert f"{log}:" in places
    for number in CARDS:
        assert number not in places


@pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here.")
def test_who_types_his_card_in_a_browser_types_it_to_stripe(
    lives: Till, log: Path, tmp_path: Path
) -> None:
    life = Life(lives, factories.new_account("ada"))
    with Receiver(lives.peer.secret) as shop, browsing(tmp_path / "chromium") as browser:
        answer = life.ask(
            "/v1/checkout-sessions",
            plan="small",
            interval="P1M",
            success_url=f"{shop.url}?page={{CHECKOUT_SESSION_ID}}",
        )
        browser.go(answer.json()["url"])
        assert browser.url.startswith(lives.peer.url)  # not ours
        for field, text in (
            ("email", "payer@example.com"),
            ("name", "A Payer"),
            ("number", GOOD),
            ("exp", "12 / 34"),
            ("cvc", "123"),
        ):
            browser.type(field, text)
        browser.click("pay")
        assert browser.url.startswith(f"{shop.url}?page=cs_")
        assert "4242" not in browser.url
    lives.settle()

    assert life.credits == 100
    assert scanned(log) == CLEAN
