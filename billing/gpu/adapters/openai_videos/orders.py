"""Puts an order into the form of `/v1/videos`: prompt, model, seconds, size. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from billing.gpu.phrases import Phrases, phrased, refused

_LINES: Final = re.compile(r"(\d{3,4})p", re.IGNORECASE)
_PIXELS: Final = re.compile(r"\d{3,4}x\d{3,4}")
_RATIO: Final = re.compile(r"(\d{1,2}):(\d{1,2})")


class VideoPhrases(Phrases):
    """How one model is told an order; the protocol's own names stand there already.

    `size` is a word like ours, made of resolution and aspect ratio: "720p" and "16:9" are
    "1280x720". So `made = {"size": ["1280x720", "720x1280"]}` bounds it.
    """

    words: dict[str, str] = Field(
        default_factory=lambda: {"prompt": "prompt", "seconds": "seconds", "size": "size"}
    )


def form_of(model: str, order: Mapping[str, object], phrases: VideoPhrases) -> dict[str, str]:
    """Return the form's fields as text.

    Raises:
        Rejected: the order leaves out what must be said, or says what the model does not make.
    """
    words: dict[str, Any] = {
        name: value
        for name, value in order.items()
        if name not in ("resolution", "aspect_ratio") or name in phrases.words
    }
    if "size" in phrases.words:
        words["size"] = _size_of(order)
    fields = {"model": model, **phrased(words, phrases)}
    return {name: _text(value) for name, value in fields.items()}


def _size_of(order: Mapping[str, object]) -> str:
    """Return width x height of the ordered resolution and aspect ratio, both even."""
    resolution = str(order.get("resolution", ""))
    if _PIXELS.fullmatch(resolution):
        return resolution
    lines = _LINES.fullmatch(resolution)
    if lines is None:
        raise refused("resolution", "it must be said as 720p or as 1280x720")
    ratio = _RATIO.fullmatch(str(order.get("aspect_ratio", "")))
    if ratio is None or "0" in ratio.groups():
        raise refused("aspect_ratio", "it must be said as 16:9, for no vendor may decide it")
    across, down = int(ratio[1]), int(ratio[2])
    short = int(lines[1])
    long = round(short * max(across, down) / min(across, down) / 2) * 2
    return f"{long}x{short}" if across >= down else f"{short}x{long}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
