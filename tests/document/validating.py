"""Whether what was sent and answered is what the document says."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator


def complaints(
    document: Mapping[str, Any], place: Mapping[str, Any], body: object
) -> Iterator[str]:
    """Yield what is wrong with a body at a request or an answer of the document.

    Args:
        place: a `requestBody`, or one of `responses`.
    """
    for content in place["content"].values():
        whole = {**content["schema"], "components": document["components"]}
        for wrong in Draft202012Validator(whole).iter_errors(body):
            yield f"{wrong.json_path}: {wrong.message}"


def strangers(document: Mapping[str, Any], place: Mapping[str, Any], body: object) -> set[str]:
    """Return the members of an answer, however deep, that its shape does not name."""
    [content] = place["content"].values()
    return {*_strangers(document, [content["schema"]], body, "$")}


def _strangers(
    document: Mapping[str, Any], shapes: list[dict[str, Any]], body: object, at: str
) -> Iterator[str]:
    whole = [one for shape in shapes for one in _alternatives(document, shape)]
    if isinstance(body, list):
        items = [shape["items"] for shape in whole if "items" in shape]
        for item in body:
            yield from _strangers(document, items, item, f"{at}[]")
    elif isinstance(body, dict) and not any(_is_open(shape) for shape in whole):
        for name, value in body.items():
            named = [s["properties"][name] for s in whole if name in s.get("properties", {})]
            if named:
                yield from _strangers(document, named, value, f"{at}.{name}")
            else:
                yield f"{at}.{name}"


def _alternatives(document: Mapping[str, Any], shape: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a shape as it is written out, or each that it may stand for."""
    if "$ref" in shape:
        name = shape["$ref"].rsplit("/", 1)[-1]
        shape = {**document["components"]["schemas"][name], **shape}
        del shape["$ref"]
    parts = [part for word in ("oneOf", "anyOf", "allOf") for part in shape.get(word, ())]
    for part in parts:
        yield from _alternatives(document, part)
    if not parts:
        yield shape


def _is_open(shape: Mapping[str, Any]) -> bool:
    """Say whether a shape lets anything be a member: what the catalog or the caller decides."""
    return "additionalProperties" in shape or not set(shape) - {"description", "readOnly"}
