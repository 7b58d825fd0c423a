"""DashScope, simulated: asynchronous tasks in an envelope, a listing, a cancel of what waits."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from tests.gpu.vendors.base import LIVE, Answer, Ending, Fault, Request, Simulator, Task

VIDEO: Final = "/api/v1/services/aigc/video-generation/video-synthesis"
FRAMES: Final = "/api/v1/services/aigc/image2video/video-synthesis"
TASKS: Final = "/api/v1/tasks"
INPUTS: Final = {
    *("prompt", "negative_prompt", "img_url", "audio_url", "first_frame_url", "last_frame_url"),
    *("media", "template", "extend_prompt", "function"),  # its own client says the last two
}
PARAMETERS: Final = {
    *("size", "resolution", "ratio", "duration", "prompt_extend", "watermark", "audio", "seed"),
    *("shot_type",),
}
WORDS: Final[Mapping[Ending, str]] = {
    Ending.QUEUED: "PENDING",
    Ending.RUNNING: "RUNNING",
    Ending.SUCCEEDED: "SUCCEEDED",
    Ending.EMPTY: "SUCCEEDED",
    Ending.COMPLETED_WITH_ERROR: "SUCCEEDED",
    Ending.FAILED: "FAILED",
    Ending.MODERATED: "FAILED",
    Ending.CANCELED: "CANCELED",
}
ERRORS: Final[Mapping[Ending, tuple[str, str]]] = {
    Ending.FAILED: ("InternalError.Algo", "Something broke"),
    Ending.COMPLETED_WITH_ERROR: ("InternalError.Algo", "Something broke"),
    Ending.MODERATED: ("DataInspectionFailed", "Output data may contain inappropriate content."),
}


class DashScope(Simulator):
    """One account, in one region."""

    endings = frozenset(WORDS)

    def __init__(self, *, key: str) -> None:
        super().__init__(key=key)
        self._numbers = count(1)

    def verb_of(self, request: Request) -> str:
        if request.path in (VIDEO, FRAMES):
            return "submit" if request.method == "POST" else ""
        if request.path == TASKS:
            return "list" if request.method == "GET" else ""
        if not request.path.startswith(f"{TASKS}/"):
            return ""
        if request.path.endswith("/cancel"):
            return "cancel" if request.method == "POST" else ""
        return "poll" if request.method == "GET" else ""

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def unauthorized(self) -> Answer:
        return self._refused(401, "InvalidApiKey", "Invalid API-key provided.")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: self._refused(429, "Throttling.RateQuota", "Too many requests."),
            Fault.INVALID: self._refused(400, "InvalidParameter", "duration is not valid."),
            Fault.MODERATED: self._refused(400, "DataInspectionFailed", "Inappropriate."),
            Fault.BROKE: self._refused(400, "Arrearage", "Access denied."),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "submit":
            return self._take(request)
        if verb == "list":
            told = [self._listed(task) for task in self.tasks.values()]
            return Answer(body={"request_id": "r-1", "data": told, "total": len(told)})
        task_id = request.path.removeprefix(f"{TASKS}/").removesuffix("/cancel")
        task = self.tasks.get(task_id)
        if verb == "cancel":
            return self._cancel(task)
        if task is None:
            return self._said({"task_id": task_id, "task_status": "UNKNOWN"})
        return self._told(self.looked_at(task))

    def _take(self, request: Request) -> Answer:
        if request.headers.get("x-dashscope-async") != "enable":
            return self._refused(403, "AccessDenied", "It does not support synchronous calls.")
        try:
            order = request.json
        except ValueError:
            return self._refused(400, "InvalidParameter", "No JSON.")
        flaw = self._flaw(order, request.path)
        if flaw:
            return self._refused(400, "InvalidParameter", flaw)
        task = self.take(Task(id=f"task-{next(self._numbers)}", order=order))
        return self._said({"task_id": task.id, "task_status": "PENDING"})

    def _flaw(self, order: Mapping[str, Any], path: str) -> str:
        given, parameters = order.get("input"), order.get("parameters", {})
        if not order.get("model") or not isinstance(given, dict):
            return "Required input is missing."
        if not set(given) <= INPUTS or not set(parameters) <= PARAMETERS:
            return "A field is unknown."
        if not isinstance(parameters.get("duration", 5), int):
            return "duration must be a whole number."
        frames = "kf2v" in order["model"]
        return "url error, please check url!" if frames != (path == FRAMES) else ""

    def _cancel(self, task: Task | None) -> Answer:
        if task is None or task.ending != Ending.QUEUED:
            return self._refused(400, "UnsupportedOperation", "Only a pending task is cancelled.")
        task.ending = Ending.CANCELED
        return Answer(body={"request_id": "r-1"})

    def _told(self, task: Task) -> Answer:
        output: dict[str, Any] = {
            "task_id": task.id,
            "task_status": WORDS[task.ending] if task.word is None else task.word,
            "submit_time": "2026-11-26 12:00:00.000",
        }
        if task.ending not in LIVE:
            output["orig_prompt"] = task.order["input"].get("prompt", "")
            output["actual_prompt"] = f"{output['orig_prompt']}, in golden light"
        if task.ending in ERRORS:
            code, message = ERRORS[task.ending]
            output |= {"code": code, "message": task.complaint or message}
        if task.ending != Ending.SUCCEEDED:
            return self._said(output)
        output["video_url"] = self.place_of(
            f"https://dashscope.example/{task.id}.mp4?Signature=opens-it"
        )
        length = task.order.get("parameters", {}).get("duration", 5)
        return self._said(output, {"duration": length, "SR": 720, "video_count": 1})

    def _listed(self, task: Task) -> dict[str, str]:
        return {
            "task_id": task.id,
            "status": WORDS[task.ending] if task.word is None else task.word,
            "model_name": task.order["model"],
        }

    def _said(self, output: object, usage: object = None) -> Answer:
        said = {"request_id": "r-1", "output": output}
        return Answer(body=said if usage is None else {**said, "usage": usage})

    def _refused(self, status: int, code: str, message: str) -> Answer:
        return Answer(status, {"request_id": "r-1", "code": code, "message": message})
