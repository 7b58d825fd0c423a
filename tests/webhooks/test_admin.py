"""What operators see of webhooks and of the outbox, and the one button that they have."""

from datetime import datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.db.models import Model
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.webhooks import services, signing
from billing.webhooks.models import Delivery, DeliveryAttempt, Endpoint, Event
from tests.operators import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def grace(client: Client) -> Client:
    """Return the browser of an operator who may do everything."""
    signed_in(client, User.objects.create_superuser("grace"))
    return client


@pytest.fixture
def endpoint(account: Account, now: datetime) -> Endpoint:
    """Return an endpoint with an event on its way to it."""
    with transaction.atomic():
        made = services.create_endpoint(account=account, url="https://hooks.example.com/x", now=now)
        services.publish(account=account, type="job.failed", data={"note": "<script>"}, now=now)
    return made


def test_operators_see_each_row_and_no_secret(grace: Client, endpoint: Endpoint) -> None:
    sealed, secret = endpoint.secret_sealed, signing.unseal(endpoint.secret_sealed)

    for row in (endpoint, Event.objects.get(), Delivery.objects.get(), Message.objects.get()):
        list_path = f"/admin/billing/{row._meta.model_name}/"
        for path in (list_path, f"{list_path}{row.pk}/change/"):
            page = grace.get(path)
            assert page.status_code == 200, path
            shown = page.content.decode()
            assert row.pk in shown
            assert sealed not in shown
            assert secret not in shown
            assert '"<script>"' not in shown


def _page(grace: Client, row: Model, place: str, **said: str) -> str:
    path = f"/admin/billing/{row._meta.model_name}/{row.pk}/{place}/"
    answer = grace.post(path, said) if said else grace.get(path)
    return answer.content.decode() if answer.status_code == 200 else str(answer.status_code)


def test_an_operator_reads_what_was_sent_and_answered(
    grace: Client, endpoint: Endpoint, now: datetime
) -> None:
    delivery = Delivery.objects.get()
    DeliveryAttempt.objects.create(
        delivery=delivery, number=1, begun_at=now, took_ms=9, status=503, excerpt="<b>later</b>"
    )

    page = grace.get(f"/admin/billing/delivery/{delivery.pk}/change/").content.decode()

    assert "&lt;b&gt;later&lt;/b&gt;" in page
    assert "&quot;type&quot;:&quot;job.failed&quot;" in page


def test_a_dead_letter_is_sent_anew_for_a_reason(
    grace: Client, endpoint: Endpoint, now: datetime
) -> None:
    dead = Delivery.objects.get()
    Delivery.objects.update(next_at=None, dead_at=now, last_trouble="status", attempts=10)

    assert "<form" in _page(grace, dead, "send-anew")
    assert "<form" in _page(grace, dead, "send-anew", act="send", reason="")
    dead.refresh_from_db()
    assert dead.status == "dead"
    assert _page(grace, dead, "send-anew", act="send", reason="They have mended it.") == "302"

    dead.refresh_from_db()
    assert (dead.status, dead.tries) == ("pending", 0)
    assert LogEntry.objects.get().get_change_message() == "They have mended it."


def test_a_stretch_of_time_is_replayed_for_a_reason(
    grace: Client, endpoint: Endpoint, now: datetime
) -> None:
    Delivery.objects.update(next_at=None, dead_at=now, last_trouble="status")
    stretch = {"since": "2020-01-01 00:00:00", "until": "2100-01-01 00:00:00", "only_dead": "on"}

    said = {**stretch, "reason": "An outage of theirs."}
    assert "<form" in _page(grace, endpoint, "replay", **stretch, reason="", act="replay")
    looked = _page(grace, endpoint, "replay", **said, act="look")
    assert "events that would be sent" in looked
    assert endpoint.url in looked
    assert Delivery.objects.get().status == "dead"
    assert _page(grace, endpoint, "replay", **said, act="replay") == "302"

    assert Delivery.objects.get().status == "pending"
    assert LogEntry.objects.get().get_change_message() == "An outage of theirs."


def test_an_endpoint_is_switched_off_and_on_for_a_reason(grace: Client, endpoint: Endpoint) -> None:
    assert _page(grace, endpoint, "switch", act="off", reason="It floods a stranger.") == "302"
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == "paused"

    assert _page(grace, endpoint, "switch", act="on", reason="It was theirs.") == "302"
    endpoint.refresh_from_db()
    assert endpoint.disabled_at is None
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert said == ["It floods a stranger.", "It was theirs."]


def test_who_may_only_look_may_do_none_of_it(client: Client, endpoint: Endpoint) -> None:
    vera = User.objects.create_user("vera", is_staff=True)
    looks = Permission.objects.filter(codename__in=["view_endpoint", "view_delivery"])
    vera.user_permissions.set(looks)
    client.force_login(vera)
    delivery = Delivery.objects.get()

    for row, place in ((endpoint, "replay"), (endpoint, "switch"), (delivery, "send-anew")):
        assert _page(client, row, place, act="off", reason="Because.") in {"302", "403"}

    endpoint.refresh_from_db()
    assert endpoint.disabled_at is None
    assert not LogEntry.objects.exists()


def test_a_dead_message_is_tried_again_and_a_living_one_left_alone(
    grace: Client, now: datetime
) -> None:
    with transaction.atomic():
        for job_id in ("job_1", "job_2"):
            outbox.post(TaskName.DISPATCH_JOB, now=now, job_id=job_id)
    dead, living = Message.objects.order_by("pk")
    Message.objects.filter(pk=dead.pk).update(ring_at=None, dead_at=now, error="no", runs=8)

    page = grace.post(
        "/admin/billing/message/",
        {
            "action": "revive_messages",
            "_selected_action": [dead.pk, living.pk],
            "act": "revive_messages",
            "reason": "It is mended.",
        },
    )

    assert page.status_code == 302
    dead.refresh_from_db()
    ring_at = living.ring_at
    living.refresh_from_db()
    assert (dead.dead_at, dead.runs) == (None, 0)
    assert dead.ring_at is not None
    assert living.ring_at == ring_at
