"""Two operators in two real browsers do the acts by clicking: one asks, another decides."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from billing.accounts.freezes import Freeze
from billing.accounts.models import Account
from billing.corrections import services
from billing.corrections.models import Adjustment, CampaignRun, Compensation
from billing.fleet.models import BackendState
from billing.jobs.models import Job
from billing.operators.models import ActRecord
from billing.outbox.models import Message
from plans.credits import MICROS
from tests import factories
from tests.jobs import shop as shopping
from tests.operators import signed_in
from tests.payments.peer.browser import CHROMIUM, Browser, browsing

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
DESK: Final = 1280
PHONE: Final = 390
PICTURES: Final = os.environ.get("PICTURES", "")
XSS: Final = '"><img src=x onerror="document.title=1">'


class Desk:
    """An operator who sits in front of a browser of his own."""

    def __init__(self, browser: Browser, site: str, person: User, language: str) -> None:
        self.browser, self.site, self.language = browser, site, language
        session = signed_in(Client(), person).session
        browser.bring(configured.SESSION_COOKIE_NAME, str(session.session_key), site)
        browser.be_wide(DESK)

    def go(self, path: str) -> None:
        """Open a page of the administration."""
        self.browser.go(f"{self.site}/admin/billing/{path}")

    def fill(self, **said: str) -> None:
        """Type into the fields of these names; a choice is chosen."""
        for name, text in said.items():
            kind = self.browser.run(f"document.getElementById('id_{name}').tagName")
            if kind == "SELECT":
                self.browser.run(f"document.getElementById('id_{name}').value = '{text}'")
            else:
                self.browser.type(f"id_{name}", text)

    def press(self, button: str) -> None:
        """Press a button of the page."""
        self.browser.click(f"do-{button}")

    def act(self, name: str, key: str) -> None:
        """Mark the row of this key, choose the act, and run it."""
        found = f"document.querySelector('input[name=_selected_action][value=\"{key}\"]')"
        self.browser.run(f"{found}.click()")
        chosen = "document.querySelector('select[name=action]')"
        self.browser.run(f"{chosen}.value = '{name}'")
        self.browser.run(f"{chosen}.dispatchEvent(new Event('change'))")
        self.browser.submit("changelist-form")

    def look(self, name: str) -> str:
        """See that nothing of the page fails or runs what somebody wrote; return what is read."""
        assert self.browser.run("document.title") != "1", name
        for wide in (PHONE, DESK):
            self.browser.be_wide(wide)
            if PICTURES:
                place = Path(PICTURES) / f"act-{name}-{self.language}-{wide}.png"
                self.browser.picture(place, whole=True)
        return self.browser.text


@pytest.fixture(params=["en-US", "zh-CN"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def asks(tmp_path: Path, live_server: LiveServer, sam: User, language: str) -> Iterator[Desk]:
    """Sam of support, at his desk."""
    with browsing(tmp_path / "one", language) as browser:
        yield Desk(browser, live_server.url, sam, language)


@pytest.fixture
def decides(tmp_path: Path, live_server: LiveServer, fay: User, language: str) -> Iterator[Desk]:
    """Fay of finance, at hers."""
    with browsing(tmp_path / "two", language) as browser:
        yield Desk(browser, live_server.url, fay, language)


def failed_yesterday(*accounts: Account) -> None:
    """Let each have ordered a film yesterday that failed."""
    for account in accounts:
        factories.give(account, 20)
        shopping.fail(shopping.submit(account, seconds=5))
    shopping.backdate(Job.objects.all(), by=timedelta(days=1))


def test_the_credits_of_yesterdays_failed_jobs_go_back_to_all_concerned(
    ada: Account, bob: Account, cyd: Account, backend: None, asks: Desk, decides: Desk
) -> None:
    failed_yesterday(ada, bob)
    factories.give(cyd, 20)
    shopping.fail(shopping.submit(cyd, seconds=5))  # today's: no concern of it
    before = [factories.free_micros(one) for one in (ada, bob, cyd)]
    day = datetime.now(UTC) - timedelta(days=1)
    chosen = f"created_at__year={day.year}&created_at__month={day.month}&created_at__day={day.day}"
    asks.go(f"job/?status__exact=failed&model=m&{chosen}")
    asks.look("1-jobs")
    asks.browser.click("compensate-these")
    asks.fill(key="outage-7", basis="charged", share_micros="0", quoted_share_micros="1")
    asks.fill(text_en="We are sorry.", text_zh="抱歉。", reason="incident", text=XSS)
    asks.press("look")
    assert "20" in asks.look("2-what-would-move")
    assert not Compensation.objects.exists()
    asks.press("ask")
    asks.look("3-requested")

    asked = Compensation.objects.get()
    assert (asked.jobs_count, asked.accounts_count, asked.amount_micros) == (2, 2, 20 * MICROS)
    decides.go(f"compensation/{asked.pk}/decide/")
    assert XSS in decides.look("4-decide")
    decides.fill(reason=XSS)
    decides.press("approve")
    decides.look("5-approved")
    services.carry_out(compensation_id=asked.pk, now=timezone.now())

    after = [factories.free_micros(one) for one in (ada, bob, cyd)]
    assert [last - first for first, last in zip(before, after, strict=True)] == [
        *(10 * MICROS, 10 * MICROS, 0)
    ]
    decides.go("actrecord/")
    assert XSS in decides.look("6-lines")
    assert ActRecord.objects.filter(outcome="done").count() == 2


def test_a_campaign_is_granted_by_two(
    ada: Account, bob: Account, asks: Desk, decides: Desk
) -> None:
    asks.go("campaignrun/ask/")
    asks.fill(campaign="spring", name="sorry", external_ids="ada bob nobody")
    asks.fill(reason="incident", text="Ticket 9")
    asks.press("look")
    assert "nobody" in asks.look("campaign-1-what-would-move")
    asks.press("ask")
    run = CampaignRun.objects.get()
    decides.go(f"campaignrun/{run.pk}/decide/")
    decides.fill(reason="As agreed.")
    decides.look("campaign-2-decide")
    decides.press("approve")
    services.carry_out_run(run_id=run.pk, now=timezone.now())

    assert [factories.free_micros(one) for one in (ada, bob)] == [5 * MICROS, 5 * MICROS]
    decides.go("campaignrunshare/")
    decides.look("campaign-3-shares")


def test_an_adjustment_is_made_by_two(ada: Account, asks: Desk, decides: Desk) -> None:
    asks.go("adjustment/ask/")
    asks.fill(account="ada", amount_micros="2.5", reason="mistake", text="Ticket 7")
    asks.press("look")
    assert "2.5" in asks.look("adjustment-1-what-would-move")
    asks.press("ask")
    asked = Adjustment.objects.get()
    decides.go("adjustment/")
    decides.act("approve", asked.pk)
    assert "Ticket 7" in decides.look("adjustment-2-approve")
    decides.fill(reason="Seen.")
    decides.press("approve")

    assert factories.free_micros(ada) == 2_500_000


def test_support_fails_settles_anew_freezes_and_drains(
    ada: Account, backend: None, asks: Desk
) -> None:
    factories.give(ada, 40)
    first, second = (shopping.submit(ada, seconds=5) for _order in range(2))
    Message.objects.update(ring_at=None, dead_at=timezone.now(), error="no disk", runs=8)

    asks.go("job/")
    asks.act("retry_settlements", first.pk)
    assert "no disk" in asks.look("settle-anew")
    asks.fill(reason="There is a disk.")
    asks.press("retry_settlements")
    asks.go("job/")
    asks.act("fail_jobs", second.pk)
    assert "ada" in asks.look("fail")
    asks.fill(reason="She waits too long.")
    asks.press("fail_jobs")
    asks.go(f"account/{ada.pk}/freeze/")
    asks.fill(reason="Another's card.")
    asks.press("look")
    assert "account_frozen" in asks.look("freeze")
    asks.press("freeze")
    asks.look("frozen")
    asks.go("backendstate/survey/")
    asks.fill(backend="away", mode="draining", reason="New disks.")
    asks.look("drain")
    asks.press("set")
    asks.look("drained")

    assert not Message.objects.filter(arguments={"job_id": first.pk}, dead_at__isnull=False)
    assert Job.objects.get(pk=second.pk).status == "failed"
    assert Freeze.objects.get().account == ada
    assert BackendState.objects.get().mode == "draining"
    acts = ActRecord.objects.filter(outcome="done").order_by("at").values_list("act", flat=True)
    assert list(acts) == [
        *("job.retry_settlements", "job.fail_jobs", "freeze.freeze", "backendstate.survey")
    ]
