"""An emulator for the tests of Billing, and a shop in it for each; with a key, at Stripe too."""

from collections.abc import Iterator

import pytest

from tests.payments.peer.billing.shop import Shop
from tests.payments.peer.conftest import ADDRESSES, STRIPE_ITSELF, at_stripe
from tests.stripe_peer.driver import Peer, running


@pytest.fixture(scope="module")
def emulator() -> Iterator[Peer]:
    """One process for the tests of a file; each test has customers of its own."""
    with running() as peer:
        yield peer


@pytest.fixture(params=ADDRESSES)
def shop(request: pytest.FixtureRequest, emulator: Peer) -> Shop:
    """A product at two monthly prices and a yearly one, a clock, and a customer with a card."""
    return Shop(at_stripe() if request.param == STRIPE_ITSELF else emulator)
