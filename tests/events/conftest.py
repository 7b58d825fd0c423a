"""The cast: Ada, her jobs in committed rows, and a process that streams what happens to them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from billing.accounts import tokens
from billing.accounts.models import Account
from billing.jobs.models import Job
from tests import factories
from tests.events.listening import Stream
from tests.events.server import EventsServer
from tests.jobs import shop
from tests.jobs.conftest import ask

__all__ = ["ask"]

Listen = Callable[..., Stream]


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[EventsServer]:
    """One process for all of them."""
    running = EventsServer(EVENTS_LISTENERS_PER_ACCOUNT_MAX="20").start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def poor(django_db_setup: None) -> Iterator[EventsServer]:
    """One without Redis, with three places, where addresses last for no time."""
    running = EventsServer(
        REDIS_URL="redis://127.0.0.1:9/0",
        EVENTS_LISTENERS_MAX="3",
        EVENTS_URL_SECONDS="-1",
        EVENTS_ORIGINS="https://shop.example",
    ).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def wide(django_db_setup: None) -> Iterator[EventsServer]:
    """One with places for everybody."""
    running = EventsServer(EVENTS_LISTENERS_PER_ACCOUNT_MAX="2000").start()
    yield running
    running.stop()


@pytest.fixture
def ada(transactional_db: None, settings: Settings) -> Account:
    """Ada has credits, a small shop is open, and a backend is configured that nobody calls."""
    settings.BACKENDS = {
        "away": {
            "kind": "cog",
            "url": "http://127.0.0.1:9",
            "secret": "a-secret-that-guards-nothing",
            "models": ["m"],
            "concurrency": 2,
        }
    }
    shop.open_shop()
    account = factories.new_account("ada", is_sandbox=False)
    factories.give(account, 1000)
    return account


@pytest.fixture
def job(ada: Account) -> Job:
    """A job of Ada's that waits."""
    return shop.submit(ada)


def bearer(name: str = "ada", *, lasts: timedelta = timedelta(hours=1)) -> str:
    """Return what somebody sends as `Authorization`."""
    return f"Bearer {tokens.sign(name, lifetime=lasts, now=datetime.now(UTC))}"


@pytest.fixture
def listen(server: EventsServer) -> Listen:
    """Return what opens a stream: `listen(job, name="ada", Last_Event_ID="3", server=poor)`."""

    def call(
        job: Job | str, *, name: str = "ada", server: EventsServer = server, **headers: str
    ) -> Stream:
        job_id = job if isinstance(job, str) else job.pk
        named = {"Authorization": bearer(name)} | headers
        return Stream(f"{server.url}/v1/jobs/{job_id}/events", **named)

    return call


@pytest.fixture(autouse=True)
def _everybody_hangs_up() -> Iterator[None]:
    """Close what a test has opened."""
    yield
    while Stream.opened:
        Stream.opened.pop().close()
