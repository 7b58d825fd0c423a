"""The cast of the programmes' tests: Ada, who brings others, and Bob, who comes."""

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.outbox import gateway
from tests import factories
from tests.partners import shelf


@pytest.fixture
def bazaar(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog with programmes is in force; a backend is configured, and no worker is called."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["m"],
            "concurrency": 2,
            "sandbox": True,
        }
    }
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    shelf.open_shop()


@pytest.fixture
def ada(bazaar: None) -> Account:
    """Ada has a sandbox account, so that her clock can be moved."""
    return factories.new_account("ada")


@pytest.fixture
def bob(ada: Account) -> Account:
    """Bob came to the platform after Ada; so did his account."""
    return shelf.newcomer("bob", after=ada)
