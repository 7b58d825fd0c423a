"""The emulator is driven by stripe-python itself; with STRIPE_TEST_KEY, so is Stripe."""

import os
from collections.abc import Iterator
from typing import Final

import pytest
import pytest_socket
import stripe

from tests.payments.peer.receiver import Receiver
from tests.stripe_peer.driver import Peer, running

TEST_KEY: Final = os.environ.get("STRIPE_TEST_KEY", "")
STRIPE_ITSELF: Final = "Stripe's own test mode"
ADDRESSES: Final = ["the emulator", *([STRIPE_ITSELF] if TEST_KEY else [])]


@pytest.fixture(scope="session")
def started() -> Iterator[Peer]:
    """One process for all tests of a worker."""
    with running("--pause-seconds", "0.05") as peer:
        yield peer


@pytest.fixture
def peer(started: Peer) -> Peer:
    """An emulator that remembers nothing."""
    started.reset()
    return started


@pytest.fixture
def api(peer: Peer) -> stripe.StripeClient:
    """A client of the emulator; what goes wrong is not tried again behind a test's back."""
    return peer.client(max_network_retries=0)


@pytest.fixture(params=ADDRESSES)
def either(request: pytest.FixtureRequest, peer: Peer) -> stripe.StripeClient:
    """A client of the emulator, and, where a test key is given, one of Stripe's test mode."""
    if request.param == STRIPE_ITSELF:
        return at_stripe()
    return peer.client(max_network_retries=0)


def at_stripe() -> stripe.StripeClient:
    """Let this test out into the world; return a client of Stripe's own test mode.

    Raises:
        ValueError: the key is not one of test mode; nothing is asked with it.
    """
    if not TEST_KEY.startswith(("sk_test_", "rk_test_")):
        raise ValueError("STRIPE_TEST_KEY is no key of Stripe's test mode.")
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(None)
    return stripe.StripeClient(TEST_KEY)


@pytest.fixture
def receiver(peer: Peer) -> Iterator[Receiver]:
    """A webhook endpoint that checks signatures, and listens to the emulator."""
    with Receiver(peer.secret) as receiver:
        peer.listen(receiver.url)
        yield receiver
