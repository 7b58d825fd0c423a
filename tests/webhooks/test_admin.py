"""What operators see of webhooks and of the outbox, and the one button that they have."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.outbox import services as outbox
from billing.outbox.models import Message
from billing.outbox.names import TaskName
from billing.webhooks import services, signing
from billing.webhooks.models import Delivery, Endpoint, Event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Settings) -> None:
    """Spare these tests the collecting of static files."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}


@pytest.fixture
def grace(client: Client) -> Client:
    """Return the browser of an operator who may do everything."""
    client.force_login(User.objects.create_superuser("grace"))
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
        {"action": "revive_messages", "_selected_action": [dead.pk, living.pk]},
    )

    assert page.status_code == 302
    dead.refresh_from_db()
    ring_at = living.ring_at
    living.refresh_from_db()
    assert (dead.dead_at, dead.runs) == (None, 0)
    assert dead.ring_at is not None
    assert living.ring_at == ring_at
