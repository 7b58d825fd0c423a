"""Three stories of new operators, by clicks alone, in real browsers.

One finds why a balance is 37; two give back the credits of yesterday's failed jobs; two raise a
price next Monday, after they have seen the effect. The handbook, docs/operations/console.md, tells
them with the pictures that are made here.
"""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from pytest_django import Settings

from billing import ids
from billing.accounts.models import Account
from billing.corrections import services as corrections
from billing.corrections.models import Compensation
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.lab import services as lab
from billing.operators.roles import Role
from plans import selectors as plans
from plans.credits import MICROS
from plans.models import CatalogVersion, PublicationRequest, Simulation
from tests import factories
from tests.console.desk import Album, Desk, Sit
from tests.insights.conftest import shop as worth
from tests.insights.selling import sell
from tests.jobs import shop
from tests.pages import scene
from tests.payments.peer.browser import CHROMIUM

__all__ = ["worth"]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
DAY = timedelta(days=1)
PROMPTS = ("A paper boat drifts down a rain-washed street", "Terraced rice fields at sunrise")


def test_a_new_operator_finds_why_a_balance_is_37(kling: CatalogVersion, sit: Sit) -> None:
    mei = factories.new_account("mei")
    factories.give(mei, 57, source="promotion", expires_in=30 * DAY)
    factories.claim(mei)
    shop.finish(scene.ordered(mei, PROMPTS[0]))
    failed = shop.fail(scene.ordered(mei, PROMPTS[1]))
    factories.later(mei, DAY)
    for prompt in PROMPTS:
        shop.finish(scene.ordered(mei, prompt))

    sue = sit(Album("why-37"), "sue", Role.SUPPORT)
    sue.look("the-first-page")
    sue.search("mei")
    assert sue.reads("free") == "37"
    sue.look("her-balance")
    sue.press("Why it is so", stays=True)
    said = sue.reads("sum")
    assert [term for term in ("+57", "+66", "-30", "-56") if term not in said] == []
    sue.look("why-it-is-so", at="[aria-labelledby=why]")
    sue.look("what-came-and-went", at="[aria-labelledby=course]", high=1100)
    sue.look("her-jobs", at="[aria-labelledby=jobs]")
    sue.press(failed.pk, within="[aria-labelledby=jobs]")
    assert failed.pk in sue.browser.text
    sue.look("the-job-that-failed")


@pytest.fixture
def makers(settings: Settings) -> None:
    """A backend takes orders of two models, and nobody calls it."""
    away = {"kind": "cog", "url": "http://127.0.0.1:9", "secret": "a-secret-that-guards-nothing"}
    models = ["kling-v1-6", "kling-v2-6"]
    settings.BACKENDS = {"away": {**away, "models": models, "concurrency": 50}}


def failing(account: Account, model: str = "kling-v1-6") -> Job:
    """Return a job of the account's that has failed."""
    spec = {"model": model, "mode": "std", "seconds": 5}
    return shop.fail(shop.submit(account, JobOrder(spec=spec, inputs={"prompt": PROMPTS[0]})))


def approved_by(fay: Desk) -> None:
    """Let her find the request, read it, and approve it."""
    fay.press("Credits", within="#nav-sidebar", stays=True)
    fay.press("Compensations", within="#nav-sidebar")
    fay.look("what-waits-for-another")
    fay.press("outage-2026-11-26")
    fay.press("Look at it and decide")
    fay.fill(reason="As sam says: I have seen the alert.")
    fay.look("what-is-decided-on", high=1000)
    fay.browser.click("do-approve")


