"""What each line of Wanxiang makes, and in which words it is told, by the vendor's pages. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FIVE: Final = (5,)
_UP_TO_15: Final = range(2, 16)
_LARGE: Final = ("720p", "1080p")
_ALL: Final = ("480p", "720p", "1080p")


class Sound(StrEnum):
    """What a line can be told about sound."""

    NEVER = "never"  # its films are silent
    ALWAYS = "always"  # they are not, and cannot be
    TOLD = "told"  # as `audio` says


class Form(StrEnum):
    """In which words a line is told what a film is made from, and its measures."""

    PIXELS = "pixels"  # from text: `size` says width and height
    FRAME = "frame"  # from one picture: `img_url`, and a `resolution`
    FRAMES = "frames"  # from the first and the last: at a path of its own
    MEDIA = "media"  # all that goes in is `media`; `resolution`, and `ratio` from text


@dataclass(frozen=True, kw_only=True)
class Makes:
    """What one line can be told.

    Attributes:
        tasks: our words of what it makes.
        seconds: how long a film may be; a line that makes five only is not told.
        sizes: by their shorter side.
    """

    form: Form
    tasks: Collection[str]
    seconds: Collection[int]
    sizes: Collection[str]
    sound: Sound


_TEXT: Final = ("text_to_video",)
_PICTURE: Final = ("image_to_video",)
_BOTH_ENDS: Final = ("first_last_frame",)
_REFERENCES: Final = ("reference_to_video",)

# By what the model's name begins with, the longest first. Newer ones are told as the newest of
# these are: DashScope itself knows them.
_LINES: Final[Mapping[str, Makes]] = {
    "wan2.7-t2v": Makes(
        form=Form.MEDIA, tasks=_TEXT, seconds=_UP_TO_15, sizes=_LARGE, sound=Sound.ALWAYS
    ),
    "wan2.7-i2v": Makes(
        form=Form.MEDIA,
        tasks=(*_PICTURE, *_BOTH_ENDS),
        seconds=_UP_TO_15,
        sizes=_LARGE,
        sound=Sound.ALWAYS,
    ),
    "wan2.7-r2v": Makes(
        form=Form.MEDIA, tasks=_REFERENCES, seconds=_UP_TO_15, sizes=_LARGE, sound=Sound.ALWAYS
    ),
    "wan2.6-t2v": Makes(
        form=Form.PIXELS, tasks=_TEXT, seconds=(5, 10, 15), sizes=_LARGE, sound=Sound.ALWAYS
    ),
    "wan2.6-i2v-flash": Makes(
        form=Form.FRAME, tasks=_PICTURE, seconds=_UP_TO_15, sizes=_LARGE, sound=Sound.TOLD
    ),
    "wan2.6-i2v": Makes(
        form=Form.FRAME, tasks=_PICTURE, seconds=(5, 10, 15), sizes=_LARGE, sound=Sound.TOLD
    ),
    "wan2.5-t2v": Makes(
        form=Form.PIXELS, tasks=_TEXT, seconds=(5, 10), sizes=_ALL, sound=Sound.ALWAYS
    ),
    "wan2.5-i2v": Makes(
        form=Form.FRAME, tasks=_PICTURE, seconds=(5, 10), sizes=_ALL, sound=Sound.TOLD
    ),
    "wan2.2-t2v": Makes(
        form=Form.PIXELS, tasks=_TEXT, seconds=FIVE, sizes=("480p", "1080p"), sound=Sound.NEVER
    ),
    "wan2.2-i2v-flash": Makes(
        form=Form.FRAME, tasks=_PICTURE, seconds=FIVE, sizes=_ALL, sound=Sound.NEVER
    ),
    "wan2.2-i2v": Makes(
        form=Form.FRAME, tasks=_PICTURE, seconds=FIVE, sizes=("480p", "1080p"), sound=Sound.NEVER
    ),
    "wan2.2-kf2v": Makes(
        form=Form.FRAMES, tasks=_BOTH_ENDS, seconds=FIVE, sizes=_ALL, sound=Sound.NEVER
    ),
    "wanx2.1-t2v": Makes(
        form=Form.PIXELS, tasks=_TEXT, seconds=FIVE, sizes=("480p", "720p"), sound=Sound.NEVER
    ),
    "wanx2.1-i2v": Makes(
        form=Form.FRAME, tasks=_PICTURE, seconds=FIVE, sizes=("480p", "720p"), sound=Sound.NEVER
    ),
    "wanx2.1-kf2v": Makes(
        form=Form.FRAMES, tasks=_BOTH_ENDS, seconds=FIVE, sizes=("720p",), sound=Sound.NEVER
    ),
}
_NEWER: Final = Makes(
    form=Form.MEDIA,
    tasks=(*_TEXT, *_PICTURE, *_BOTH_ENDS, *_REFERENCES),
    seconds=range(1, 61),
    sizes=_ALL,
    sound=Sound.TOLD,
)
# Width and height for `size`, by the shorter side and the shape.
PIXELS: Final[Mapping[str, Mapping[str, str]]] = {
    "480p": {"16:9": "832*480", "9:16": "480*832", "1:1": "624*624"},
    "720p": {
        "16:9": "1280*720",
        "9:16": "720*1280",
        "1:1": "960*960",
        "4:3": "1088*832",
        "3:4": "832*1088",
    },
    "1080p": {
        "16:9": "1920*1080",
        "9:16": "1080*1920",
        "1:1": "1440*1440",
        "4:3": "1632*1248",
        "3:4": "1248*1632",
    },
}


def makes(model: str) -> Makes:
    """Return what the model of that name, as DashScope calls it, can be told."""
    lines = sorted(_LINES, key=len, reverse=True)
    line = next((line for line in lines if model.startswith(line)), None)
    return _NEWER if line is None else _LINES[line]
