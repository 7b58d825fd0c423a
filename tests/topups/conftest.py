"""The cast of automatic top-ups: an emulator of Stripe, a shop, and Ada, who may buy there."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.outbox import gateway
from tests import factories
from tests.stripe_peer.driver import Peer, running
from tests.topups import desk

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Peer]:
    with running() as peer:
        yield peer


@pytest.fixture
def peer(_emulator: Peer, settings: Settings) -> Iterator[Peer]:
    """The service pays at the emulator, which knows nothing yet."""
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = _emulator.key, _emulator.url
    settings.EMAIL_URL = "smtp://mail.example.com"  # letters wait; nobody sends them here
    yield _emulator
    _emulator.mend()
    _emulator.reset()


@pytest.fixture
def ada(db: None, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Account:
    """Ada has a sandbox account, so that her clock can be moved, 5 credits, and an address."""
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    desk.open_shop()
    account = factories.new_account("ada")
    factories.give(account, 5)
    return account


@pytest.fixture
def ask() -> Ask:
    """Return what calls the API as a user of the sandbox: `ask("put", body)`."""
    client = Client(raise_request_exception=False)

    def call(method: str, body: object = None, *, name: str = "ada", **headers: str) -> Any:  # noqa: ANN401 (Django's test response)
        lifetime, now = timedelta(hours=1), datetime.now(UTC)
        token = tokens.sign(name, lifetime=lifetime, is_sandbox=True, now=now)
        sent = {"Authorization": f"Bearer {token}", **headers}
        content = {"data": body, "content_type": "application/json"} if method == "put" else {}
        return getattr(client, method)("/v1/auto-top-up", headers=sent, **content)

    return call
