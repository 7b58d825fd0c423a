"""The Cog predictor of the demo backend. coglet loads this file by its path.

Words in the prompt steer it, so that every end of a job can be seen: `[fail]`, `[moderate]`,
`[hang]` (until cancelled), `[slow]` (ten seconds longer), `[partial 2]` (two videos, however
many were ordered) and `[tokens 9000]` (so many are reported as used).
"""

import asyncio
import re
import sys
import time
import uuid
from asyncio.subprocess import Process
from pathlib import Path as FilePath
from typing import Final

from cog import BaseRunner, Input, Path  # type: ignore[import-untyped]  # it ships no types

from billing.gpu.demo.orders import (
    ASPECT_RATIOS,
    COUNT_MAX,
    FRAMES_PER_SECOND,
    OFFSET_SECONDS_MAX,
    PROMPT_LENGTH_MAX,
    SECONDS_MAX,
    SEED_MAX,
    SHORT_SIDES,
    Order,
)

_OUTPUTS: Final = FilePath("outputs")  # in the server's working folder
_KEPT_SECONDS: Final = 900  # a file is read into the callback at once; this is for the careful
_SLOW_SECONDS: Final = 10
_REPORT_SECONDS: Final = 0.5
_TOKENS: Final = re.compile(r"\[tokens (-?[0-9]{1,18})\]")
_PARTIAL: Final = re.compile(r"\[partial ([0-9]{1,2})\]")


class ModerationRefused(Exception):
    """What a real model's safety check would raise."""


class Predictor(BaseRunner):  # type: ignore[misc]  # untyped, see the import
    """Draws a video on the processor."""

    async def run(  # noqa: PLR0913, PLR0917 (Cog reads the inputs from this signature)
        self,
        prompt: str = Input(
            description="What to show; written into the picture, and its colours and motion.",
            min_length=1,
            max_length=PROMPT_LENGTH_MAX,
        ),
        seconds: int = Input(default=5, ge=1, le=SECONDS_MAX, description="Length."),
        resolution: str = Input(default="720p", choices=list(SHORT_SIDES)),
        aspect_ratio: str = Input(default="16:9", choices=list(ASPECT_RATIOS)),
        mode: str = Input(default="std", choices=list(FRAMES_PER_SECOND)),
        audio: bool = Input(  # noqa: FBT001 (as above)
            default=False, description="With a quiet chord."
        ),
        count: int = Input(default=1, ge=1, le=COUNT_MAX, description="How many videos."),
        seed: int = Input(default=0, ge=0, le=SEED_MAX, description="Another world, same words."),
        offset_seconds: int = Input(
            default=0,
            ge=0,
            le=OFFSET_SECONDS_MAX,
            description="Where in the motion to begin: an extension begins where its parent ends.",
        ),
        watermark: bool = Input(  # noqa: FBT001 (as above)
            default=False, description="Marked as made with the demo."
        ),
    ) -> list[Path]:
        """Return `count` mp4s of exactly the length and size ordered, each of its own world.

        Raises:
            ModerationRefused: the prompt says [moderate].
            RuntimeError: the prompt says [fail].
        """
        begins_at = await self._obey(prompt)
        made = _made_of(prompt, count)
        tokens = 0
        videos = []
        for number in range(made):
            order = Order(
                prompt=prompt,
                seconds=seconds,
                resolution=resolution,
                aspect_ratio=aspect_ratio,
                mode=mode,
                audio=audio,
                seed=(seed + number) % (SEED_MAX + 1),
                offset_seconds=offset_seconds,
                watermark=watermark,
            )
            step = (1 - begins_at) / made
            videos.append(Path(await self._drawn(order, begins_at + number * step, step)))
            tokens += order.tokens
        told = _TOKENS.search(prompt.lower())
        self.record_metric("tokens", tokens if told is None else int(told[1]))
        return videos

    async def _obey(self, prompt: str) -> float:
        """Do what the steering words say; return how far the progress is by then."""
        self._report(0.0)
        words = prompt.lower()
        if "[moderate]" in words:
            raise ModerationRefused("Moderation: the picture was judged NSFW.")
        if "[fail]" in words:
            self._report(0.3)
            raise RuntimeError("The demo was told to fail.")
        if "[hang]" in words:
            self._report(0.1)
            await asyncio.Event().wait()
        if "[slow]" not in words:
            return 0.0
        for step in range(round(_SLOW_SECONDS / _REPORT_SECONDS)):
            self._report(0.5 * step * _REPORT_SECONDS / _SLOW_SECONDS)
            await asyncio.sleep(_REPORT_SECONDS)
        return 0.5

    async def _drawn(self, order: Order, begins_at: float, share: float) -> str:
        """Return the file that the drawing process made; its progress is `share` of ours."""
        _forget_old_outputs()
        file = _OUTPUTS / f"{uuid.uuid4().hex}.mp4"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "billing.gpu.demo.render", str(file)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            # Not as an argument: the process list is no place for a person's prompt.
            process.stdin.write(order.to_json().encode())
            process.stdin.close()
            async for line in process.stdout:
                self._report(begins_at + share * float(line))
            ended_with = await process.wait()
        except BaseException:  # a cancel, above all
            await _kill(process)
            file.unlink(missing_ok=True)
            raise
        if ended_with != 0:
            raise RuntimeError("The drawing process ended with an error.")
        return str(file)

    def _report(self, share: float) -> None:
        self.record_metric("progress", round(share, 3))
        # A metric alone makes coglet send nothing; a line of log makes it send both.
        print(f"{share:.0%}", flush=True)  # noqa: T201 (this is how a predictor logs)


def _made_of(prompt: str, count: int) -> int:
    """Return how many videos will be made of the `count` ordered: all, unless told otherwise."""
    told = _PARTIAL.search(prompt.lower())
    return count if told is None else min(count, int(told[1]))


def _forget_old_outputs() -> None:
    _OUTPUTS.mkdir(exist_ok=True)
    limit = time.time() - _KEPT_SECONDS
    for file in _OUTPUTS.glob("*.mp4"):
        if file.stat().st_mtime < limit:
            file.unlink(missing_ok=True)


async def _kill(process: Process) -> None:
    """End the drawing process at once; its encoder ends with the pipe between them."""
    if process.returncode is None:
        process.kill()
        await process.wait()
