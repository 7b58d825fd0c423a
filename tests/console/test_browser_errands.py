"""What support mends in real browsers: jobs, webhooks, letters, keys, codes and backends."""

import urllib.parse
from datetime import UTC, datetime
from typing import Final

import pytest
from django.db import transaction
from pytest_django import Settings

from billing.accounts import services as accounts
from billing.accounts.models import Account, ApiKey
from billing.fleet import services as fleet
from billing.fleet.breaking import OPENS_AFTER, Sign
from billing.fleet.models import BackendState, Breaker
from billing.gpu.protocol import Caps
from billing.jobs.models import Job
from billing.jobs.orders import JobOrder
from billing.notices.models import Notice
from billing.operators.models import ActRecord
from billing.operators.roles import Role
from billing.outbox.models import Message
from billing.promotions import services as promotions
from billing.promotions.models import RedemptionCode
from billing.promotions.services import Gift
from billing.webhooks import services as webhooks
from billing.webhooks.models import Delivery
from plans.credits import MICROS
from tests import factories
from tests.console import affairs
from tests.console.desk import Album, Sit, done
from tests.gpu.polled import Vendor
from tests.jobs import fleet_story, shop
from tests.jobs.fleet_story import vendor
from tests.notices.conftest import Post, post
from tests.pages import scene
from tests.payments.peer.browser import CHROMIUM

__all__ = ["post", "vendor"]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here."),
    pytest.mark.django_db(transaction=True),
]
EVER: Final = {"since": "2020-01-01 00:00", "until": "2100-01-01 00:00"}


