"""The one address of the database: a pass-through whose other side can be changed.

A process of its own: `python -m tests.faults.door PORT FILE`. The file holds the port that
connections of this moment go to; those that stand stay where they are, and end with their server.
"""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 16


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Carry bytes one way until either side ends."""
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()


def _read(where: Path) -> int:
    return int(where.read_text())


async def _serve(port: int, where: Path) -> None:
    async def visit(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            server, forth = await asyncio.open_connection("127.0.0.1", _read(where))
        except OSError:
            back.transport.abort()  # as if nobody listened
            return
        ways = [
            asyncio.ensure_future(_pass_on(client, forth)),
            asyncio.ensure_future(_pass_on(server, back)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for side in (forth, back):
            side.close()

    listening = await asyncio.start_server(visit, "127.0.0.1", port, backlog=512)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))
