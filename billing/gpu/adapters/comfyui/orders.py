"""Says an order by filling a workflow's slots; what has none and is not fixed is refused. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from billing.gpu.adapters.comfyui.templates import Template
from billing.gpu.orders import refuse, require_known, require_one, whole
from billing.gpu.protocol import AttemptView

# Words that are worked out of others: of which ones.
_WORKED_OUT: Final[Mapping[str, tuple[str, ...]]] = {
    "width": ("resolution", "aspect_ratio"),
    "height": ("resolution", "aspect_ratio"),
    "frames": ("seconds",),
}
_SECONDS: Final = range(1, 3601)


def workflow_of(attempt: AttemptView, template: Template) -> dict[str, Any]:
    """Return the workflow for this order.

    Raises:
        Rejected: the workflow does not make it; nothing was sent.
    """
    order, used = attempt.input, set(template.slots.values())
    told = {word for name in used for word in _WORKED_OUT.get(name, (name,))}
    require_known(order, {"model", "seed", "count", *told, *template.fixed})
    if "count" not in used:
        require_one(order)
    for word, values in template.fixed.items():
        if not _is_among(order.get(word), values):
            made = ", ".join(str(value) for value in values)
            refuse(word, f"this workflow makes {made}. Order that, or another model.")
    words: dict[str, object] = {"seed": seed_of(attempt.id), "attempt": attempt.id, **order}
    if "frames" in used:
        seconds = whole(order, "seconds", _SECONDS)
        words["frames"] = seconds * template.frames_per_second + template.frames_more
    if used & {"width", "height"}:
        words["width"], words["height"] = _size(order, template)
    for word in sorted(used):
        if words.get(word) in (None, ""):
            refuse(word, "this workflow needs it. Add it.")
    return template.filled(words)


def seed_of(attempt_id: str) -> int:
    """Return the seed of an order that names none: another for each attempt, always the same.

    Without one, ComfyUI would answer an identical workflow with the film of the last customer.
    """
    return int.from_bytes(hashlib.sha256(attempt_id.encode()).digest()[:4], "big") >> 1


def _is_among(value: object, values: list[str | int | bool]) -> bool:
    """Whether the order's value is one of these; true is not 1."""
    return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in values)


def _size(order: Mapping[str, object], template: Template) -> tuple[int, int]:
    for word in ("resolution", "aspect_ratio"):
        if not order.get(word):
            refuse(word, "this workflow needs it. Add it.")
    size = template.sizes.get(f"{order['resolution']} {order['aspect_ratio']}")
    if size is None:
        refuse("resolution and aspect_ratio", f"this workflow makes {', '.join(template.sizes)}.")
    return size[0], size[1]
