"""Turns our order into Ark's: a list of contents, and every measure in full. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from billing.gpu.orders import choice, refuse, require_known, require_one, required, whole
from billing.gpu.protocol import AttemptView

_SIZES: Final = ("480p", "720p", "1080p")
_SHAPES: Final = {shape: shape for shape in ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")}
# Pixels follow from size and shape; what a film that goes in is long, its tokens tell.
_WORDS: Final = (
    *("model", "task", "seconds", "resolution", "aspect_ratio", "audio", "count", "seed"),
    *("prompt", "image_url", "last_image_url", "video_url", "video_input", "input_seconds"),
    *("width", "height", "fps"),
)
_FRAMES_PER_SECOND: Final = 24
# Each task with the role that its picture has; None: it takes no picture.
_ROLES: Final[Mapping[str, str | None]] = {
    "text_to_video": None,
    "image_to_video": "first_frame",
    "first_last_frame": "first_frame",
    "reference_to_video": "reference_image",
    "video_to_video": "reference_image",
}
# Ark obeys such commands in a prompt, even against what the order says beside it.
_COMMAND: Final = re.compile(
    r"--(rs|resolution|rt|ratio|dur|duration|frames|fps|framespersecond|wm|watermark|seed|cf"
    r"|camerafixed|camera_fixed)\b",
    re.IGNORECASE,
)
# Ark keeps an order for an hour at least, and for three days at most.
_EXPIRES_SECONDS: Final = (3600, 259_200)


@dataclass(frozen=True, kw_only=True)
class Makes:
    """What the models of one line make.

    Attributes:
        seconds: how long a film may be.
        sizes: by their shorter side.
        says_sound: they are told whether to make sound; others do not know the word.
        from_video: they take a film as well.
    """

    seconds: Collection[int]
    sizes: Collection[str] = _SIZES
    says_sound: bool = True
    from_video: bool = False


# By what stands in the model's name, the first that does; an endpoint (ep-…) tells nothing, and
# is passed on as ordered: Ark knows what stands behind it.
_LINES: Final[tuple[tuple[str, Makes], ...]] = (
    ("seedance-1-0", Makes(seconds=range(2, 13), says_sound=False)),
    ("seedance-1-5", Makes(seconds=range(4, 13))),
    ("seedance-2-0-fast", Makes(seconds=range(4, 16), sizes=_SIZES[:2], from_video=True)),
    ("seedance-2-0-mini", Makes(seconds=range(4, 16), sizes=_SIZES[:2], from_video=True)),
    ("seedance-2-0", Makes(seconds=range(4, 16), sizes=(*_SIZES, "4k"), from_video=True)),
    ("", Makes(seconds=range(1, 61), sizes=(*_SIZES, "4k"), from_video=True)),
)


def read_order(attempt: AttemptView, *, service_tier: str) -> dict[str, object]:
    """Return the attempt's order in Ark's words.

    Raises:
        Rejected: it wants what the model does not make; the sentence names the field.
    """
    words = attempt.input
    made = next(made for name, made in _LINES if name in attempt.model.lower())
    require_known(words, _WORDS)
    require_one(words)
    if words.get("fps", _FRAMES_PER_SECOND) != _FRAMES_PER_SECOND:
        refuse("fps", f"this backend makes {_FRAMES_PER_SECOND} frames a second. Order that.")
    body: dict[str, object] = {
        "model": attempt.model,
        "content": _content(words, made),
        "resolution": choice(words, "resolution", {size: size for size in made.sizes}),
        "ratio": choice(words, "aspect_ratio", _SHAPES),
        "duration": whole(words, "seconds", made.seconds),
        "watermark": words.get("watermark") is True,
        "service_tier": service_tier,
        "execution_expires_after": _between(attempt.deadline_seconds, *_EXPIRES_SECONDS),
        "callback_url": attempt.callback_url,
        # Ark tells it again with each task: by it a doubted order is found.
        "safety_identifier": attempt.id,
    }
    if isinstance(words.get("seed"), int):
        body["seed"] = words["seed"]
    return body | _sound(words, made)


def _sound(words: Mapping[str, object], made: Makes) -> dict[str, object]:
    wanted = words.get("audio", False) is True
    if wanted and not made.says_sound:
        refuse("audio", "this model makes no sound. Order it without.")
    return {"generate_audio": wanted} if made.says_sound else {}


def _content(words: Mapping[str, object], made: Makes) -> list[dict[str, object]]:
    """Return what the film is made from, each with its role."""
    role = choice(words, "task", _ROLES)
    prompt = _prompt(words)
    content: list[dict[str, object]] = [{"type": "text", "text": prompt}] if prompt else []
    first, last = words.get("image_url"), words.get("last_image_url")
    if role is None and (first or last):
        refuse("image_url", "a film from text takes no picture. Order image_to_video.")
    if words.get("task") == "first_last_frame":
        required(words, "last_image_url")
    if role is not None and words.get("task") != "video_to_video":
        required(words, "image_url")
    last_role = "last_frame" if role == "first_frame" else role
    content += [_picture(one, its) for one, its in ((first, role), (last, last_role)) if one]
    return content + _video(words, made)


def _prompt(words: Mapping[str, object]) -> str:
    needed = words.get("task") == "text_to_video"
    prompt = required(words, "prompt") if needed else str(words.get("prompt") or "")
    command = _COMMAND.search(prompt)
    if command is not None:
        refuse("prompt", f"it holds the command {command[0]}, which this backend obeys. Leave it.")
    return prompt


def _picture(address: object, role: str | None) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": address}, "role": role}


def _video(words: Mapping[str, object], made: Makes) -> list[dict[str, object]]:
    address = words.get("video_url")
    if words.get("task") == "video_to_video":
        address = required(words, "video_url")
    if not address:
        return []
    if not made.from_video:
        refuse("video_url", "this model takes no film. Order seedance-2-0, or leave it out.")
    return [{"type": "video_url", "video_url": {"url": address}, "role": "reference_video"}]


def _between(value: int, least: int, most: int) -> int:
    return max(least, min(most, value))
