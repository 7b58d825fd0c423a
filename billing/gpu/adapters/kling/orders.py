"""Turns our order into Kling's: which path takes it, and what is said there in full. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.gpu.adapters.kling.models import Makes, makes
from billing.gpu.orders import choice, refuse, require_known, require_one, required, whole
from billing.gpu.protocol import AttemptView

TEXT: Final = "/v1/videos/text2video"
IMAGE: Final = "/v1/videos/image2video"
SEVERAL: Final = "/v1/videos/multi-image2video"
OMNI: Final = "/v1/videos/omni-video"
EXTEND: Final = "/v1/videos/video-extend"

_PATHS: Final[Mapping[str, str]] = {
    "text_to_video": TEXT,
    "image_to_video": IMAGE,
    "first_last_frame": IMAGE,
    "reference_to_video": SEVERAL,
    "extend": EXTEND,
}
_BEGIN_WITH_A_PICTURE: Final = ("image_to_video", "first_last_frame")
_SHAPES: Final = {shape: shape for shape in ("16:9", "9:16", "1:1")}
# Kling has no seed, and adds about five seconds wherever the film stands.
_WORDS: Final = (
    *("model", "task", "mode", "seconds", "resolution", "aspect_ratio", "audio", "count"),
    *("prompt", "negative_prompt", "image_url", "last_image_url", "seed", "offset_seconds"),
)
_EXTENDS_SECONDS: Final = (5,)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is posted, and where; the task is asked about at the same path."""

    path: str
    body: Mapping[str, object]


def read_order(attempt: AttemptView) -> Order:
    """Return the attempt's order in Kling's words.

    Raises:
        Rejected: it wants what the model does not make; the sentence names the field.
    """
    words = attempt.input
    require_known(words, _WORDS)
    require_one(words)
    path = path_of(attempt)
    body = _extension(attempt) if path == EXTEND else _film(attempt, path)
    body |= _texts(words, path)
    body |= {
        "watermark_info": {"enabled": watermarked(attempt)},
        "callback_url": attempt.callback_url,
        "external_task_id": attempt.id,
    }
    return Order(path=path, body=body)


def path_of(attempt: AttemptView) -> str:
    """Return where the attempt's order is handed over, and asked about.

    Raises:
        Rejected: Kling has no such task.
    """
    path = choice(attempt.input, "task", _PATHS)
    return OMNI if makes(attempt.model).omni and path != EXTEND else path


def watermarked(attempt: AttemptView) -> bool:
    """Say whether the customer's plan marks the film."""
    return attempt.input.get("watermark") is True


def _film(attempt: AttemptView, path: str) -> dict[str, object]:
    words, made = attempt.input, makes(attempt.model)
    mode = choice(words, "mode", {mode: mode for mode in made.sizes})
    seconds = whole(words, "seconds", made.seconds)
    _require_made(words, mode, made)
    if path == SEVERAL and not made.from_several:
        refuse("task", "this model mixes no pictures. Order kling-v1-6, or an omni model.")
    body = {"model_name": attempt.model, "mode": mode, "duration": str(seconds)}
    if made.says_sound:
        body["sound"] = "on" if words.get("audio") is True else "off"
    # Where the film begins with a picture, the picture decides its shape.
    if words.get("task") not in _BEGIN_WITH_A_PICTURE:
        body["aspect_ratio"] = choice(words, "aspect_ratio", _SHAPES)
    return {**body, **_pictures(words, path)}


def _require_made(words: Mapping[str, object], mode: str, made: Makes) -> None:
    """Refuse what the model does not make in this mode, or not from what was given."""
    size, last = made.sizes[mode], words.get("last_image_url")
    if words.get("resolution", size) != size:
        refuse("resolution", f"in the mode {mode} this model makes {size}. Order that.")
    if words.get("audio") is True and mode not in made.sound_in:
        refuse("audio", f"in the mode {mode} this model makes no sound. Order it without.")
    if words.get("audio") is True and last and not made.sound_to_last_frame:
        refuse("audio", "this model makes no sound towards a last frame. Order it without.")
    if words.get("task") == "text_to_video":
        if not made.from_text:
            refuse("task", "this model makes films from a picture only. Add one.")
        if words.get("image_url") or last:
            refuse("image_url", "a film from text takes no picture. Order image_to_video.")
        return
    required(words, "image_url")
    if words.get("task") == "first_last_frame":
        required(words, "last_image_url")
    if words.get("task") in _BEGIN_WITH_A_PICTURE and last and mode not in made.last_frame_in:
        refuse("last_image_url", f"in the mode {mode} this model leads to no last frame.")


def _pictures(words: Mapping[str, object], path: str) -> dict[str, object]:
    """Return what the film is made from, in the words of its path."""
    first, last = words.get("image_url"), words.get("last_image_url")
    given = [one for one in (first, last) if one]
    if path == SEVERAL:
        return {"image_list": [{"image": one} for one in given]}
    if path == OMNI and words.get("task") in _BEGIN_WITH_A_PICTURE:
        roles = zip(given, ("first_frame", "end_frame"), strict=False)
        return {"image_list": [{"image_url": one, "type": role} for one, role in roles]}
    if path == OMNI:
        return {"image_list": [{"image_url": one} for one in given]} if given else {}
    named = {"image": first, "image_tail": last}
    return {name: one for name, one in named.items() if one}


def _extension(attempt: AttemptView) -> dict[str, object]:
    """Return what continues a film of Kling's own; model and mode are those of that film."""
    whole(attempt.input, "seconds", _EXTENDS_SECONDS)
    if attempt.input.get("audio") is True:
        refuse("audio", "an extension has no sound. Order it without.")
    film = attempt.parent.get("video_id")
    if not film:
        refuse("parent", "Kling continues only a film that it made here itself. Order a new one.")
    return {"video_id": film}


def _texts(words: Mapping[str, object], path: str) -> dict[str, object]:
    needs_text = path in (TEXT, SEVERAL, OMNI)
    prompt = required(words, "prompt") if needs_text else words.get("prompt")
    unwanted = words.get("negative_prompt")
    if unwanted and path == OMNI:
        refuse("negative_prompt", "this model takes none. Say it in the prompt.")
    said = {"prompt": prompt, "negative_prompt": unwanted}
    return {name: value for name, value in said.items() if value}
