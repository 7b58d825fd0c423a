"""An application that is slow at all but its probes, for who looks at the line before it."""

import time
from collections.abc import Callable, Iterable
from typing import Any

SECONDS = 1.5


def application(asked: dict[str, Any], begin: Callable[..., object]) -> Iterable[bytes]:
    """Answer; only a probe is answered at once."""
    if asked["PATH_INFO"] not in ("/healthz", "/readyz"):
        time.sleep(SECONDS)
    begin("200 OK", [("Content-Length", "2")])
    return [b"ok"]
