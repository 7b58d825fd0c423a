"""The pages that operators have open all day, in both languages and both looks: all is readable.

The pictures are kept in `var/console/looks`, to be looked at by people.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.accounts.models import Account
from billing.alerts import services as alerts
from billing.alerts.models import Alert
from billing.alerts.rules import BY_CODE, RuleCode
from billing.lab import services as lab
from billing.payments.models import Purchase
from plans import drafting
from plans import selectors as plans
from plans.models import CatalogVersion, Draft
from tests import factories
from tests.console import affairs
from tests.console.desk import SHELF
from tests.operators import signed_in
from tests.payments import back
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
WIDTH: Final = 1280
CONTRAST_MIN: Final = 3  # as WCAG 2 asks of large texts and of all that is not text
# The texts that one sees and can hardly read: each with its contrast to what lies below it.
_FAINT: Final = """(() => {
    const pen = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
    const over = (paint, below) => { pen.fillStyle = `rgb(${below.join()})`;
        pen.fillRect(0, 0, 1, 1); pen.fillStyle = paint; pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3) };
    const lies = one => one ? over(getComputedStyle(one).backgroundColor,
        lies(one.parentElement)) : [255, 255, 255];
    const light = rgb => rgb.map(c => c / 255).map(
        c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, place) => sum + c * [.2126, .7152, .0722][place], 0);
    const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const text = walk.currentNode.data.trim(), one = walk.currentNode.parentElement;
        const unread = 'script, style, option, .material-symbols-outlined';
        if (!text || one.closest(unread) || !one.checkVisibility()) continue;
        const ground = lies(one), ink = over(getComputedStyle(one).color, ground);
        const [low, high] = [light(ground), light(ink)].sort((a, b) => a - b);
        const contrast = (high + .05) / (low + .05);
        if (contrast < FLOOR) found.push(`${contrast.toFixed(1)}: ${text.slice(0, 40)}`);
    }
    return found.join('; ') })()""".replace("FLOOR", str(CONTRAST_MIN))


@pytest.fixture(params=["en-US", "zh-CN"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def browser(tmp_path: Path, language: str, live_server: LiveServer) -> Iterator[Browser]:
    """The browser of one who may do everything."""
    client = signed_in(Client(), User.objects.create_superuser("grace"))
    with browsing(tmp_path / "chromium", language) as browser:
        name = configured.SESSION_COOKIE_NAME
        browser.bring(name, client.cookies[name].value, live_server.url)
        yield browser


@pytest.fixture
def pages(ada: Account, settings: Settings) -> dict[str, str]:
    """Return the pages by name, with something to be seen on each."""
    now = datetime.now(UTC)
    lived = affairs.lived_through(ada)
    settings.ALERT_RULES = tuple(BY_CODE[one.value] for one in (RuleCode.INVARIANT_BROKEN,))
    alerts.inspected(RuleCode.INVARIANT_BROKEN, lines=["I1 wa_1: it is negative"], now=now)
    alerts.evaluate(now=now)
    eve = factories.new_account("eve", is_sandbox=False)
    back.look(back.payment(eve, "credits-3300"))
    asked = back.ask(Purchase.objects.get(account=eve), by="hedy-of-support")
    draft = _drafted(now)
    billing = "/admin/billing"
    return {
        "dashboard": "/admin/",
        "account": f"/admin/console/accounts/{ada.pk}/",
        "jobs": f"{billing}/job/",
        "job": f"{billing}/job/{lived.job.pk}/change/",
        "alerts": f"{billing}/alert/",
        "alert": f"{billing}/alert/{Alert.objects.get().pk}/change/",
        "lab": "/admin/console/lab/",
        "draft": f"/admin/console/lab/{draft.pk}/",
        "text": f"/admin/console/lab/{draft.pk}/text/",
        "effect": f"/admin/console/lab/{draft.pk}/effect/",
        "refund": f"{billing}/refund/ask/",
        "refund-decide": f"{billing}/refund/{asked}/decide/",
        "adjustment": f"{billing}/adjustment/ask/?account=ada&is_sandbox=on",
        "compensation": f"{billing}/compensation/ask/?account=ada&is_sandbox=on",
        "freeze": f"{billing}/freeze/freeze/?account=ada&is_sandbox=on",
        "backends": f"{billing}/backendstate/survey/",
        "acts": f"{billing}/actrecord/",
    }


def _drafted(now: datetime) -> Draft:
    """Return a draft of the catalog in force that was held against the jobs of a day."""
    carla, version = User.objects.create_superuser("carla"), plans.current().version_id
    draft = drafting.begin(
        name=affairs.HOSTILE,
        source=CatalogVersion.objects.get(pk=version).source,
        base_version_id=version,
        author=carla,
        now=now,
    )
    day = timedelta(days=1)
    asked = lab.request_simulation(
        draft=draft, since=now - day, until=now + day, requester=carla, now=now
    )
    lab.simulate(asked.pk, clock=lambda: datetime.now(UTC))
    return draft


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_that_is_written_can_be_read(
    pages: dict[str, str], live_server: LiveServer, browser: Browser, language: str, theme: str
) -> None:
    shelf = SHELF / "looks"
    shelf.mkdir(parents=True, exist_ok=True)
    browser.resize(WIDTH, 900)
    browser.go(live_server.url + pages["dashboard"])
    browser.run(f"localStorage.setItem('adminTheme', '\"{theme}\"')")
    wrong = []
    for name, path in pages.items():
        browser.go(live_server.url + path)
        browser.picture(shelf / f"{name}-{language}-{theme}.png", whole=True)
        assert browser.url == live_server.url + path, name
        assert browser.run("document.title") != "stolen", name
        if faint := browser.run(_FAINT):
            wrong.append(f"{name}: {faint}")
        scheme = browser.run("getComputedStyle(document.documentElement).colorScheme")
        if (scheme == "dark") != (theme == "dark"):  # what the browser draws, as a calendar's mark
            wrong.append(f"{name}: its own controls are {scheme}")
        if browser.run("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{name}: it is wider than its window")

    assert "\n".join(wrong) == ""
    complaints = [said for said in browser.complaints() if said.startswith("error")]
    assert complaints == []
