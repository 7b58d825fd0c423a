"""Brings the cast on, a shop whose jobs succeed at once, and the stage of the bench."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone
from pytest_django import Settings

from billing.accounts.models import Account
from billing.gpu.adapters.cog import adapter
from billing.insights.bench import card, place
from billing.insights.bench.programs import free_port
from billing.outbox import gateway
from plans.catalog import publish
from tests import factories
from tests.cast import ada, kling
from tests.insights.selling import WORTH, catalog, film

__all__ = ["ada", "kling"]


@pytest.fixture
def shop(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend is configured and never called; credits have a worth."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["kling-v1-6", "kling-v2-6"],
            "concurrency": 50,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    monkeypatch.setattr(adapter, "read_outputs", film)
    publish.publish(catalog(WORTH), now=datetime.now(UTC))


@pytest.fixture
def buyer(shop: None) -> Account:
    """Ada buys in earnest."""
    return factories.new_account("ada", is_sandbox=False)


@pytest.fixture
def eve(shop: None) -> Account:
    """Eve buys in earnest."""
    return factories.new_account("eve", is_sandbox=False)


@pytest.fixture
def stage(settings: Settings) -> None:
    """The bench's own catalog, and an address for its own backend."""
    settings.BACKENDS = place.backends(f"http://127.0.0.1:{free_port()}")
    settings.STRIPE_SECRET_KEY = "sk_test_bench"
    settings.STRIPE_WEBHOOK_SECRETS = [place.SECRET]
    publish.publish(card.text(10), now=timezone.now())
