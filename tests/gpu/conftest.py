"""The cast of the GPU tests: one real Cog server, and one who takes its callbacks."""

from collections.abc import Iterator

import pytest

from tests.gpu.cog_server import CogServer
from tests.gpu.receiver import Receiver


@pytest.fixture(scope="session")
def cog() -> Iterator[CogServer]:
    """A server that no test may stop."""
    server = CogServer()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def own_cog() -> Iterator[CogServer]:
    """A server for the tests that end it."""
    server = CogServer()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taker = Receiver()
    yield taker
    taker.close()
