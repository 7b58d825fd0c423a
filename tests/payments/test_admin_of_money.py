"""Operators read money as money: never as millionths, and never as credits."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from billing.accounts.models import Account
from billing.payments.models import Contract
from billing.subscriptions import services as subscriptions
from tests import factories
from tests.payments import windows


@pytest.fixture
def pages(db: None, client: Client, settings: Settings) -> Client:
    """An operator's browser, and an account that pays by the month."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
    factories.publish_kling()
    account: Account = factories.new_account("ada")
    subscriptions.start(account=account, plan="standard")
    windows.make_rows(account, text="a text", now=datetime.now(UTC))
    client.force_login(User.objects.create_superuser("grace"))
    return client


@pytest.mark.parametrize("window", ["invoice", "planchange"])
def test_a_list_shows_an_amount_in_its_currency(pages: Client, window: str) -> None:
    page = pages.get(f"/admin/billing/{window}/").content.decode()

    assert "1.00 CNY" in page
    assert "1000000" not in page


def test_a_contract_shows_its_prices_without_calling_them_credits(pages: Client) -> None:
    contract = Contract.objects.get()
    page = pages.get(f"/admin/billing/contract/{contract.pk}/change/").content.decode()

    assert "1 credits" not in page
    assert "1000000" not in page
