"""Examples in the document: what was really sent and answered, recorded from a life of a platform.

One file for each operation, by its name: `{"requests": {name: body}, "responses": {status: {name:
body}}}`. Nobody writes them by hand; CONTRIBUTING says how they are recorded anew.
"""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "recorded"


def of(name: str) -> dict[str, Any]:
    """Return what was recorded of an operation; two empty mappings if nothing was."""
    file = FOLDER / f"{name}.json"
    if not file.exists():
        return {"requests": {}, "responses": {}}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def show(operation: dict[str, Any]) -> None:
    """Put into an operation of the document what was recorded of it."""
    recorded = of(operation["operationId"])
    _fill(operation.get("requestBody", {}), recorded["requests"])
    for status, answers in recorded["responses"].items():
        _fill(operation["responses"].get(status, {}), answers)


def _fill(place: dict[str, Any], bodies: dict[str, Any]) -> None:
    """Show the bodies at the one media type of a request or an answer."""
    if bodies:
        for content in place.get("content", {}).values():
            content["examples"] = {
                name: {"summary": name.replace("_", " "), "value": body}
                for name, body in bodies.items()
            }
