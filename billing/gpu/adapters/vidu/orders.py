"""Says an order in Vidu's words: which path, and every value that its price depends on. Pure."""

from collections.abc import Collection, Container, Mapping
from typing import Final

from billing.gpu.orders import choice, refuse, require_known, require_one, required, whole
from billing.gpu.protocol import AttemptView

_PATHS: Final[Mapping[str, str]] = {
    "text_to_video": "text2video",
    "image_to_video": "img2video",
    "first_last_frame": "start-end2video",
    "reference_to_video": "reference2video",
}
_IMAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "text_to_video": (),
    "image_to_video": ("image_url",),
    "first_last_frame": ("image_url", "last_image_url"),
    "reference_to_video": ("image_url",),
}
# Where the first picture gives the shape, Vidu takes no ratio.
_SHAPED_BY_PICTURE: Final = ("image_to_video", "first_last_frame")
_RATIOS: Final = {ratio: ratio for ratio in ("16:9", "9:16", "1:1", "4:3", "3:4")}
_RESOLUTIONS: Final = {size: size for size in ("360p", "540p", "720p", "1080p")}
_SECONDS: Final[Mapping[str, Container[int]]] = {
    "viduq3": range(1, 17),
    "viduq2": range(1, 11),
    "viduq1": (5,),
    "vidu2.0": (4, 8),
}
_KNOWN: Final = (
    *("model", "task", "seconds", "resolution", "aspect_ratio", "audio", "count"),
    *("prompt", "image_url", "last_image_url", "seed", "watermark"),
)


def order_of(
    attempt: AttemptView, *, sound_models: Collection[str]
) -> tuple[str, dict[str, object]]:
    """Return the last step of the path, and the body.

    Args:
        sound_models: beginnings of the names of those models that can make sound themselves.

    Raises:
        Rejected: Vidu cannot make it; nothing was sent.
    """
    order = attempt.input
    require_known(order, _KNOWN)
    require_one(order)
    path, task = choice(order, "task", _PATHS), str(order["task"])
    body: dict[str, object] = {
        "model": attempt.model,
        "duration": whole(order, "seconds", _seconds_of(attempt.model)),
        "resolution": choice(order, "resolution", _RESOLUTIONS),
        "watermark": order.get("watermark") is True,
        "off_peak": False,  # half the price, and up to two days late
        "payload": attempt.id,
    }
    if task == "text_to_video":
        required(order, "prompt")
    if order.get("prompt"):
        body["prompt"] = order["prompt"]
    if images := [required(order, field) for field in _IMAGES[task]]:
        body["images"] = images
    if task not in _SHAPED_BY_PICTURE:
        body["aspect_ratio"] = choice(order, "aspect_ratio", _RATIOS)
    if "seed" in order:
        body["seed"] = order["seed"]
    if attempt.callback_url:
        body["callback_url"] = attempt.callback_url
    return path, body | _sound(attempt, sound_models)


def _sound(attempt: AttemptView, sound_models: Collection[str]) -> dict[str, object]:
    """Return what decides about sound: those that can make it do so unless they are told."""
    wanted = attempt.input.get("audio") is True
    if attempt.model.startswith(tuple(sound_models)):
        return {"audio": wanted}
    if wanted:
        refuse("audio", f"{attempt.model} makes silent videos. Order false, or another model.")
    return {"bgm": False}


def _seconds_of(model: str) -> Container[int]:
    return next(
        (seconds for name, seconds in _SECONDS.items() if model.startswith(name)), range(1, 61)
    )
