"""What each model of Kling makes, by the vendor's own map of capabilities. Pure data."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

# A mode is a picture's size too: Kling has no word for a resolution.
_SIZES: Final[Mapping[str, str]] = {"std": "720p", "pro": "1080p"}
_TO_4K: Final[Mapping[str, str]] = {**_SIZES, "4k": "4k"}
_UP_TO_15: Final = range(3, 16)


@dataclass(frozen=True, kw_only=True)
class Makes:
    """What one model can be told.

    Attributes:
        sizes: its modes, each with the resolution that comes of it.
        seconds: how long a film may be.
        says_sound: it is told whether to make sound; others do not know the word.
        sound_in: the modes in which it makes sound.
        sound_to_last_frame: it makes sound on the way to a last frame too.
        last_frame_in: the modes in which it leads to a last frame.
        from_text: an order may do without a picture.
        from_several: it mixes several pictures.
        omni: it is ordered at `omni-video`, whatever it is made from.
    """

    sizes: Mapping[str, str] = field(default_factory=lambda: _SIZES)
    seconds: Collection[int] = (5, 10)
    says_sound: bool = False
    sound_in: Collection[str] = ()
    sound_to_last_frame: bool = True
    last_frame_in: Collection[str] = ("pro",)
    from_text: bool = True
    from_several: bool = False
    omni: bool = False


# A model that is newer than this table is passed on as ordered: Kling itself knows it.
UNKNOWN: Final = Makes(
    sizes=_TO_4K,
    seconds=range(1, 61),
    says_sound=True,
    sound_in=_TO_4K,
    last_frame_in=_TO_4K,
    from_several=True,
)
KNOWN: Final[Mapping[str, Makes]] = {
    "kling-v1": Makes(sizes={"std": "720p", "pro": "720p"}, last_frame_in=_SIZES),
    "kling-v1-5": Makes(from_text=False),
    "kling-v1-6": Makes(from_several=True),
    "kling-v2-master": Makes(sizes={"std": "720p", "pro": "720p"}, last_frame_in=()),
    "kling-v2-1": Makes(from_text=False),
    "kling-v2-1-master": Makes(sizes={"std": "1080p", "pro": "1080p"}, last_frame_in=()),
    "kling-v2-5-turbo": Makes(),
    "kling-v2-6": Makes(says_sound=True, sound_in=("pro",), sound_to_last_frame=False),
    "kling-v3": Makes(
        sizes=_TO_4K, seconds=_UP_TO_15, says_sound=True, sound_in=_TO_4K, last_frame_in=_TO_4K
    ),
    "kling-video-o1": Makes(seconds=range(3, 11), last_frame_in=_SIZES, omni=True),
    "kling-v3-omni": Makes(
        sizes=_TO_4K,
        seconds=_UP_TO_15,
        says_sound=True,
        sound_in=_TO_4K,
        last_frame_in=_TO_4K,
        omni=True,
    ),
}


def makes(model: str) -> Makes:
    """Return what the model of that name, as Kling calls it, can be told."""
    return KNOWN.get(model, UNKNOWN)
