"""Asks the API for a while whether it lives: `python -m tests.faults.health PORT SECONDS`.

Says how many seconds 99 of 100 answers took at most. A process of its own, so that it is the API
whose slowness is told, and not that of two hundred clients in one process.
"""

import http.client
import subprocess
import sys
import time
from typing import Final

_LOOK_SECONDS: Final = 0.1
_SILENCE_SECONDS: Final = 30.0


def watch(port: int, *, seconds: float) -> float:
    """Have another process look; return how long 99 of 100 answers took at most."""
    words = [sys.executable, "-m", "tests.faults.health", str(port), str(seconds)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 (ours)
    return float(done.stdout)


def _look(port: int, seconds: float) -> float:
    ends_at = time.monotonic() + seconds
    took: list[float] = []
    while time.monotonic() < ends_at:
        took.append(_took(port))
        time.sleep(_LOOK_SECONDS)
    return sorted(took)[min(len(took) - 1, len(took) * 99 // 100)]


def _took(port: int) -> float:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SILENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return _SILENCE_SECONDS
    finally:
        connection.close()
    return time.monotonic() - began


if __name__ == "__main__":
    sys.stdout.write(f"{_look(int(sys.argv[1]), float(sys.argv[2])):.3f}\n")
