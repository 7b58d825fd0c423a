"""A real S3 server in a process of its own, on the loopback; it keeps its objects in memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

_STARTS_WITHIN_SECONDS = 60
_SERVE = "from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"


@contextmanager
def s3_server() -> Iterator[str]:
    """Give the address of a server that ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-c", _SERVE.format(port=port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
    )
    try:
        _wait(server, url)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait(server: subprocess.Popen[bytes], url: str) -> None:
    ends_at = time.monotonic() + _STARTS_WITHIN_SECONDS
    while time.monotonic() < ends_at and server.poll() is None:
        try:
            with urlopen(f"{url}/moto-api/data.json", timeout=5):  # noqa: S310 (our own server)
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("The S3 server did not start.")
