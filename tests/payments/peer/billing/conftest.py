"""An emulator for the tests of Billing, and a shop in it for each."""

from collections.abc import Iterator

import pytest

from tests.payments.peer.billing.shop import Shop
from tests.stripe_peer.driver import Peer, running


@pytest.fixture(scope="module")
def emulator() -> Iterator[Peer]:
    """One process for the tests of a file; each test has customers of its own."""
    with running() as peer:
        yield peer


@pytest.fixture
def shop(emulator: Peer) -> Shop:
    """A product at two monthly prices and a yearly one, a clock, and a customer with a card."""
    return Shop(emulator)
