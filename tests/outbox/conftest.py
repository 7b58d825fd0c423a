"""The cast of the outbox's tests: a moment, the real broker, and a real worker."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest
import redis
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.core.cache import cache

from billing.outbox import gateway
from billing.outbox.names import QUEUES
from config.celery import app


@pytest.fixture
def now() -> datetime:
    """Return an instant at which a test's story begins: the present, for workers live in it."""
    return datetime.now(UTC)


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """Return the real broker, empty, its mark set, and nobody silent about it."""
    client: redis.Redis = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    gateway._OfThisProcess.renew()
    gateway.was_wiped()
    yield client
    gateway.drain(timeout_seconds=2)
    client.flushdb()
    client.close()
    cache.close()


@pytest.fixture
def worker(broker: redis.Redis) -> Callable[[], AbstractContextManager[None]]:
    """Return what starts a real Celery worker of three threads on every queue."""
    return _worker


@contextmanager
def _worker() -> Generator[None]:
    celery: Celery = app
    celery.loader.import_default_modules()
    queues = sorted(set(QUEUES.values()))
    with start_worker(
        celery, pool="threads", concurrency=3, queues=queues, perform_ping_check=False
    ):
        yield


@pytest.fixture
def until() -> Callable[..., None]:
    """Return what waits for something to become true, and fails after ten seconds."""

    def wait(true: Callable[[], object], *, seconds: float = 10.0) -> None:
        ends_at = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < ends_at, "it did not become true in time"
            time.sleep(0.02)

    return wait
