"""An operator sees in a real browser what is wrong and what to do, and silences it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.alerts import services
from billing.alerts.models import Silence, Telling
from billing.alerts.rules import BY_CODE, RuleCode
from tests.operators import signed_in
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
XSS: Final = (
    "<script>document.title='caught'</script><img src=x onerror=\"document.title='caught'\">"
)
# Where the pictures are kept of what is seen, for whoever wants to look.
PICTURES: Final = os.environ.get("PICTURES", "")


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(params=["en-US", "zh-CN"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def browser(tmp_path: Path, language: str, live_server: LiveServer) -> Iterator[Browser]:
    """An operator's browser, in which she has proven herself twice."""
    client = signed_in(Client(), User.objects.create_superuser("grace"))
    with browsing(tmp_path / "chromium", language) as browser:
        browser.bring("sessionid", client.cookies["sessionid"].value, live_server.url)
        yield browser


def look(browser: Browser, name: str, language: str) -> None:
    """See a page as a desk and as a phone do; nothing that others wrote may run."""
    for wide in (1280, 390):
        browser.be_wide(wide)
        assert browser.run("document.title") != "caught", name
        assert XSS not in str(browser.run("document.documentElement.outerHTML")), name
        if PICTURES:
            browser.picture(Path(PICTURES) / f"{name}-{wide}-{language}.png")
    browser.be_wide(1280)


def test_an_operator_finds_out_and_silences_and_sends_a_test(
    live_server: LiveServer, browser: Browser, language: str, settings: Settings
) -> None:
    now = datetime.now(UTC)
    settings.ALERT_RULES = tuple(
        BY_CODE[code.value] for code in (RuleCode.INVARIANT_BROKEN, RuleCode.SIDES_DISAGREE)
    )
    for code in (RuleCode.INVARIANT_BROKEN, RuleCode.SIDES_DISAGREE):
        services.inspected(code, lines=[XSS, "I1 wa_1: it is negative"], now=now)
    services.evaluate(now=now)

    browser.go(f"{live_server.url}/admin/billing/alert/")
    look(browser, "alerts", language)
    rows = "Array.from(document.querySelectorAll('#result_list a[href*=\"/alert/\"]'))"
    assert browser.run(f"{rows}.filter(one => one.href.includes('change')).length") == 2
    browser.go(str(browser.run(f"{rows}.find(one => one.href.includes('change')).href")))
    assert "docs/operations." in browser.text
    look(browser, "alert", language)

    browser.go(browser.url.replace("/change/", "/silence/"))
    browser.type("id_reason", "moving")
    look(browser, "silence", language)
    browser.run("document.querySelector('form[novalidate]').id = 'act'")
    browser.submit("act")
    assert Silence.objects.get().until - Silence.objects.get().since == timedelta(hours=4)

    browser.go(f"{live_server.url}/admin/billing/alert/send-test/")
    browser.type("id_reason", "to see")
    browser.run("document.querySelector('form[novalidate]').id = 'act'")
    browser.submit("act")
    assert Telling.objects.filter(event="test").count() == 1
    browser.go(f"{live_server.url}/admin/billing/telling/")
    look(browser, "tellings", language)
