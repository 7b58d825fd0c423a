"""Says an order in the words of CogVideoX, leaving nothing to its defaults. Pure."""

from collections.abc import Mapping
from typing import Final

from billing.gpu.orders import choice, refuse, require_known, require_one, required, whole
from billing.gpu.protocol import AttemptView

_IMAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "text_to_video": (),
    "image_to_video": ("image_url",),
    "first_last_frame": ("image_url", "last_image_url"),
}
# All the sizes that it makes. The only square stands for 720p: never less than was ordered.
_SIZES: Final[Mapping[tuple[object, object], str]] = {
    ("720p", "16:9"): "1280x720",
    ("720p", "9:16"): "720x1280",
    ("720p", "1:1"): "1024x1024",
    ("1080p", "16:9"): "1920x1080",
    ("1080p", "9:16"): "1080x1920",
    ("2K", "16:9"): "2048x1080",
    ("4K", "16:9"): "3840x2160",
}
_RESOLUTIONS: Final = dict.fromkeys(("720p", "1080p", "2K", "4K"))
_QUALITIES: Final = {"std": "speed", "pro": "quality"}
_SECONDS: Final = (5, 10)
_FRAME_RATES: Final = (30, 60)
_KNOWN: Final = (
    *("model", "task", "mode", "seconds", "resolution", "aspect_ratio", "audio", "fps", "count"),
    *("prompt", "image_url", "last_image_url", "watermark"),
)


def order_of(attempt: AttemptView, *, leaves_unmarked: bool) -> dict[str, object]:
    """Return the body of the order; our attempt id goes along as `request_id`.

    A seed cannot be told to CogVideoX, and prices nothing: it is left out.

    Args:
        leaves_unmarked: the account may have films without a watermark.

    Raises:
        Rejected: CogVideoX cannot make it; nothing was sent.
    """
    order = attempt.input
    require_known(order, (*_KNOWN, "seed"))
    require_one(order)
    task = str(order.get("task"))
    names = choice(order, "task", _IMAGES)
    if task == "text_to_video":
        required(order, "prompt")
    body: dict[str, object] = {
        "model": attempt.model,
        "quality": choice({"mode": "std", **order}, "mode", _QUALITIES),
        "with_audio": order.get("audio") is True,
        "watermark_enabled": order.get("watermark") is True or not leaves_unmarked,
        "size": _size(order),
        "fps": whole({"fps": 30, **order}, "fps", _FRAME_RATES),
        "duration": whole(order, "seconds", _SECONDS),
        "request_id": attempt.id,
    }
    if order.get("prompt"):
        body["prompt"] = order["prompt"]
    images = [required(order, name) for name in names]
    if images:
        body["image_url"] = images[0] if len(images) == 1 else images
    return body


def _size(order: Mapping[str, object]) -> str:
    choice(order, "resolution", _RESOLUTIONS)
    size = _SIZES.get((order["resolution"], order.get("aspect_ratio")))
    if size is None:
        made = ", ".join(str(ratio) for name, ratio in _SIZES if name == order["resolution"])
        refuse("aspect_ratio", f"in {order['resolution']} this backend makes {made}.")
    return size
