"""Says an order in MiniMax's words: v2 as a list of contents, v1 as flat fields. Pure."""

from collections.abc import Container, Mapping
from typing import Final

from billing.gpu.orders import choice, refuse, require_known, require_one, required, whole
from billing.gpu.protocol import AttemptView

# By task, which of our addresses plays which role in v2.
_ROLES: Final[Mapping[str, Mapping[str, str]]] = {
    "text_to_video": {},
    "image_to_video": {"image_url": "first_frame"},
    "first_last_frame": {"image_url": "first_frame", "last_image_url": "last_frame"},
    "reference_to_video": {"image_url": "reference_image"},
}
_FILM_ROLE: Final = "reference_video"
_SHAPED_BY_PICTURE: Final = ("image_to_video", "first_last_frame")
_RATIOS: Final = {ratio: ratio for ratio in ("21:9", "16:9", "4:3", "1:1", "3:4", "9:16")}
_V2_RESOLUTIONS: Final = ("480P", "768P", "1080P", "2K")
_V2_SECONDS: Final = range(4, 16)
_V1_RESOLUTIONS: Final = ("512P", "720P", "768P", "1080P")
_V1_SECONDS: Final = (6, 10)
# The models before Hailuo ignore both words: what they make is all that may be ordered.
_V1_OLD_MODELS: Final = ("T2V-01", "I2V-01", "S2V-01")
_KNOWN: Final = (
    *("model", "task", "seconds", "resolution", "aspect_ratio", "audio", "count", "watermark"),
    *("prompt", "image_url", "last_image_url", "video_url", "images", "input_seconds", "seed"),
)


def order_of_v2(attempt: AttemptView, *, ratio: str) -> dict[str, object]:
    """Return the body of an order to v2.

    Args:
        ratio: of films by text alone, where the order names none; v2 demands one.

    Raises:
        Rejected: MiniMax cannot make it; nothing was sent.
    """
    order = attempt.input
    task = _task_of(order)
    if order.get("input_seconds") not in (None, 0):
        refuse("input_seconds", "MiniMax does not report it. Bill the film by `video_input`.")
    if order.get("audio") is False:
        refuse("audio", "these models always make sound. Order true, or leave the word out.")
    body: dict[str, object] = {
        "model": attempt.model,
        "content": [{"type": "text", "text": required(order, "prompt")}, *_media(order, task)],
        "duration": whole(order, "seconds", _V2_SECONDS),
        "resolution": _resolution(order, _V2_RESOLUTIONS),
    }
    if task not in _SHAPED_BY_PICTURE:
        body["ratio"] = choice({"aspect_ratio": ratio, **order}, "aspect_ratio", _RATIOS)
    if "seed" in order:
        body["seed"] = order["seed"]
    return body | _beside(attempt)


def order_of_v1(attempt: AttemptView) -> dict[str, object]:
    """Return the body of an order to v1; a seed cannot be told to it, and prices nothing.

    Raises:
        Rejected: MiniMax cannot make it; nothing was sent.
    """
    order = attempt.input
    task = _task_of(order)
    if order.get("audio") is True:
        refuse("audio", "these models make silent films. Order false, or a model of v2.")
    if task == "text_to_video":
        required(order, "prompt")
        choice({"aspect_ratio": "16:9", **order}, "aspect_ratio", {"16:9": "16:9"})
    if order.get("video_url"):
        refuse("video_url", "these models take no film. Leave it out, or order a model of v2.")
    body: dict[str, object] = {"model": attempt.model, **_v1_size(attempt)}
    if order.get("prompt"):
        body["prompt"] = order["prompt"]
    if task == "reference_to_video":
        image = required(order, "image_url")
        body["subject_reference"] = [{"type": "character", "image": [image]}]
    elif task in _SHAPED_BY_PICTURE:
        body["first_frame_image"] = required(order, "image_url")
    if task == "first_last_frame":
        body["last_frame_image"] = required(order, "last_image_url")
    return body | _beside(attempt)


def _task_of(order: Mapping[str, object]) -> str:
    """Return the task, once nothing else in the order is beyond both versions."""
    require_known(order, _KNOWN)
    require_one(order)
    choice(order, "task", _ROLES)
    task = str(order["task"])
    told = sum(bool(order.get(name)) for name in _ROLES[task]) if "reference" in task else 0
    images = order.get("images") or 0
    if isinstance(images, int) and images > told:
        refuse("images", f"this backend can be told of {told} here, not {images}.")
    return task


def _media(order: Mapping[str, object], task: str) -> list[dict[str, object]]:
    """Return the pictures and films of an order to v2, each with its role."""
    films = task == "reference_to_video" and bool(order.get("video_url"))
    # A reference may be a film alone; every other picture is needed.
    names = [name for name in _ROLES[task] if order.get(name) or not films]
    media: list[dict[str, object]] = [
        {
            "type": "image_url",
            "image_url": {"url": required(order, name)},
            "role": _ROLES[task][name],
        }
        for name in names
    ]
    if films:
        film = {"url": required(order, "video_url")}
        media.append({"type": "video_url", "video_url": film, "role": _FILM_ROLE})
    return media


def _v1_size(attempt: AttemptView) -> dict[str, object]:
    old = attempt.model.startswith(_V1_OLD_MODELS)
    lengths: Container[int] = (6,) if old else _V1_SECONDS
    seconds = whole(attempt.input, "seconds", lengths)
    resolution = _resolution(attempt.input, ("720P",) if old else _V1_RESOLUTIONS)
    if (seconds, resolution) == (10, "1080P"):
        refuse("seconds", "in 1080P this backend makes 6. Order 6, or 768P.")
    return {"duration": seconds, "resolution": resolution}


def _resolution(order: Mapping[str, object], made: tuple[str, ...]) -> str:
    return choice(
        order, "resolution", {word: size for size in made for word in (size, size.lower())}
    )


def _beside(attempt: AttemptView) -> dict[str, object]:
    """Return what goes along with every order."""
    beside: dict[str, object] = {}
    if attempt.input.get("watermark") is True:
        beside["aigc_watermark"] = True
    if attempt.callback_url:
        beside["callback_url"] = attempt.callback_url
    return beside
