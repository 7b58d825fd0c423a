"""Brings Stripe on."""

from collections.abc import Iterator

import pytest

from billing.payments.gateway import Gateway
from tests.payments.stripe_server import StripeServer


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    """An account at Stripe, as far as the protocol goes."""
    with StripeServer() as server:
        yield server


@pytest.fixture
def gateway(stripe: StripeServer) -> Gateway:
    """The way to it; it does not wait long."""
    return Gateway(stripe.key, stripe.url, timeout_seconds=0.5, retries=1)