@pytest.fixture
def stuck(ada: Account, vendor: Vendor, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job of Ada's holds 10 of her 20 credits: nobody knows what became of it, and it is late."""
    shop.open_shop()
    factories.give(ada, 20)
    fleet_story.know(monkeypatch, Caps(poll=True))
    settings.BACKENDS = {"away": fleet_story.entry(vendor.base_url, kind="polled", sandbox=True)}
    vendor.hangs_up = True
    inputs, note = {"prompt": affairs.HOSTILE}, {"note": affairs.HOSTILE}
    order = JobOrder(spec={"model": "m"}, inputs=inputs, metadata=note)
    job = fleet_story.dispatch(fleet_story.order(ada, order))
    assert job.status == "unknown"
    Job.objects.filter(pk=job.pk).update(deadline_at=datetime.now(UTC))
    return job


def test_a_job_of_which_nobody_knows_is_decided_on(stuck: Job, ada: Account, sit: Sit) -> None:
    sam = sit(Album("unknown-job", in_handbook=False), "sam", Role.SUPPORT)
    sam.open("Videos", "Jobs")
    sam.press("Filters", stays=True)
    sam.press("Yes", within="#changelist-filter")
    sam.press(stuck.pk)
    assert "stolen" in sam.browser.text
    sam.look("the-job")
    sam.press("Decide what became of it")
    assert "10 credits" in sam.reads("preview")
    sam.fill(provider_id="task-1")
    sam.browser.click("do-look")
    assert "queued" in sam.reads("preview")
    sam.look("what-the-backend-says", at="#preview")
    sam.fill(verdict="lost", provider_id="", reason=affairs.HOSTILE)
    assert factories.free_micros(ada) == 10 * MICROS
    sam.browser.click("do-resolve")
    sam.look("decided")

    assert f"{stuck.pk}: failed" in sam.browser.text
    stuck.refresh_from_db()
    assert (stuck.status, factories.free_micros(ada)) == ("failed", 20 * MICROS)
    assert done() == [("sam", "job.decide", stuck.pk)]
    assert ActRecord.objects.get().account_id == ada.pk


def test_jobs_are_failed_and_settled_anew(ada: Account, sit: Sit) -> None:
    factories.give(ada, 20)
    kept, failed = (scene.ordered(ada, affairs.HOSTILE) for _order in range(2))
    Message.objects.update(
        ring_at=None, dead_at=datetime.now(UTC), error=affairs.HOSTILE[:200], runs=8
    )
    assert factories.free_micros(ada) == 0
    sam = sit(Album("jobs", in_handbook=False), "sam", Role.SUPPORT)
    sam.open("Videos", "Jobs")
    sam.act("Settle the selected jobs anew: what was given up is tried again", kept.pk)
    assert "10 credits of ada are held" in sam.reads("preview")
    sam.fill(reason=affairs.HOSTILE)
    sam.look("what-is-tried-again")
    sam.browser.click("do-retry_settlements")
    assert "Errands that are tried again: 1." in sam.browser.text
    assert Message.objects.get(arguments={"job_id": kept.pk}).dead_at is None
    sam.look("tried-again")
    sam.act("Fail the selected jobs and give the credits back", failed.pk)
    assert "10 credits go back to ada" in sam.reads("preview")
    sam.fill(reason=affairs.HOSTILE)
    sam.look("what-goes-back")
    sam.browser.click("do-fail_jobs")
    assert "It has failed; its credits are back." in sam.browser.text
    sam.look("gone-back")

    assert Job.objects.get(pk=failed.pk).status == "failed"
    assert Job.objects.get(pk=kept.pk).status == "queued"
    assert factories.free_micros(ada) == 10 * MICROS
    assert done() == [
        ("sam", "job.retry_settlements", kept.pk),
        ("sam", "job.fail_jobs", failed.pk),
    ]


@pytest.fixture
def dead(ada: Account) -> Delivery:
    """A delivery to an endpoint of Ada's was given up."""
    now = datetime.now(UTC)
    url = "https://hooks.example.com/x?" + urllib.parse.quote(affairs.HOSTILE)
    with transaction.atomic():
        webhooks.create_endpoint(account=ada, url=url, now=now)
        note = {"note": affairs.HOSTILE}
        webhooks.publish(account=ada, type="job.failed", data=note, now=now)
    Delivery.objects.update(next_at=None, dead_at=now, last_trouble="status", attempts=10)
    return Delivery.objects.get()


def test_what_a_receiver_did_not_take_is_sent_once_more(dead: Delivery, sit: Sit) -> None:
    sam = sit(Album("webhooks", in_handbook=False), "sam", Role.SUPPORT)
    sam.open("Messages", "Webhook deliveries")
    sam.look("given-up")
    sam.press(dead.pk)
    assert "stolen" in sam.browser.text
    sam.look("what-was-sent")
    sam.press("Send it anew")
    assert "job.failed" in sam.reads("preview")
    sam.fill(reason=affairs.HOSTILE)
    sam.look("what-would-be-sent")
    sam.browser.click("do-send_anew")
    dead.refresh_from_db()
    assert (dead.status, dead.tries) == ("pending", 0)

    now = datetime.now(UTC)
    Delivery.objects.update(next_at=None, dead_at=now, last_trouble="status", attempts=10)
    sam.open("Messages", "Webhook endpoints")
    sam.press(dead.endpoint_id)
    sam.press("Send its events once more")
    sam.fill(**EVER, reason=affairs.HOSTILE)
    sam.browser.click("do-look")
    assert "events that would be sent\t1" in sam.reads("preview")
    assert Delivery.objects.get().status == "dead"
    sam.look("what-a-replay-sends", at="#preview")
    sam.browser.click("do-replay")
    assert "Events that are on their way once more: 1." in sam.browser.text
    assert Delivery.objects.get().status == "pending"
    sam.look("on-their-way")
    assert done() == [
        ("sam", "delivery.send_anew", dead.pk),
        ("sam", "endpoint.replay", dead.endpoint_id),
    ]


def test_a_letter_that_failed_is_sent_again(post: Post, sit: Sit) -> None:
    letter = post(email="ada+<img/src=x/onerror=document.title='stolen'>@example.com")
    Notice.objects.update(state="failed", trouble="refused", next_at=None, attempts=5)
    sam = sit(Album("letters", in_handbook=False), "sam", Role.SUPPORT)
    sam.open("Messages", "Notices")
    sam.act("Send the selected letters again that failed", letter.pk)
    assert letter.email in sam.reads("preview")
    sam.fill(reason=affairs.HOSTILE)
    sam.look("which-letter")
    assert Notice.objects.get().state == "failed"
    sam.browser.click("do-send_again")
    assert "It is sent again." in sam.browser.text
    sam.look("on-its-way")

    assert Notice.objects.get().state == "waiting"
    assert done() == [("sam", "notice.send_again", letter.pk)]


def test_a_key_and_a_code_open_nothing_any_more(ada: Account, sit: Sit) -> None:
    now = datetime.now(UTC)
    key, secret = accounts.create_api_key(affairs.HOSTILE[:60], ["jobs:read"], now=now)
    [typed] = promotions.create_codes(
        Gift("pack", "credits-3300"), count=1, is_sandbox=True, batch="<script>", now=now
    )
    code = RedemptionCode.objects.get()
    sam = sit(Album("keys-and-codes", in_handbook=False), "sam", Role.SUPPORT)
    sam.open("Accounts", "Service keys")
    sam.act("Revoke the selected keys; they open nothing any more", key.pk)
    assert "jobs:read" in sam.reads("preview")
    sam.fill(reason=affairs.HOSTILE)
    sam.look("which-key")
    assert ApiKey.objects.get().revoked_at is None
    sam.browser.click("do-revoke_keys")
    assert "The key opens nothing any more." in sam.browser.text
    sam.open("Credits", "Redemption codes")
    sam.act("Revoke the selected codes; what they gave stays", code.pk)
    assert "used 0 of 1 times" in sam.reads("preview")
    sam.fill(reason=affairs.HOSTILE)
    sam.look("which-code")
    sam.browser.click("do-revoke_codes")
    assert "The code gives nothing any more." in sam.browser.text
    sam.look("revoked")

    assert (secret in sam.browser.text, typed in sam.browser.text) == (False, False)
    assert ApiKey.objects.get().revoked_at is not None
    code.refresh_from_db()
    assert code.revoked_at is not None
    assert done() == [
        ("sam", "apikey.revoke_keys", key.pk),
        ("sam", "redemptioncode.revoke_codes", code.pk),
    ]


def test_a_backend_is_drained_opened_and_its_breaker_closed(ada: Account, sit: Sit) -> None:
    with transaction.atomic():
        for number in range(OPENS_AFTER):
            fleet.note(
                "away",
                model="m",
                attempt_id=f"at_{number}",
                sign=Sign.UNHEARD,
                reason=affairs.HOSTILE,
                now=datetime.now(UTC),
            )
    breaker = Breaker.objects.get()
    assert breaker.state == "open"
    sam = sit(Album("backends", in_handbook=False), "sam", Role.SUPPORT)
    sam.open("Videos", "Breakers")
    sam.look("open-breaker")
    sam.act("Close the selected breakers", str(breaker.pk))
    assert "orders of m go to away again at once" in sam.reads("preview")
    sam.fill(reason=affairs.HOSTILE)
    sam.look("which-orders")
    sam.browser.click("do-reset")
    assert "away/m is closed." in sam.browser.text
    assert Breaker.objects.get().state == "closed"
    for mode, shown in (("draining", "draining"), ("open", "open to work")):
        sam.open("Videos", "Backends")
        sam.press("Ask all backends; drain, maintain or open one")
        assert ("2 of 2 slots" in sam.reads("preview")) == (mode == "draining")
        sam.fill(backend="away", mode=mode, reason=affairs.HOSTILE)
        sam.browser.click("do-set")
        assert shown in sam.reads("preview")
        sam.look(f"away-is-{mode}", high=1000)
        assert BackendState.objects.get().mode == mode

    assert done() == [
        ("sam", "breaker.reset", str(breaker.pk)),
        ("sam", "backendstate.survey", "away"),
        ("sam", "backendstate.survey", "away"),
    ]
