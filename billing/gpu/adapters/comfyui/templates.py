"""Workflows with named slots: what an operator saved from ComfyUI, and where our words go in."""

import copy
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from billing.gpu.kinds import Options

_STEPS: Final = 3  # node, "inputs", name


class Template(Options):
    """One workflow, in the form that ComfyUI calls "API".

    Attributes:
        file: where it lies.
        slots: which input of which node gets which word: `{"6.inputs.text": "prompt"}`.
        fixed: what the workflow itself decides: by word, the values of an order that it makes.
        sizes: pixels by resolution and ratio, for slots with `width` and `height`:
            `{"720p 16:9": [1280, 720]}`.
        frames_per_second: for a slot with `frames`.
        frames_more: how many frames come on top of those; 1 for models that make 4n + 1.
    """

    file: Annotated[str, Field(min_length=1)]
    slots: Annotated[dict[str, str], Field(min_length=1)]
    fixed: dict[str, list[str | int | bool]] = {}
    sizes: dict[str, Annotated[list[int], Field(min_length=2, max_length=2)]] = {}
    frames_per_second: Annotated[int, Field(ge=1, le=240)] = 24
    frames_more: Annotated[int, Field(ge=0, le=16)] = 0

    @model_validator(mode="after")
    def _has_its_slots(self) -> Self:
        """Refuse a template whose file is no workflow, or lacks a slot's input."""
        workflow = _read(self.file)
        for slot in self.slots:
            node, name = _place_of(slot)
            inputs = workflow[node].get("inputs") if isinstance(workflow.get(node), dict) else None
            if not isinstance(inputs, dict) or name not in inputs:
                raise ValueError(f"the workflow has no input {slot}")
        return self

    def filled(self, words: Mapping[str, object]) -> dict[str, Any]:
        """Return the workflow with each slot's word in its place."""
        workflow = copy.deepcopy(_read(self.file))
        for slot, word in self.slots.items():
            node, name = _place_of(slot)
            workflow[node]["inputs"][name] = words[word]
        return workflow


def _place_of(slot: str) -> tuple[str, str]:
    steps = slot.split(".")
    if len(steps) != _STEPS or steps[1] != "inputs":
        raise ValueError(f"a slot is NODE.inputs.NAME, and {slot} is none")
    return steps[0], steps[2]


@functools.lru_cache(maxsize=64)
def _read(file: str) -> dict[str, Any]:
    """Return the workflow; read once a process, for the setting is checked at every question."""
    try:
        workflow = json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"the workflow cannot be read: {type(error).__name__}") from None
    if not isinstance(workflow, dict) or "nodes" in workflow:
        raise ValueError('the workflow is not in the form "API": save it with "Export (API)"')
    return workflow
