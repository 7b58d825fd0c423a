"""A new operator in a real browser finds why a balance is 37; what strangers wrote is never run.

The pictures are kept in `var/console`, to be looked at by people.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as django_settings
from pytest_django.live_server_helper import LiveServer

from billing.accounts.models import Account
from tests import factories
from tests.console import affairs
from tests.matrix.operators import SUPPORT, operator_of, signed_in
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
PICTURES: Final = Path(django_settings.BASE_DIR) / "var" / "console"
SIZES: Final = {"desk": (1280, 900), "phone": (390, 844)}


@pytest.fixture(params=["en-US", "zh-CN"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def browser(tmp_path: Path, language: str) -> Iterator[Browser]:
    with browsing(tmp_path / "chromium", language) as browser:
        yield browser


def look(browser: Browser, name: str, language: str, *, is_ours: bool = True) -> None:
    """Keep a picture of the page at each size, and see that ours is no wider than its window."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in SIZES.items():
        browser.resize(width, height)
        browser.picture(PICTURES / f"{name}-{size}-{language}.png", whole=True)
        wide = browser.run("document.documentElement.scrollWidth > innerWidth")
        assert not (is_ours and wide), f"{name} at a {size}"
    browser.resize(*SIZES["desk"])
    assert "stolen" not in str(browser.run("document.title")), name


def test_a_new_operator_finds_why_a_balance_is_37(
    ada: Account, live_server: LiveServer, browser: Browser, language: str
) -> None:
    lived = affairs.lived_through(ada)
    factories.give(lived.team, 3)
    cookie = signed_in(operator_of(SUPPORT)).cookies[django_settings.SESSION_COOKIE_NAME]
    browser.bring(django_settings.SESSION_COOKIE_NAME, cookie.value, live_server.url)
    browser.resize(*SIZES["desk"])
    browser.go(f"{live_server.url}/admin/")
    browser.run("document.querySelector('#search-aside [type=search]').value = 'ada'")
    browser.submit("search-aside")

    assert browser.url == f"{live_server.url}/admin/console/accounts/{ada.pk}/"
    assert str(browser.run("document.getElementById('free').textContent")) == "37"
    assert "+57" in str(browser.run("document.getElementById('sum').textContent"))
    look(browser, "account", language)

    browser.type("id_text", affairs.HOSTILE)
    browser.click("write-note")
    assert browser.url.endswith("#notes")
    assert affairs.HOSTILE in browser.text
    look(browser, "noted", language)

    first = "document.querySelector('[aria-labelledby=jobs] .lg-table tbody a')"
    browser.run(f"{first}.id = 'first-job'")
    browser.click("first-job")
    assert lived.waiting.pk in browser.text
    look(browser, "job", language, is_ours=False)
    browser.go(f"{live_server.url}/admin/billing/entry/")
    look(browser, "entries", language, is_ours=False)

    browser.go(f"{live_server.url}/admin/console/search/")
    look(browser, "search", language)
    browser.type("search-text", lived.code)
    browser.submit("search")
    assert lived.code not in browser.url
    look(browser, "found", language)
    browser.type("search-text", affairs.HOSTILE)
    browser.submit("search")
    assert browser.run("document.getElementById('nothing') !== null")
    look(browser, "nothing", language)

    complaints = [said for said in browser.complaints() if said.startswith("error")]
    assert complaints == []
