"""A person with a real browser comes in for the first time, and comes in again."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from billing.operators import codes, services
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
PHONE: Final = 390
# Where the pictures are kept of what is seen, for whoever wants to look.
PICTURES: Final = os.environ.get("PICTURES", "")


@pytest.fixture(params=["en-US", "zh-CN"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def browser(tmp_path: Path, language: str) -> Iterator[Browser]:
    with browsing(tmp_path / "chromium", language) as browser:
        yield browser


def look(browser: Browser, name: str, language: str) -> None:
    """See that the page is no wider than a phone, and that nothing comes from elsewhere."""
    wide = int(str(browser.run("document.documentElement.scrollWidth")))
    assert wide <= PHONE, name
    foreign = (
        "performance.getEntriesByType('resource').map(one => one.name)"
        ".filter(name => !name.startsWith(location.origin)).join()"
    )
    assert browser.run(foreign) == "", name
    if PICTURES:
        browser.picture(Path(PICTURES) / f"{name}-{language}.png")


def test_a_newcomer_sets_up_a_device_and_comes_in_again(
    live_server: LiveServer, browser: Browser, language: str
) -> None:
    _user, password = services.create_operator(
        name="grace", roles=[], is_superuser=True, now=timezone.now()
    )
    browser.be_wide(PHONE)
    browser.go(f"{live_server.url}/admin/")
    look(browser, "sign-in", language)
    browser.type("id_username", "grace")
    browser.type("id_password", password)
    browser.submit("login-form")

    secret = str(browser.run("document.getElementById('secret').textContent"))
    assert int(str(browser.run("document.getElementById('picture').naturalWidth"))) > 100
    look(browser, "enrolment", language)
    browser.type("id_code", codes.code_at(secret, timezone.now()))
    browser.click("send")

    sheet = str(browser.run("document.getElementById('sheet').innerText")).split()
    assert len(sheet) == codes.RECOVERY_CODES
    look(browser, "recovery-codes", language)
    browser.click("go-on")
    assert browser.url == f"{live_server.url}/admin/"

    browser.submit("logout-form")
    browser.go(f"{live_server.url}/admin/billing/job/")
    browser.type("id_username", "grace")
    browser.type("id_password", password)
    browser.submit("login-form")
    look(browser, "code", language)
    browser.type("id_code", sheet[0].lower())
    browser.click("send")

    assert browser.url == f"{live_server.url}/admin/billing/job/"
