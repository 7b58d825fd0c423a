"""In a real Chromium: one price is raised next Monday, its effect seen first, by two people."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.accounts.models import Account
from billing.lab import services
from plans import selectors as plans
from plans.models import Draft, PublicationRequest, Simulation
from tests import factories
from tests.insights.selling import sell
from tests.lab.conftest import browser_of
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
XSS: Final = "<script>window.ran = 1</script><img src=x onerror=window.ran=1>"
PICTURES: Final = Path(django_settings.BASE_DIR) / "var" / "lab"


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Files are served as they lie."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture(params=["en-US", "zh-CN"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    with browsing(tmp_path, language=request.param) as browser:
        browser.language = request.param  # type: ignore[attr-defined]  # for the pictures' names
        yield browser


def come_in(browser: Browser, user: User, live_server: LiveServer) -> None:
    """Sit down as this operator."""
    client: Client = browser_of(user)
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    browser.bring(django_settings.SESSION_COOKIE_NAME, cookie, live_server.url)


def see(browser: Browser, name: str) -> None:
    """Keep a picture of the page, at a desk and on a phone."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for pixels in (1280, 390):
        browser.be_wide(pixels)
        language = browser.language  # type: ignore[attr-defined]  # as above
        browser.picture(PICTURES / f"lab-{name}-{language}-{pixels}.png", whole=True)
    browser.be_wide(1280)


def test_one_price_is_raised_next_monday_and_its_effect_seen_first(
    shop: None, buyer: Account, carla: User, fiona: User, live_server: LiveServer, browser: Browser
) -> None:
    factories.give(buyer, 20)
    sell(buyer)
    sell(buyer)
    browser.be_wide(1280)
    come_in(browser, carla, live_server)
    browser.go(f"{live_server.url}/admin/console/lab/")
    see(browser, "1-list")

    browser.click("new")
    browser.type("id_name", f"dearer standard {XSS}")
    browser.click("begin-it")
    browser.type("v1-6-std|rate|0|table|5", "12")
    see(browser, "2-prices")
    browser.click("save")
    assert "table.5: 10 → 12" in browser.text
    see(browser, "3-changes")

    draft = Draft.objects.get()
    browser.go(f"{live_server.url}/admin/console/lab/{draft.pk}/effect/")
    browser.click("start-run")
    assert browser.run("!!document.getElementById('running')")
    services.simulate(Simulation.objects.get().pk, clock=lambda: datetime.now(UTC))
    browser.go(browser.url)
    assert "+4 (+20.0%)" in browser.text
    see(browser, "4-effect")
    browser.click("share")
    see(browser, "5-share")
    link = str(browser.run("document.getElementById('link-1').value"))

    browser.go(f"{live_server.url}/admin/console/lab/{draft.pk}/publish/")
    browser.type("id_reason", "the GPUs cost more")
    browser.type("id_text_en", "Five seconds will cost 12 credits.")
    browser.type("id_text_zh", "5 秒视频将为 12 灵感值。")
    browser.click("look")
    see(browser, "6-publish")
    browser.click("ask")
    assert not browser.run("!!document.getElementById('approve')")

    come_in(browser, fiona, live_server)
    asked = PublicationRequest.objects.get()
    browser.go(f"{live_server.url}/admin/console/lab/requests/{asked.pk}/")
    see(browser, "7-decide")
    browser.type("id_reason", "as agreed")
    browser.click("approve")
    see(browser, "8-decided")

    asked.refresh_from_db()
    there = asked.effective_at.astimezone(ZoneInfo(plans.current().catalog.zone))
    assert (there.weekday(), there.hour) == (0, 0)
    browser.go(link)
    assert "+4 (+20.0%)" in browser.text
    see(browser, "9-shared")
    assert browser.run("window.ran") is None
    assert [said for said in browser.complaints() if said.startswith("error")] == []


def test_mistakes_are_told_while_one_types(
    draft: Draft, carla: User, live_server: LiveServer, browser: Browser
) -> None:
    browser.be_wide(1280)
    come_in(browser, carla, live_server)
    browser.go(f"{live_server.url}/admin/console/lab/{draft.pk}/text/")

    browser.run(
        "(() => { const s = document.getElementById('source');"
        "s.value = s.value.replace('5 = \"10\"', '5 = 10');"
        "s.dispatchEvent(new Event('input')) })()"
    )
    for _look in range(600):
        if browser.run("!!document.querySelector('#findings .lab-problem')"):
            break
        time.sleep(0.1)

    assert "rate[1].table.5" in browser.text
    see(browser, "10-typing")
    lines = browser.run("document.getElementById('numbers').textContent.split('\\n').length")
    assert lines == browser.run("document.getElementById('source').value.split('\\n').length")
