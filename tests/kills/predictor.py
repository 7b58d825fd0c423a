"""The Cog predictor of a storm: it has its film ready, and writes down each start and end.

It obeys the demo's words, under the demo's own signature and schema. coglet loads this file by
its path. The journal is the witness from outside: it knows orders, and no id of the service.
"""

import asyncio
import json
import os
import shutil
import time
import uuid
from pathlib import Path

from billing.gpu.demo.orders import Order
from billing.gpu.demo.predict import Predictor as Demo

_OUTPUTS = Path("outputs")  # in the server's working folder
_JOURNAL = os.open(os.environ["STORM_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
_FILM = os.environ["STORM_FILM"]
_SLOW_SECONDS = 2.0


def _write_down(prompt: str, event: str) -> None:
    """One line in one call of the system: lines of two processes never mix."""
    line = {"event": event, "prompt": prompt, "pid": os.getpid(), "at": time.time()}
    os.write(_JOURNAL, json.dumps(line).encode() + b"\n")


class Predictor(Demo):
    """Takes milliseconds, or two seconds for a `[slow]` order."""

    async def _obey(self, prompt: str) -> float:
        _write_down(prompt, "start")
        if "[slow]" in prompt:
            await asyncio.sleep(_SLOW_SECONDS)
            prompt = ""  # the demo's own slowness would be five times as long
        begins_at: float = await super()._obey(prompt)
        return begins_at

    async def _drawn(self, order: Order, begins_at: float, share: float) -> str:
        _write_down(order.prompt, "film")
        return _copied()


def _copied() -> str:
    """Return a film of its own; it is small enough to be copied while nobody else goes on."""
    _OUTPUTS.mkdir(exist_ok=True)
    return shutil.copyfile(_FILM, f"{_OUTPUTS}/{uuid.uuid4().hex}.mp4")
