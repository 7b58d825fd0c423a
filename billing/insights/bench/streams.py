"""Measures event streams beside their limit: a bare asyncio server that sends the same bytes.

Both serve in a process of their own, over loopback, to the same number of listeners in this one.
"""

import asyncio
import resource
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from django.db import transaction

from billing.insights.bench.figures import Report
from billing.insights.bench.programs import Program, free_port, wait_for_port
from billing.insights.bench.scene import Scene
from billing.jobs import shapes
from billing.jobs.models import Job
from billing.jobs.names import JOBS_TOPIC
from billing.outbox import services as outbox

ROUNDS: Final = 20
_LATER: Final = timedelta(hours=1)  # so that no backend takes the job meanwhile
_Deed: TypeAlias = Callable[[int], Awaitable[float]]
# Whoever connects is a listener; what comes first on a connection that begins with "all" goes to
# all the others.
_LIMIT: Final = """
import asyncio, sys
everybody = set()
async def serve(reader, writer):
    if await reader.readexactly(3) == b"all":
        said = await reader.readline()
        for other in everybody:
            other.write(said)
        writer.close()
    else:
        everybody.add(writer)
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=2048)
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How long after a change its listeners had it.

    Attributes:
        p50_ms, p95_ms, last_ms: over all listeners of all rounds; `last_ms`: the slowest of all.
        cpu_ms: what a round took of the serving process.
    """

    name: str
    p50_ms: float
    p95_ms: float
    last_ms: float
    cpu_ms: float


def run(*, listeners: int, now: datetime) -> Report:
    """Let so many listen to one job of a sandbox account, and change it; leave the account behind.

    Args:
        listeners: as many sockets are open in this process.
        now: stamped on what the job's side writes.
    """
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    scene = Scene.fresh(now)
    scene.submit(dispatch_at=now + _LATER)
    streams, limit = _Server.streams(listeners), _Server.limit()
    try:
        cases, weight = asyncio.run(_measure(scene.open_jobs[0], streams, limit, listeners))
    finally:
        streams.stop()
        limit.stop()
        scene.tidy()
    note = f"{listeners:,} listeners, {ROUNDS} rounds; {weight:.1f} KiB each."
    return Report(rows=cases, notes=[note])


class _Server(Program):
    """One that streams on loopback, and those that listen to it."""

    def __init__(self, port: int, command: Sequence[str], **variables: str) -> None:
        super().__init__(command, **variables)
        self.port = port
        self._open: list[asyncio.StreamWriter] = []  # one that nobody holds closes its connection

    @classmethod
    def streams(cls, places: int) -> "_Server":
        """Start what streams events, with places for all of one account."""
        port, most = free_port(), str(places + 1)
        line = ("-m", "gunicorn", "config.asgi", "--worker-class", "asgi", "--workers", "1")
        at = ("--bind", f"127.0.0.1:{port}", "--no-control-socket")
        return cls(
            port, [*line, *at], EVENTS_LISTENERS_MAX=most, EVENTS_LISTENERS_PER_ACCOUNT_MAX=most
        )

    @classmethod
    def limit(cls) -> "_Server":
        """Start what only sends."""
        port = free_port()
        return cls(port, ["-c", _LIMIT, str(port)])

    async def opened(self, first: bytes) -> asyncio.StreamReader:
        """Return a connection on which `first` was sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(first)
        await writer.drain()
        self._open.append(writer)
        return reader

    async def is_there(self) -> None:
        """Return once it takes connections."""
        await asyncio.to_thread(wait_for_port, self.port)


async def _measure(
    job_id: str, streams: _Server, limit: _Server, listeners: int
) -> tuple[list[Arrivals], float]:
    await streams.is_there()
    await limit.is_there()
    address = urlsplit(shapes.events_address(job_id))
    ask = f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    await (await streams.opened(ask)).readuntil(b'"progress"')  # and all is loaded
    before = streams.worker().rss_kib
    heard = [await streams.opened(ask) for _number in range(listeners)]
    await asyncio.gather(*(one.readuntil(b'"progress"') for one in heard))
    weight = (streams.worker().rss_kib - before) / listeners
    bare = [await limit.opened(b"one") for _number in range(listeners)]

    async def send(number: int) -> float:
        began = time.perf_counter()
        await limit.opened(b"all" + _marker(number) + b"\n")
        return began

    def change(number: int, *, rings: bool) -> float:
        with transaction.atomic(durable=True):
            Job.objects.filter(pk=job_id).update(progress_percent=number)
            if rings:
                outbox.hint(JOBS_TOPIC, job_id)
        return time.perf_counter()

    async def ring(number: int) -> float:
        return await asyncio.to_thread(change, number, rings=True)

    async def wait(number: int) -> float:
        return await asyncio.to_thread(change, number, rings=False)

    return [
        await _case("limit: bare asyncio", limit, bare, send, range(10, 10 + ROUNDS)),
        await _case("rung for", streams, heard, ring, range(10, 10 + ROUNDS)),
        await _case("looked for", streams, heard, wait, range(40, 40 + ROUNDS)),
    ], weight


async def _case(
    name: str,
    server: _Server,
    readers: Sequence[asyncio.StreamReader],
    deed: _Deed,
    numbers: Sequence[int],
) -> Arrivals:
    """Do a deed once a round; return how long each reader waited for its word."""
    waited: list[float] = []
    before = server.worker().cpu_ms
    for number in numbers:
        tasks = [asyncio.create_task(_arrival(reader, _marker(number))) for reader in readers]
        await asyncio.sleep(0.3)  # the readers wait, and the server rests
        began = await deed(number)
        waited += [at - began for at in await asyncio.gather(*tasks)]
    cuts = statistics.quantiles(waited, n=20)
    cpu = (server.worker().cpu_ms - before) / len(numbers)
    return Arrivals(name, cuts[9] * 1000, cuts[18] * 1000, max(waited) * 1000, cpu)


async def _arrival(reader: asyncio.StreamReader, marker: bytes) -> float:
    await reader.readuntil(marker)
    return time.perf_counter()


def _marker(number: int) -> bytes:
    """Return what both servers send of a round: a progress."""
    return b'"progress":%s}' % str(number / 100).encode()
