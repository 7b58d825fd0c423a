"""A backend that takes every order at once and makes nothing: it notes when each came.

`python -m billing.insights.bench.backend PORT FILE`; each line of the file is an instant and what
was ordered. Whoever asks how far it is, or posts to it, is thanked.
"""

import asyncio
import json
import re
import sys
import time
from pathlib import Path
from typing import Final, TextIO

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ANSWER: Final = (
    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {n}\r\n\r\n"
)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, file: TextIO) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            came_at = time.time()
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length is not None else 0)
            verb, path = head.decode("latin-1").split(" ")[:2]
            asked = path.rpartition("/")[2]
            is_order = verb == "PUT"
            if is_order:
                file.write(f"{came_at:.6f} {asked}\n")
                file.flush()
            body = json.dumps({"id": asked, "status": "starting"} if is_order else {}).encode()
            status = "202 Accepted" if is_order else "200 OK"
            writer.write(_ANSWER.format(status=status, n=len(body)).encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main(port: int, path: Path) -> None:
    with path.open("a") as file:
        server = await asyncio.start_server(
            lambda reader, writer: _serve(reader, writer, file), "127.0.0.1", port, backlog=512
        )
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2])))
