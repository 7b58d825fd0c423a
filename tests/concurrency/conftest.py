"""Committed rows, threads that start together, and orders to race with."""

from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from plans.catalog import publish
from tests import factories

ROOMY = ("concurrency = 3", "concurrency = 100")


@pytest.fixture
def ada(transactional_db: None, settings: Settings) -> Account:
    """Ada may run as many jobs as she can pay for; a backend is configured and never called."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["kling-v1-6"],
            "concurrency": 50,
            "sandbox": True,
        }
    }
    text = factories.KLING.read_text()
    assert ROOMY[0] in text
    publish.publish(text.replace(*ROOMY), now=datetime.now(UTC))
    account = factories.new_account("ada", is_sandbox=False)
    factories.settle(account)
    return account
