"""The cast of the webhooks' tests: an account, and a receiver that really listens."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from billing.accounts import services as accounts
from billing.accounts.models import Account
from tests.egress.receiver import Receiver
from tests.outbox.cast import broker, now, until, worker

__all__ = ["account", "broker", "now", "receiver", "until", "worker"]


@pytest.fixture
def account(db: None, now: datetime) -> Account:
    """Return Ada's account."""
    return accounts.ensure_account("ada", zone="Asia/Shanghai", now=now)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver on the loopback, which the tests' settings allow."""
    with Receiver() as listening:
        yield listening
