"""The platform is open, no worker is called, and two sides wait to be told who moves."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from billing.outbox import gateway
from tests import everything
from tests.interleaving.scheduler import Interleaver


@pytest.fixture(autouse=True)
def _platform(transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BACKENDS = everything.BACKENDS
    monkeypatch.setattr(gateway, "nudge", lambda _ring: None)
    everything.open_platform()


@pytest.fixture
def interleaver(transactional_db: None) -> Iterator[Interleaver]:
    """Two sides, each with a connection of its own."""
    made = Interleaver()
    yield made
    made.close()
