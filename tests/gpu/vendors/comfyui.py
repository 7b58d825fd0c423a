"""A simulator of a ComfyUI server, behind a proxy that checks a bearer.

The shapes are those that ComfyUI 0.3.64 answered with when it was run.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.gpu.vendors.base import LIVE, Answer, Ending, Fault, Request, Simulator, Task

WORKFLOW: Final[Mapping[str, Any]] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 20, "model": ["4", 0]}},
    "4": {"class_type": "UNETLoader", "inputs": {"unet_name": "wan.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
    "40": {
        "class_type": "EmptyHunyuanLatentVideo",
        "inputs": {"width": 832, "height": 480, "length": 33, "batch_size": 1},
    },
    "50": {"class_type": "SaveVideo", "inputs": {"filename_prefix": "x", "video": ["3", 0]}},
}
_STATUS: Final[Mapping[Ending, str]] = {
    Ending.SUCCEEDED: "success",
    Ending.EMPTY: "success",
    Ending.COMPLETED_WITH_ERROR: "success",
    Ending.FAILED: "error",
    Ending.CANCELED: "error",
}


def refused(kind: str, *flaws: str) -> Answer:
    """Return ComfyUI's shape of a refusal, with the kinds of what is wrong at node 40."""
    error = {"type": kind, "message": "Prompt outputs failed validation", "details": ""}
    errors = [{"type": flaw, "message": "no", "details": "width"} for flaw in flaws]
    nodes = {"40": {"errors": errors, "class_type": "EmptyHunyuanLatentVideo"}} if flaws else {}
    return Answer(400, {"error": error, "node_errors": nodes})


class Comfyui(Simulator):
    """ComfyUI: a queue, a history, and nothing that survives a restart.

    Attributes:
        cached: the nodes that are served from the cache.
    """

    endings = frozenset({*LIVE, *_STATUS})

    def __init__(self) -> None:
        super().__init__()
        self.cached: list[str] = []

    def restart(self) -> None:
        """Forget everything, as a restarted server does."""
        self.tasks.clear()

    def verb_of(self, request: Request) -> str:
        if request.method == "GET" and request.path.startswith("/history/"):
            return "poll"
        return {
            ("POST", "/prompt"): "submit",
            ("GET", "/queue"): "queue",
            ("POST", "/queue"): "delete",
            ("POST", "/interrupt"): "interrupt",
            ("GET", "/system_stats"): "health",
            ("GET", "/view"): "content",
        }.get((request.method, request.path), "")

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def refusal(self, fault: Fault) -> Answer | None:
        if fault == Fault.INVALID:
            return refused("prompt_outputs_failed_validation", "value_bigger_than_max")
        return None

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "submit":
            return self._queued(request)
        if verb == "poll":
            return Answer(200, self._history(request.path.rpartition("/")[2]))
        if verb == "queue":
            return Answer(200, self._queue())
        if verb == "content":
            return self.film()
        if verb == "health":
            return Answer(200, {"system": {"comfyui_version": "0.3.64"}, "devices": []})
        if verb == "delete":
            self._drop(request.json["delete"])
        else:
            self._interrupt(request.json)
        return Answer(200, b"")

    def _queued(self, request: Request) -> Answer:
        order = request.json
        if set(order) != {"prompt", "prompt_id"}:
            return refused("invalid_prompt")
        for node in order["prompt"].values():
            if set(node) != {"class_type", "inputs"}:
                return refused("invalid_prompt")
        self.take(Task(id=order["prompt_id"], order=order["prompt"]))
        number = len(self.asked("submit"))
        return Answer(200, {"prompt_id": order["prompt_id"], "number": number, "node_errors": {}})

    def _queue(self) -> dict[str, Any]:
        items = {
            ending: [
                [place, task.id, task.order, {}, ["50"]]
                for place, task in enumerate(self.tasks.values())
                if task.ending == ending and task.word is None
            ]
            for ending in LIVE
        }
        return {"queue_running": items[Ending.RUNNING], "queue_pending": items[Ending.QUEUED]}

    def _history(self, prompt_id: str) -> dict[str, Any]:
        task = self.tasks.get(prompt_id)
        if task is None:
            return {}
        if task.ending in LIVE and task.word is None:
            return {}
        if task.facts.get("was_waiting"):
            return {}
        made = task.ending in (Ending.SUCCEEDED, Ending.COMPLETED_WITH_ERROR)
        film = {"filename": f"{prompt_id}_00001_.mp4", "subfolder": "video", "type": "output"}
        preview = {"filename": "p.mp4", "subfolder": "", "type": "temp"}
        still = {"filename": "last.png", "subfolder": "", "type": "output"}
        entry = {
            "prompt": [0, prompt_id, task.order, {}, ["50"]],
            "outputs": {"50": {"images": [preview, still, *([film] if made else [])]}},
            "status": {
                "status_str": task.word or _STATUS[task.ending],
                "completed": task.ending in (Ending.SUCCEEDED, Ending.EMPTY),
                "messages": self._messages(task),
            },
        }
        return {prompt_id: entry}

    def _messages(self, task: Task) -> list[list[Any]]:
        about = {"prompt_id": task.id}
        messages: list[list[Any]] = [
            ["execution_start", {**about, "timestamp": 1_700_000_000_000}],
            ["execution_cached", {**about, "nodes": self.cached, "timestamp": 1_700_000_000_001}],
        ]
        end = {**about, "timestamp": 1_700_000_042_500}
        if task.ending == Ending.CANCELED:
            messages.append(["execution_interrupted", {**end, "node_id": "3", "executed": []}])
        elif task.ending in (Ending.FAILED, Ending.COMPLETED_WITH_ERROR):
            error = {
                "node_type": "KSampler",
                "exception_type": "RuntimeError",
                "exception_message": task.complaint or "mat1 and mat2 shapes cannot be multiplied",
                "traceback": ["  File ..."],
                "current_inputs": {"text": [json.dumps(task.order["6"]["inputs"])]},
            }
            messages.append(["execution_error", {**end, **error}])
        else:
            messages.append(["execution_success", end])
        return messages

    def _drop(self, prompt_ids: list[str]) -> None:
        """Take what waits out of the queue; it leaves no trace, and an unknown id is no error."""
        for prompt_id in prompt_ids:
            task = self.tasks.get(prompt_id)
            if task is not None and task.ending == Ending.QUEUED:
                task.ending, task.facts["was_waiting"] = Ending.CANCELED, True

    def _interrupt(self, said: Mapping[str, Any]) -> None:
        """End the named prompt if it runs; without a name, whatever runs."""
        for task in self.tasks.values():
            if task.ending == Ending.RUNNING and said.get("prompt_id", task.id) == task.id:
                task.ending = Ending.CANCELED
