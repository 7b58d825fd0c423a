"""The only door to the broker: it rings, and makes nobody wait for it."""

import atexit
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Full, Queue
from time import monotonic
from typing import Any, Final, TypeVar

import structlog
from celery import current_app
from django.core.cache import cache

# Every wait for the broker ends after this: to connect and then hear nothing is below a second.
_TIMEOUT_SECONDS: Final = 0.4
_TRANSPORT: Final[Mapping[str, Any]] = {
    "max_retries": 0,
    "socket_timeout": _TIMEOUT_SECONDS,
    "socket_connect_timeout": _TIMEOUT_SECONDS,
    "retry_on_timeout": False,
}
# After the broker failed once, nobody tries it for so long: the sweep rings anyway.
_SILENCE_SECONDS: Final = 5.0
_NUDGES_MAX: Final = 10_000
# So few that `ring_due`, which shares the connection, soon has its turn.
_NUDGES_AT_ONCE: Final = 100
_LAST_WORDS_SECONDS: Final = 1.0
_EPOCH_KEY: Final = "outbox-epoch"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """What travels through the broker: a name, a queue and ids."""

    message_id: str
    task: str
    queue: str
    arguments: Mapping[str, str]
    request_id: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A word to whoever listens to a topic at this moment; the broker keeps it for nobody."""

    topic: str
    word: str


_Call = TypeVar("_Call", bound=Ring | Hint)


class Bell:
    """One process's connection to the broker, and the thread that nudges through it.

    The thread exists because a broker can fail to answer in more ways than a socket's time-out
    knows (its name may not resolve, for one), and a caller who has just committed waits for none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._producer: Any = None
        self._silent_until = 0.0
        self._nudges: Queue[Ring | Hint] = Queue(maxsize=_NUDGES_MAX)
        self._ringer: threading.Thread | None = None

    def nudge(self, ring: Ring | Hint) -> None:
        """Ring soon, if the broker is there; return at once either way."""
        with suppress(Full):
            self._nudges.put_nowait(ring)
        if self._ringer is None:
            with self._lock:
                if self._ringer is None:
                    self._ringer = threading.Thread(
                        target=self._ring_nudges, name="outbox-bell", daemon=True
                    )
                    self._ringer.start()

    def ring(self, rings: Sequence[_Call]) -> list[_Call]:
        """Ring each, and return those that the broker did not take; all of them while it is away.

        Waits for the broker for less than a second in all when it does not answer.
        """
        with self._lock:
            for position, ring in enumerate(rings):
                if monotonic() < self._silent_until or not self._send(ring):
                    return list(rings[position:])
        return []

    def drain(self, *, timeout_seconds: float) -> bool:
        """Return whether all nudges so far were rung or dropped before the time was over."""
        ends_at = monotonic() + timeout_seconds
        with self._nudges.all_tasks_done:
            while self._nudges.unfinished_tasks:
                left = ends_at - monotonic()
                if left <= 0 or not self._nudges.all_tasks_done.wait(left):
                    return False
        return True

    def _ring_nudges(self) -> None:
        while True:
            batch = [self._nudges.get()]
            with suppress(Empty):
                while len(batch) < _NUDGES_AT_ONCE:
                    batch.append(self._nudges.get_nowait())
            try:
                self.ring(batch)
            except Exception:  # noqa: BLE001 (the thread must outlive whatever a broker can do)
                _log.warning("nudge_failed", exc_info=True)
            finally:
                for _each in batch:
                    self._nudges.task_done()

    def _send(self, ring: Ring | Hint) -> bool:
        try:
            if self._producer is None:
                connection = current_app.connection_for_write(transport_options=dict(_TRANSPORT))
                self._producer = current_app.amqp.Producer(connection, auto_declare=False)
            if isinstance(ring, Hint):
                self._producer.channel.client.publish(ring.topic, ring.word)
            else:
                _send_task(ring, self._producer)
        except Exception as problem:  # noqa: BLE001 (whatever the broker's client raises: be silent)
            self._silent_until = monotonic() + _SILENCE_SECONDS
            self._hang_up()
            _log.warning("broker_is_silent", problem=type(problem).__name__)
            return False
        return True

    def _hang_up(self) -> None:
        producer, self._producer = self._producer, None
        with suppress(Exception):
            if producer is not None:
                producer.connection.collapse()


def _send_task(ring: Ring, producer: Any) -> None:  # noqa: ANN401 (as the bell keeps it)
    current_app.send_task(
        ring.task,
        kwargs={**ring.arguments, "message_id": ring.message_id, "request_id": ring.request_id},
        queue=ring.queue,
        producer=producer,
        retry=False,
        ignore_result=True,
    )


class _OfThisProcess:
    """Holds the bell of the running process: threads and sockets do not survive a fork."""

    bell = Bell()

    @classmethod
    def renew(cls) -> None:
        cls.bell = Bell()


os.register_at_fork(after_in_child=_OfThisProcess.renew)


def nudge(ring: Ring | Hint) -> None:
    """Ring soon and at most once; never waits, never raises. It may be lost."""
    _OfThisProcess.bell.nudge(ring)


def ring(rings: Sequence[Ring]) -> list[Ring]:
    """Ring each now; return those that the broker did not take."""
    return _OfThisProcess.bell.ring(rings)


def drain(*, timeout_seconds: float = _LAST_WORDS_SECONDS) -> bool:
    """Return whether every nudge has been rung or dropped; waits no longer than it is told."""
    return _OfThisProcess.bell.drain(timeout_seconds=timeout_seconds)


# A command that posts and ends at once still gets its nudge through.
atexit.register(drain)


def was_wiped() -> bool:
    """Return whether the broker has lost its memory since this was last asked by anybody.

    It keeps a mark; where the mark is missing, so is everything else that it was told.
    """
    try:
        return bool(cache.add(_EPOCH_KEY, 1, timeout=None))
    except Exception as problem:  # noqa: BLE001 (away is not wiped; ringing will tell)
        _log.warning("broker_is_silent", problem=type(problem).__name__)
        return False
