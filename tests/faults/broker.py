"""What may be done to the broker that was started here, once it is proven to be that one."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import redis

from billing.jobs.models import Job
from tests.faults.books import Ask, Told
from tests.faults.experiment import Outcome
from tests.faults.field import Field

CONSUMES_WITHIN_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.2


@contextmanager
def session(field: Field) -> Iterator[redis.Redis]:
    """Yield a session with our own Redis, proven by its process id."""
    valkey = field.service.servers.valkey
    with redis.Redis.from_url(valkey.url) as asked:
        assert asked.info("server")["process_id"] == valkey.process.pid, "this is not ours"
        yield asked


def wipe(field: Field) -> None:
    """Have it forget everything."""
    with session(field) as asked:
        asked.flushall()


@contextmanager
def away(field: Field) -> Iterator[None]:
    """Kill it, and have it come back with nothing."""
    valkey = field.service.servers.valkey
    os.kill(valkey.process.pid, signal.SIGKILL)
    valkey.process.wait()
    try:
        yield
    finally:
        valkey.start(field.log)


@contextmanager
def frozen(field: Field) -> Iterator[None]:
    """Have it take connections, and answer nothing."""
    pid = field.service.servers.valkey.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def full(field: Field) -> Iterator[None]:
    """Have it refuse to remember anything more."""
    with session(field) as asked:
        asked.config_set("maxmemory", "1")
    try:
        yield
    finally:
        with session(field) as asked:
            asked.config_set("maxmemory", "0")


def supervise(field: Field, outcome: Outcome) -> None:
    """Start workers again that have ended, as every supervisor does, and tell of it.

    Celery's consumer ends by itself where its broker refuses a command, or dies under a message
    that is being acknowledged: it goes down loudly, and is not left alive and deaf.
    """
    for worker in field.service.workers:
        if not worker.is_alive:
            worker.mend()
            outcome.notes.append(f"{worker.name} had ended, and was started again")


def require_consumption(field: Field, outcome: Outcome) -> None:
    """Have a job that was ordered from now on end in time; nobody but a supervisor helps."""
    field.forget_connections()
    began = time.monotonic()
    while time.monotonic() - began < CONSUMES_WITHIN_SECONDS:
        orders = [
            one
            for one in list(outcome.load.books)
            if one.ask == Ask.SUBMIT and one.at_first == Told.ACKNOWLEDGED and one.asked_at > began
        ]
        ids = [str(one.answer["id"]) for one in orders]
        supervise(field, outcome)
        if Job.objects.filter(pk__in=ids, finished_at__isnull=False).exists():
            outcome.notes.append(f"a new job had ended {time.monotonic() - began:.1f} s later")
            return
        time.sleep(_LOOK_SECONDS)
    outcome.breaches.append(f"no new job ended within {CONSUMES_WITHIN_SECONDS:.0f} s")
