"""Sandbox accounts with a clock, a pack that waits, and where asked free credits each day."""

from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from billing.accounts.models import Account
from billing.outbox import gateway
from billing.sandbox import selectors, services
from billing.sandbox.models import TestClock
from plans.catalog import publish
from tests import factories

DAILY = ('mode = "claimed"\n  credits = "66"', 'mode = "auto"\n  credits = "66"')
PACK = """
[[pack]]
code = "later"
name = { en = "Later", zh = "晚些" }
credits = "500"
expiry = "P30D"
activate_within = "P20D"
prices = [{ currency = "CNY", list = "10" }]
"""


@pytest.fixture(autouse=True)
def _shop(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog is in force, a backend is configured, and no worker is called."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["kling-v1-6"],
            "concurrency": 2,
            "sandbox": True,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    publish.publish(factories.KLING.read_text() + PACK, now=timezone.now())


@pytest.fixture
def daily(_shop: None) -> None:
    """Each day's free credits come by themselves."""
    text = factories.KLING.read_text()
    assert DAILY[0] in text
    publish.publish(text.replace(*DAILY, 1) + PACK, now=timezone.now())


@pytest.fixture
def ada() -> Account:
    """Ada has a sandbox account."""
    account = factories.new_account("ada")
    factories.settle(account)
    return account


def clock_of(*accounts: Account, owner: Account | None = None) -> TestClock:
    """Make a clock for these accounts, and bring those that were behind to it."""
    with transaction.atomic():
        clock = services.create(owner=owner, name="", accounts=accounts, now=timezone.now())
    services.walk(clock.pk, now=timezone.now())
    return fresh(clock)


def send(clock: TestClock, by: timedelta) -> datetime:
    """Send the clock forward without anybody working; return the goal."""
    with transaction.atomic():
        to = selectors.shows(fresh(clock)) + by
        services.advance(clock=clock, to=to, now=timezone.now())
    return to


def advance(clock: TestClock, by: timedelta) -> datetime:
    """Send the clock forward, and take it there; return the goal."""
    to = send(clock, by)
    while fresh(clock).goal_at is not None:
        services.walk(clock.pk, now=timezone.now())
    return to


def fresh(clock: TestClock) -> TestClock:
    """Return the clock as it stands."""
    return TestClock.objects.get(pk=clock.pk)
