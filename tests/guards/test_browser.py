"""A real Chromium opens the pages in both languages, and has nothing to complain of."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from billing.accounts.models import Account
from tests import factories
from tests.guards.operators import signed_in
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
WINDOWS: Final = (
    *("/admin/", "/admin/billing/entry/", "/admin/billing/grant/", "/admin/billing/job/"),
    *("/admin/billing/grant/{grant}/change/", "/admin/revenue", "/admin/password_change/"),
)


@pytest.fixture(params=["en-US", "zh-CN"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    with browsing(tmp_path, language=request.param) as browser:
        yield browser


def test_no_page_asks_for_what_its_policy_forbids(
    ada: Account, live_server: LiveServer, browser: Browser
) -> None:
    grant = factories.give(ada, 5)
    for path in ("/admin/login/", "/v1/docs"):
        browser.go(live_server.url + path)
    cookie = signed_in(Client())
    browser.bring(django_settings.SESSION_COOKIE_NAME, cookie, live_server.url)
    for path in WINDOWS:
        browser.go(live_server.url + path.format(grant=grant.pk))
        assert browser.url.endswith(path.format(grant=grant.pk)), "it was led to the login"

    assert [said for said in browser.complaints() if said.startswith("error")] == []


def test_control_a_script_in_the_page_is_refused_and_seen(
    ada: Account, live_server: LiveServer, browser: Browser
) -> None:
    browser.go(f"{live_server.url}/admin/login/")

    browser.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        "document.head.append(s) })()"
    )

    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in said for said in browser.complaints())
