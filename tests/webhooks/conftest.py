"""The cast of the webhooks' tests: an account, and a receiver that really listens."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from billing.accounts import services as accounts
from billing.accounts.models import Account
from tests.outbox.cast import broker, now, until, worker
from tests.webhooks.receiver import Receiver

__all__ = ["ada", "broker", "now", "receiver", "until", "worker"]


@pytest.fixture
def ada(now: datetime) -> Account:
    return accounts.ensure_account("ada", zone="Asia/Shanghai", now=now)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening
