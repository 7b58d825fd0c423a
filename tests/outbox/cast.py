"""The real broker, a real worker, and the patience of a test."""

import base64
import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from billing import tasks
from billing.outbox import gateway, services
from billing.outbox.names import QUEUES
from config.celery import app
from tests.working import start_worker

assert tasks.__all__, "the worker runs what the index names"
StartWorker = Callable[[], AbstractContextManager[None]]
Until = Callable[..., None]


class Broker:
    """The real broker, as far as a test asks it."""

    def __init__(self) -> None:
        # Of no declared type: redis-py's answers are typed for both its worlds at once.
        self._client: Any = redis.Redis.from_url(settings.REDIS_URL)

    def rung(self, queue: str = "dispatch") -> list[dict[str, str]]:
        """Return what waits in `queue`, oldest first: the arguments of each task."""
        gateway.drain(timeout_seconds=2)
        waiting = [json.loads(raw) for raw in self._client.lrange(queue, 0, -1)]
        return [json.loads(base64.b64decode(each["body"]))[1] for each in reversed(waiting)]

    def runs_of(self, key: str) -> int:
        """Return how often the probe errand was begun for `key`."""
        return int(self._client.llen(f"runs:{key}"))

    def release(self, key: str) -> None:
        """Let the probe errand that waits for `key` go on."""
        self._client.rpush(f"release:{key}", "go")

    def put(self, entry: bytes, queue: str = "dispatch") -> None:
        """Have an entry come next in `queue`, whatever it is."""
        self._client.rpush(queue, entry)

    def forget_everything(self) -> None:
        """Do what a restart without a disk does, to this process's own database of the server.

        The other processes of a test run have theirs on the same server.
        """
        gateway.drain(timeout_seconds=2)
        self._client.flushdb()

    def forget_queue(self, queue: str) -> None:
        """Lose what waits in `queue`, and nothing else."""
        gateway.drain(timeout_seconds=2)
        self._client.delete(queue)

    def close(self) -> None:
        """Leave it empty."""
        self.forget_everything()
        self._client.close()
        cache.close()


@pytest.fixture
def now() -> datetime:
    """Return an instant at which a test's story begins: the present, for workers live in it."""
    return datetime.now(UTC)


@pytest.fixture
def broker() -> Iterator[Broker]:
    """Return the real broker, empty, its mark set, and nobody silent about it."""
    real = Broker()
    real.forget_everything()
    gateway._OfThisProcess.renew()
    gateway.was_wiped()
    yield real
    real.close()


@pytest.fixture
def worker(broker: Broker) -> StartWorker:
    """Return what starts a real Celery worker of three threads on every queue."""
    assert broker.rung() == []
    return _worker


@contextmanager
def _worker() -> Generator[None]:
    queues = sorted(set(QUEUES.values()))
    with start_worker(app, pool="threads", concurrency=3, queues=queues, perform_ping_check=False):
        yield


@pytest.fixture
def until() -> Until:
    """Return what waits for something to become true, and fails after some seconds.

    While it waits it rings what is due now and then, as the scheduler would: on a busy machine
    the first call of a worker may be given up, and is then made again after ten seconds.
    """

    def wait(true: Callable[[], object], *, seconds: float = 30.0) -> None:
        started = rung_at = time.monotonic()
        while not true():
            assert time.monotonic() < started + seconds, "it did not become true in time"
            if time.monotonic() > rung_at + 3:
                services.ring_due(now=datetime.now(UTC))
                rung_at = time.monotonic()
            time.sleep(0.02)

    return wait
