"""Every page in a real browser: on a phone and a desk, in both languages, by day and by night.

The pictures are kept in `var/pages`, to be looked at by people.
"""

import json
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings as django_settings

from billing.accounts.models import Account
from billing.pages.links import Page, Right
from billing.payments import services as payments
from tests.pages import scene
from tests.payments.peer.browser import CHROMIUM, Browser
from tests.stripe_peer.driver import Peer

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
PICTURES: Final = Path(django_settings.BASE_DIR) / "var" / "pages"
AXE: Final = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
SIZES: Final = {"phone": (390, 844), "desk": (1280, 900)}
LANGUAGES: Final = {"en": "en", "zh-hans": "zh-Hans"}
_PATIENCE_SECONDS: Final = 30


def complaints(browser: Browser) -> list[str]:
    """Return what axe has to say against the page."""
    browser.run(AXE)
    browser.run(
        "window.found = null; axe.run().then(told => { window.found = JSON.stringify("
        "told.violations.map(one => one.id + ': ' + one.nodes.map(n => n.html).join(' | '))) })"
    )
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    while (found := browser.run("window.found")) is None:
        assert time.monotonic() < ends_at, "axe does not answer"
        time.sleep(0.05)
    told: list[str] = json.loads(str(found))
    return told


def seen_wrong(browser: Browser, *, tag: str) -> list[str]:
    """Return what a person would dislike of the page, and what a machine can tell."""
    wrong = complaints(browser)
    if browser.run("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("it is wider than its window")
    if browser.run("document.documentElement.lang") != tag:
        wrong.append("it does not say its language")
    if browser.run("document.styleSheets.length") != 1 or not browser.run(
        "getComputedStyle(document.querySelector('main')).display == 'grid'"
    ):
        wrong.append("it has no style")
    if browser.run("document.title") == "stolen":
        wrong.append("it has run what somebody wrote")
    return wrong


def looked_at(browser: Browser, name: str, address: str) -> dict[str, list[str]]:
    """Look at a page in every way, and keep a picture of each; return what is wrong, by way."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = {}
    for size, (width, height) in SIZES.items():
        browser.resize(width, height)
        for language, tag in LANGUAGES.items():
            for theme in ("light", "dark"):
                mark = "&" if "?" in address else "?"
                browser.go(f"{address}{mark}lang={language}&theme={theme}")
                way = f"{name}-{size}-{tag}-{theme}"
                browser.picture(PICTURES / f"{way}.png", whole=True)
                if wrong := seen_wrong(browser, tag=tag):
                    found[way] = wrong
    return found


@pytest.fixture
def lived(mei: Account, peer: Peer) -> Account:
    """Mei, after a month; Stripe stands ready."""
    scene.a_month(mei)
    payments.sync_prices(now=datetime.now(UTC), is_dry=False)
    return mei


def test_every_page_looks_well_in_every_way(lived: Account, site: str, browser: Browser) -> None:
    link = scene.link_of(lived)
    wrong: dict[str, Any] = looked_at(browser, "public", f"{site}/pages/pricing?currency=USD")
    for page in Page:
        wrong |= looked_at(browser, page.value, f"{site}{scene.path_of(link, page)}")
    gone = scene.path_of(link)[:-20] + "x" * 11 + "/balance"
    wrong |= looked_at(browser, "gone", f"{site}{gone}")
    back = scene.path_of(scene.link_of(lived, Right.RETURN)).replace("/balance", "/return")
    wrong |= looked_at(browser, "back", f"{site}{back}")

    assert wrong == {}
