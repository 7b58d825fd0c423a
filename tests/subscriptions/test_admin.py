"""Operators look at what was sold, in money and not in credits."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.subscriptions import services
from plans.models import Publication
from tests.operators import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def grace(client: Client, settings: Settings) -> Client:
    """Return the browser of an operator who may do everything."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    signed_in(client, User.objects.create_superuser("grace"))
    return client


def test_a_price_is_shown_in_money(ada: Account, grace: Client) -> None:
    sold = services.start(account=ada, plan="standard", interval="P1M", currency="CNY")

    page = grace.get(f"/admin/billing/subscription/{sold.pk}/change/").content.decode()
    rows = grace.get("/admin/billing/subscription/").content.decode()

    assert "66.00 CNY" in page
    assert "66.00 CNY" in rows
    assert "66 credits" not in page


def test_publications_are_shown(kling: None, grace: Client) -> None:
    publication = Publication.objects.get()

    page = grace.get(f"/admin/plans/publication/{publication.pk}/change/")
    rows = grace.get("/admin/plans/publication/")

    assert (page.status_code, rows.status_code) == (200, 200)
    assert "in force" in rows.content.decode()
