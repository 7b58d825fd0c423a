"""Who listens to which job in this process, and the one question that is asked for all of them."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import structlog

from billing.jobs.events.looking import Snapshot

LOOK_SECONDS: Final = 1.0  # what nobody rang for is found after so long
REST_SECONDS: Final = 0.1  # however often it is rung, it is asked no more often
Look: TypeAlias = Callable[[Mapping[str, int]], Awaitable[list[Snapshot]]]
_log = structlog.get_logger(__name__)


class Listener:
    """One who hears of a job. Only the newest waits for him, however slowly he takes it."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.is_leaving = False
        self._newest: Snapshot | None = None
        self._woken = asyncio.Event()

    def put(self, snapshot: Snapshot) -> None:
        """Let him hear this next, in place of whatever he has not heard yet."""
        self._newest = snapshot
        self._woken.set()

    def send_away(self) -> None:
        """Let him hear nothing more."""
        self.is_leaving = True
        self._woken.set()

    async def news(self, *, seconds: float) -> Snapshot | None:
        """Return what he has not heard yet; None when nothing came in time, or he is to go."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)
        self._woken.clear()
        snapshot, self._newest = self._newest, None
        return None if self.is_leaving else snapshot


class Hub:
    """Asks for all its listeners together, and hands each what is new of his job."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._heard: dict[str, int] = {}
        self._bell = asyncio.Event()
        self._is_blind = False

    def join(self, job_id: str) -> Listener:
        """Return a new listener, who is soon told how the job stands."""
        listener = Listener(job_id)
        self._listeners[job_id].add(listener)
        self._heard[job_id] = 0
        self._bell.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """Forget the listener, and his job if nobody else listens to it. A repeat does nothing."""
        others = self._listeners[listener.job_id]
        others.discard(listener)
        if not others:
            del self._listeners[listener.job_id]
            self._heard.pop(listener.job_id, None)

    def ring(self, job_id: str | None = None) -> None:
        """Have it asked at once; of a job to which nobody listens here, do nothing."""
        if job_id is None or job_id in self._heard:
            self._bell.set()

    def send_away(self) -> None:
        """Let everybody go."""
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.send_away()

    async def run(self) -> None:
        """Ask once a second, and sooner when it rings, for as long as the process lives."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._bell.wait(), LOOK_SECONDS)
            self._bell.clear()
            if self._heard:
                await self._ask()
                await asyncio.sleep(REST_SECONDS)

    async def _ask(self) -> None:
        try:
            found = await self._look(dict(self._heard))
        except Exception:  # noqa: BLE001 (it must outlive whatever a database can do)
            # The streams stay open, and go on when the database is back.
            if not self._is_blind:
                _log.warning("events_cannot_be_looked_for", exc_info=True)
            self._is_blind = True
            return
        self._is_blind = False
        for snapshot in found:
            if snapshot.job_id not in self._heard:
                continue  # the last of its listeners has left meanwhile
            self._heard[snapshot.job_id] = snapshot.version
            for listener in self._listeners[snapshot.job_id]:
                listener.put(snapshot)
