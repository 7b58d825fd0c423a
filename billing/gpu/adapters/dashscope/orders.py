"""Turns our order into DashScope's: which path takes it, what goes in, and every measure. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.gpu.adapters.dashscope.models import FIVE, PIXELS, Form, Makes, Sound, makes
from billing.gpu.orders import choice, refuse, require_known, require_one, required, whole
from billing.gpu.protocol import AttemptView

VIDEO: Final = "/services/aigc/video-generation/video-synthesis"
FRAMES: Final = "/services/aigc/image2video/video-synthesis"

_WORDS: Final = (
    *("model", "task", "seconds", "resolution", "aspect_ratio", "audio", "count", "seed"),
    *("prompt", "negative_prompt", "image_url", "last_image_url"),
)
_SHAPES: Final = {shape: shape for shape in PIXELS["720p"]}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is posted, and where."""

    path: str
    body: Mapping[str, object]


def read_order(attempt: AttemptView, *, prompt_extend: bool) -> Order:
    """Return the attempt's order in DashScope's words.

    Raises:
        Rejected: it wants what the model does not make; the sentence names the field.
    """
    words, made = attempt.input, makes(attempt.model)
    require_known(words, _WORDS)
    require_one(words)
    task = choice(words, "task", {task: task for task in made.tasks})
    parameters: dict[str, object] = {
        "prompt_extend": prompt_extend,
        "watermark": words.get("watermark") is True,
    }
    parameters |= _measures(words, made, task) | _sound(words, made)
    if isinstance(words.get("seed"), int):
        parameters["seed"] = words["seed"]
    given = _texts(words, task) | _pictures(words, made, task)
    body = {"model": attempt.model, "input": given, "parameters": parameters}
    return Order(path=FRAMES if made.form == Form.FRAMES else VIDEO, body=body)


def _measures(words: Mapping[str, object], made: Makes, task: str) -> dict[str, object]:
    """Return length and size; where a film begins with a picture, that decides its shape."""
    seconds = whole(words, "seconds", made.seconds)
    size = choice(words, "resolution", {size: size for size in made.sizes})
    length: dict[str, object] = {} if made.seconds == FIVE else {"duration": seconds}
    if made.form == Form.PIXELS:
        return {**length, "size": choice(words, "aspect_ratio", PIXELS[size])}
    measures = {**length, "resolution": size.upper()}
    if task in ("text_to_video", "reference_to_video"):
        measures["ratio"] = choice(words, "aspect_ratio", _SHAPES)
    return measures


def _sound(words: Mapping[str, object], made: Makes) -> dict[str, object]:
    wanted = words.get("audio", False) is True
    if made.sound == Sound.TOLD:
        return {"audio": wanted}
    if wanted and made.sound == Sound.NEVER:
        refuse("audio", "this model makes no sound. Order it without.")
    if not wanted and made.sound == Sound.ALWAYS:
        refuse("audio", "this model makes no film without sound. Order it with sound.")
    return {}


def _texts(words: Mapping[str, object], task: str) -> dict[str, object]:
    prompt = required(words, "prompt") if task == "text_to_video" else words.get("prompt")
    said = {"prompt": prompt, "negative_prompt": words.get("negative_prompt")}
    return {name: value for name, value in said.items() if value}


def _pictures(words: Mapping[str, object], made: Makes, task: str) -> dict[str, object]:
    """Return what the film is made from, in the words of the model's line."""
    first, last = words.get("image_url"), words.get("last_image_url")
    if task == "text_to_video":
        if first or last:
            refuse("image_url", "a film from text takes no picture. Order image_to_video.")
        return {}
    required(words, "image_url")
    if task == "first_last_frame":
        required(words, "last_image_url")
    elif last and task == "image_to_video":
        refuse("last_image_url", "order first_last_frame, from a model that makes it.")
    if made.form == Form.FRAMES:
        return {"first_frame_url": first, "last_frame_url": last}
    if made.form == Form.FRAME:
        return {"img_url": first}
    roles = ("first_frame", "last_frame")
    if task == "reference_to_video":
        roles = ("reference_image", "reference_image")
    pairs = zip((first, last), roles, strict=True)
    return {"media": [{"type": role, "url": one} for one, role in pairs if one]}