def test_the_credits_of_yesterdays_failed_jobs_are_given_back_by_two(
    kling: CatalogVersion, makers: None, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    mei, bo, cy = (factories.new_account(name, is_sandbox=False) for name in ("mei", "bo", "cy"))
    for account in (mei, bo, cy):
        factories.give(account, 100, source="pack")
    with monkeypatch.context() as clock:
        yesterday = time.time_ns() - DAY // timedelta(microseconds=1) * 1000
        clock.setattr(ids, "time", SimpleNamespace(time_ns=lambda: yesterday))
        concerned = [failing(mei), failing(mei), failing(bo)]
        other = failing(cy, "kling-v2-6")
    shop.backdate([*concerned, other], by=DAY)
    failing(cy)

    album = Album("give-back")
    sam = sit(album, "sam", Role.SUPPORT)
    sam.press("Videos", within="#nav-sidebar", stays=True)
    sam.press("Jobs", within="#nav-sidebar")
    sam.look("all-jobs")
    for choice in ("failed", "yesterday, in UTC", "kling-v1-6"):
        sam.press("Filters", stays=True)
        if choice == "kling-v1-6":
            sam.look("one-filter-after-another")
        sam.press(choice, within="#changelist-filter")
    rows = "document.querySelectorAll('#result_list tbody tr').length"
    assert sam.browser.run(rows) == len(concerned)
    sam.look("yesterdays-failed-jobs")
    sam.press("Compensate the jobs of this filter")
    sam.fill(key="outage-2026-11-26")
    sam.fill(text_en="Your films of yesterday failed. Their price is yours again.")
    sam.fill(text_zh="您昨天的视频生成失败。费用已退还。")
    sam.fill(reason="incident", text="The GPUs of kling-v1-6 were down all day.")
    sam.look("which-jobs", high=1300)
    sam.look("how-much-and-what-is-said", at="[name=error_classes]", high=1100)
    sam.browser.click("do-look")
    assert "30" in sam.reads("preview")
    sam.look("what-would-move", at="#preview")
    sam.browser.click("do-ask")
    assert [factories.free_micros(who) for who in (mei, bo, cy)] == [100 * MICROS] * 3
    sam.look("it-is-requested")

    fay = sit(album, "fay", Role.FINANCE)
    approved_by(fay)
    corrections.carry_out(compensation_id=Compensation.objects.get().pk, now=datetime.now(UTC))
    fay.browser.go(fay.browser.url)
    fay.look("it-is-given")
    fay.search("mei")
    assert fay.reads("free") == "120"
    fay.look("mei-has-it")
    assert [factories.free_micros(who) for who in (bo, cy)] == [110 * MICROS, 100 * MICROS]


def test_a_price_is_raised_next_monday_after_its_effect_is_seen(worth: None, sit: Sit) -> None:
    mei, bo = (factories.new_account(name, is_sandbox=False) for name in ("mei", "bo"))
    for account in (mei, bo):
        factories.give(account, 100, source="pack")
    for _film in range(3):
        sell(mei)
    sell(bo)
    sell(bo, seconds=10)

    album = Album("raise-a-price")
    carla = sit(album, "carla", Role.CATALOG_MANAGER)
    carla.press("Catalog", within="#nav-sidebar", stays=True)
    carla.press("Pricing lab", within="#nav-sidebar")
    carla.look("the-pricing-lab", high=600)
    carla.press("New draft")
    carla.fill(name="Five seconds for 12")
    carla.look("a-new-draft", high=600)
    carla.browser.click("begin-it")
    carla.browser.type("v1-6-std|rate|0|table|5", "12")
    carla.look("the-new-price")
    carla.browser.click("save")
    assert "table.5: 10 → 12" in carla.browser.text
    carla.look("what-changes", high=600)
    carla.press("Effect")
    carla.look("ask-for-the-effect", high=600)
    carla.browser.click("start-run")
    lab.simulate(Simulation.objects.get().pk, clock=lambda: datetime.now(UTC))
    carla.browser.go(carla.browser.url)
    assert "+8 (" in carla.browser.text
    carla.look("the-effect", high=1200)
    carla.press("Publish")
    carla.fill(reason="The GPUs cost more.", text_en="Five seconds will cost 12 credits.")
    carla.fill(text_zh="5 秒视频将为 12 灵感值。")
    carla.browser.click("look")
    carla.look("next-monday", high=1300)
    carla.browser.click("ask")
    assert not carla.browser.run("!!document.getElementById('approve')")
    carla.look("it-is-requested")

    fiona = sit(album, "fiona", Role.FINANCE)
    fiona.press("Catalog", within="#nav-sidebar", stays=True)
    fiona.press("Pricing lab", within="#nav-sidebar")
    fiona.look("what-waits-for-another", high=600)
    fiona.press("Five seconds for 12")
    fiona.look("what-is-decided-on", high=1000)
    fiona.fill(reason="As agreed.")
    fiona.browser.click("approve")
    asked = PublicationRequest.objects.get()
    lab.announce(request_id=asked.pk, now=datetime.now(UTC))
    fiona.browser.go(fiona.browser.url)
    fiona.look("it-is-announced", high=600)
    there = asked.effective_at.astimezone(ZoneInfo(plans.current().catalog.zone))
    assert (there.weekday(), there.hour, asked.effective_at > datetime.now(UTC)) == (0, 0, True)
