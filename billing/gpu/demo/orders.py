"""What the demo can be asked to draw, and what that means in pixels and frames. Pure."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final

# In the words of the catalogs that ship. Beyond 1080 lines it would draw for minutes: what is
# larger is drawn as large as that.
SHORT_SIDES: Final = {
    "360p": 360,
    "480p": 480,
    "512p": 512,
    "540p": 540,
    "720p": 720,
    "768p": 768,
    "1080p": 1080,
    "1k": 1024,
    "2k": 1080,
    "4k": 1080,
    "auto": 720,
    "480P": 480,
    "512P": 512,
    "720P": 720,
    "768P": 768,
    "1080P": 1080,
    "1K": 1024,
    "2K": 1080,
    "4K": 1080,
    "1024x1792": 1024,
    "1792x1024": 1024,
}
ASPECT_RATIOS: Final = {
    "16:9": (16, 9),
    "9:16": (9, 16),
    "1:1": (1, 1),
    "4:3": (4, 3),
    "3:4": (3, 4),
    "21:9": (21, 9),
}
# "pro" moves more smoothly, and has more in it.
FRAMES_PER_SECOND: Final = {"std": 24, "pro": 30, "4k": 30}
SECONDS_MAX: Final = 60
OFFSET_SECONDS_MAX: Final = 3600
PROMPT_LENGTH_MAX: Final = 2500
COUNT_MAX: Final = 9
SEED_MAX: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Order:
    """One video to draw.

    Attributes:
        offset_seconds: where in the motion it begins; an extension begins where its parent ended.
        watermark: whether the picture says what made it.
    """

    prompt: str
    seconds: int
    resolution: str
    aspect_ratio: str
    mode: str
    audio: bool
    seed: int
    offset_seconds: int
    watermark: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, both even, as the codec wants them."""
        across, down = ASPECT_RATIOS[self.aspect_ratio]
        short = SHORT_SIDES[self.resolution]
        long = round(short * max(across, down) / min(across, down) / 2) * 2
        return (long, short) if across >= down else (short, long)

    @property
    def frames_per_second(self) -> int:
        """How many pictures a second has."""
        return FRAMES_PER_SECOND[self.mode]

    @property
    def frames(self) -> int:
        """How many pictures make exactly the seconds ordered."""
        return self.seconds * self.frames_per_second

    @property
    def tokens(self) -> int:
        """What it takes, as vendors count it: pixels times pictures, by 1024."""
        width, height = self.size
        return width * height * self.frames // 1024

    def to_json(self) -> str:
        """Return the order as one line that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """Return the order that `to_json` wrote."""
        return cls(**json.loads(text))


class Dice:
    """Numbers hashed from a text: the same text rolls the same numbers, on every machine."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rolled: dict[str, float] = {}

    def roll(self, name: str, low: float = 0.0, high: float = 1.0) -> float:
        """Return the number between `low` and `high` that belongs to `name`."""
        share = self._rolled.get(name)
        if share is None:
            digest = hashlib.sha256(f"{self._text}\n{name}".encode()).digest()
            share = self._rolled[name] = int.from_bytes(digest[:6], "big") / 2**48
        return low + (high - low) * share

    def pick(self, name: str, count: int) -> int:
        """Return the whole number from 0 to `count` - 1 that belongs to `name`."""
        return min(int(self.roll(name, 0, count)), count - 1)


def dice_of(order: Order) -> Dice:
    """Return the dice that decide colours, shapes and motion.

    Length, size and offset are left out: an extension goes on in the same world.
    """
    return Dice(f"{order.prompt}\n{order.seed}")
