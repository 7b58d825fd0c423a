"""The ASGI application: has Django judge who comes, and streams to whom it admits.

It serves the addresses of streams and its own health, nothing else. A listener costs a task and a
socket: neither a thread nor a connection to the database waits with him.
"""

import asyncio
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import Any, Final, TypeAlias

import structlog
from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from billing.http import errors, problems
from billing.jobs.errors import TooManyListeners
from billing.jobs.events import doorbell, judging, origins, wire
from billing.jobs.events.api import Admitted
from billing.jobs.events.hub import Hub, Listener
from billing.jobs.events.looking import Snapshot, look
from billing.jobs.events.memory import Memory
from billing.telemetry import meters

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

BEAT_SECONDS: Final = 15.0  # well below what proxies take for a dead connection
PATIENCE_SECONDS: Final = 60.0  # who takes nothing for so long is not there any more
_JUDGES: Final = 4  # threads, each with a connection to the database
_SERVED: Final = re.compile(r"/v1/jobs/[^/]+/events")
_HEALTH: Final = "/healthz"
_log = structlog.get_logger(__name__)


class Streams:
    """The streams of one process."""

    def __init__(self) -> None:
        self.hub = Hub(self._look)
        self._judges = ThreadPoolExecutor(_JUDGES, thread_name_prefix="judge")
        # By itself, so that it need not wait behind a thousand who come at once.
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="looker")
        self._present = 0
        self._of_account: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what an ASGI server brings: its own life, and requests."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        tasks = [
            asyncio.create_task(self.hub.run()),
            asyncio.create_task(doorbell.answer(self.hub)),
        ]
        _send_away_at_the_end(self.hub)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in tasks:
            task.cancel()
        self._judges.shutdown(wait=False, cancel_futures=True)
        self._looker.shutdown(wait=False, cancel_futures=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        crossing = origins.headers_for(scope)
        if origins.is_preflight(scope):
            await _send_whole(HttpResponse(status=HTTPStatus.NO_CONTENT), scope, send, crossing)
        elif scope["path"] == _HEALTH:  # also of a process without a free place
            await _send_whole(await self._judged(scope), scope, send, crossing)
        elif not _SERVED.fullmatch(scope["path"]):
            await _send_whole(problems.respond(problems.absent()), scope, send, crossing)
        elif self._present >= settings.EVENTS_LISTENERS_MAX:
            await _send_whole(_full(), scope, send, crossing)
        else:
            self._present += 1
            meters.LISTENERS.set(self._present)
            try:
                await self._let_in(scope, receive, send, crossing)
            finally:
                self._present -= 1
                meters.LISTENERS.set(self._present)

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send, crossing: Mapping[str, str]
    ) -> None:
        answer = await self._judged(scope)
        limit = settings.EVENTS_LISTENERS_PER_ACCOUNT_MAX
        if not isinstance(answer, Admitted) or scope["method"] != "GET":
            await _send_whole(answer, scope, send, crossing)
        elif self._of_account[answer.account_id] >= limit:
            refusal = problems.respond(TooManyListeners(limit=limit))
            await _send_whole(refusal, scope, send, crossing)
        else:
            await self._stream(answer, receive, send, crossing)

    async def _judged(self, scope: Scope) -> HttpResponseBase:
        judge = partial(judging.judge, scope)
        return await asyncio.get_running_loop().run_in_executor(self._judges, judge)

    async def _stream(
        self, admitted: Admitted, receive: Receive, send: Send, crossing: Mapping[str, str]
    ) -> None:
        listener = self.hub.join(admitted.job_id)
        self._of_account[admitted.account_id] += 1
        leaves = asyncio.create_task(_until_gone(receive))
        leaves.add_done_callback(lambda _task: listener.send_away())
        try:
            del admitted.headers["Content-Length"]  # Django took it for an empty answer
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **crossing}
            await send(_head(admitted, headers))
            async for piece in _pieces(listener, admitted):
                await asyncio.wait_for(send(_body(piece, more=True)), PATIENCE_SECONDS)
            await asyncio.wait_for(send(_body(b"")), PATIENCE_SECONDS)
        except TimeoutError:
            _log.info("listener_takes_nothing", job_id=admitted.job_id)
        finally:
            leaves.cancel()
            self.hub.leave(listener)
            self._of_account[admitted.account_id] -= 1
            if not self._of_account[admitted.account_id]:
                del self._of_account[admitted.account_id]

    async def _look(self, heard: Mapping[str, int]) -> list[Snapshot]:
        return await asyncio.get_running_loop().run_in_executor(self._looker, look, heard)


async def _pieces(listener: Listener, admitted: Admitted) -> AsyncIterator[bytes]:
    """Yield what the listener is sent, until the job is over, his time is, or he is sent away."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + admitted.seconds
    memory = Memory(admitted_at=admitted.version, heard=admitted.heard)
    yield _come_again()
    while (left := ends_at - clock()) > 0 and not listener.is_leaving:
        snapshot = await listener.news(seconds=min(BEAT_SECONDS, left))
        if snapshot is None:
            if not listener.is_leaving:
                yield wire.BEAT
        elif not memory.is_stale(snapshot):
            news = memory.take(snapshot)
            if news:
                yield news
            if snapshot.is_over:
                return
    yield _come_again()


def _come_again() -> bytes:
    """Return when to come again after the stream has ended; not everybody at the same moment."""
    return wire.retry(random.randint(1_000, 5_000))  # noqa: S311 (nothing is guarded by it)


async def _until_gone(receive: Receive) -> None:
    """Return when the listener has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _send_away_at_the_end(hub: Hub) -> None:
    """Let everybody go when the process is told to end: the server waits until they are gone.

    It tells the application only afterwards. Its own handler of the signal is called as before.
    """
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(hub.send_away)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, end)


def _full() -> HttpResponse:
    return problems.respond(
        errors.Unavailable(_("All places of this process are taken; come again in a moment."))
    )


async def _send_whole(
    answer: HttpResponseBase, scope: Scope, send: Send, headers: Mapping[str, str]
) -> None:
    assert isinstance(answer, HttpResponse), "nothing else is served here"
    content = answer.content
    await send(_head(answer, {"Content-Length": str(len(content)), **headers}))
    await send(_body(b"" if scope["method"] == "HEAD" else content))


def _head(answer: HttpResponseBase, headers: Mapping[str, str]) -> dict[str, Any]:
    if settings.EVENTS_ORIGINS:
        patch_vary_headers(answer, ["Origin"])
    named = {**answer.headers, **headers}
    return {
        "type": "http.response.start",
        "status": answer.status_code,
        "headers": [(k.lower().encode("ascii"), v.encode("latin-1")) for k, v in named.items()],
    }


def _body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}
