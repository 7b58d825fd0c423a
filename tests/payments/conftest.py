"""Stripe, as these tests need it."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from billing.accounts.models import Account
from billing.outbox import gateway as outbox
from billing.payments.gateway import Wire
from tests import factories
from tests.cast import kling
from tests.payments import till as tills
from tests.payments.lives import FREE, LARGE, SMALL, TRIED, Life
from tests.payments.stripe_server import StripeServer
from tests.payments.till import Till
from tests.stripe_peer import driver
from tests.stripe_peer.driver import Peer

__all__ = ["ada", "emulator", "gateway", "kling", "peer", "stripe", "till"]


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    """A Stripe of the test's own."""
    with StripeServer() as server:
        yield server


@pytest.fixture
def gateway(stripe: StripeServer) -> Wire:
    """The way to it; it does not wait long."""
    return Wire(stripe.key, stripe.url, timeout_seconds=0.5, retries=1)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Peer]:
    """One emulator for all tests of this process: a process of its own."""
    with driver.running() as peer:
        yield peer


@pytest.fixture
def peer(emulator: Peer, settings: Settings) -> Iterator[Peer]:
    """The emulator, that knows nothing yet; the service talks to it, and takes its word.

    It ends by forgetting: nobody is told anything while a test's tables are emptied.
    """
    emulator.reset()
    settings.STRIPE_SECRET_KEY = emulator.key
    settings.STRIPE_API_BASE = emulator.url
    settings.STRIPE_WEBHOOK_SECRETS = [emulator.secret]
    yield emulator
    emulator.reset()


@pytest.fixture
def till(db: None, peer: Peer) -> Till:
    """A shop that takes money."""
    tills.open_till()
    return Till(peer)


@pytest.fixture
def ada(till: Till) -> Account:
    """Ada pays real money, if there is some."""
    return factories.new_account("ada", is_sandbox=False)


@pytest.fixture
def lives(db: None, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Till:
    """A shop whose people live by test clocks, and that no worker is called for."""
    monkeypatch.setattr(outbox, "nudge", lambda _ring: None)
    tills.open_till(packs="", plans=FREE + SMALL + LARGE + TRIED)
    return Till(peer, is_sandbox=True)


@pytest.fixture
def life(lives: Till) -> Life:
    """Ada, who has bought nothing yet."""
    return Life(lives, factories.new_account("ada"))


@pytest.fixture
def committed(transactional_db: None, peer: Peer) -> Till:
    """A shop whose rows are committed, so that several can race for them."""
    tills.open_till()
    factories.new_account("ada", is_sandbox=False)
    return Till(peer)
