"""Ark, simulated: contents with roles, a listing, a DELETE that cancels or erases."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from tests.gpu.vendors.base import Answer, Ending, Fault, Request, Simulator, Task

TASKS: Final = "/api/v3/contents/generations/tasks"
NEEDED: Final = frozenset({"model", "content"})
TAKEN: Final = NEEDED | {
    *("callback_url", "return_last_frame", "service_tier", "execution_expires_after", "draft"),
    *("generate_audio", "safety_identifier", "priority", "resolution", "ratio", "duration"),
    *("frames", "seed", "camera_fixed", "watermark", "tools", "output_format"),
    "omni_reference_task_type",
}
CONTENTS: Final = ("text", "image_url", "video_url", "audio_url", "draft_task")
FILTERS: Final = ("status", "model", "service_tier")  # of those that Ark has, what we play
ASKED: Final = {"page_num", "page_size", *(f"filter.{name}" for name in FILTERS)}
WORDS: Final[Mapping[Ending, str]] = {
    Ending.QUEUED: "queued",
    Ending.RUNNING: "running",
    Ending.SUCCEEDED: "succeeded",
    Ending.EMPTY: "succeeded",
    Ending.COMPLETED_WITH_ERROR: "succeeded",
    Ending.FAILED: "failed",
    Ending.MODERATED: "failed",
    Ending.CANCELED: "cancelled",
    Ending.EXPIRED: "expired",
}
ERRORS: Final[Mapping[Ending, tuple[str, str]]] = {
    Ending.FAILED: ("InternalServiceError", "Something broke"),
    Ending.COMPLETED_WITH_ERROR: ("InternalServiceError", "Something broke"),
    Ending.MODERATED: (
        "OutputVideoSensitiveContentDetected",
        "The output video may contain sensitive information.",
    ),
}


class Ark(Simulator):
    """One account. `tells_owners` is whether it repeats the safety_identifier of a task."""

    endings = frozenset(WORDS)

    def __init__(self, *, key: str = "a-key-of-the-vendor") -> None:
        super().__init__(key=key)
        self.tells_owners = True
        self._numbers = count(1)

    def verb_of(self, request: Request) -> str:
        rest = request.path.removeprefix(TASKS)
        if not request.path.startswith(TASKS):
            return ""
        if rest == "":
            return {"POST": "submit", "GET": "list"}.get(request.method, "")
        return {"GET": "poll", "DELETE": "cancel"}.get(request.method, "")

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def unauthorized(self) -> Answer:
        return self._refused(401, "AuthenticationError", "The API key is missing or invalid.")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: self._refused(429, "QuotaExceeded", "Too many queued tasks."),
            Fault.INVALID: self._refused(400, "InvalidParameter", "duration is not valid."),
            Fault.MODERATED: self._refused(400, "InputTextSensitiveContentDetected", "Sensitive."),
            Fault.BROKE: self._refused(403, "AccountOverdueError", "The account is overdue."),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "submit":
            return self._take(request)
        if verb == "list":
            return self._list(request)
        task = self.tasks.get(request.path.rpartition("/")[2])
        if task is None:
            return self._refused(404, "ResourceNotFound", "The task could not be found.")
        if verb == "cancel":
            return self._delete(task)
        return Answer(body=self._told(self.looked_at(task)))

    def callback_body(self, task: Task) -> bytes:
        return Answer(body=self._told(task)).encoded

    def _take(self, request: Request) -> Answer:
        try:
            said = request.json
        except ValueError:
            return self._refused(400, "InvalidParameter", "No JSON.")
        # Ark's own client says null for all that it was not told.
        order = {name: value for name, value in said.items() if value is not None}
        content = order.get("content")
        if not NEEDED <= set(order) <= TAKEN or not isinstance(content, list) or not content:
            return self._refused(400, "InvalidParameter", "A field is missing or unknown.")
        for part in content:
            if part.get("type") not in CONTENTS or part["type"] not in part:
                return self._refused(400, "InvalidParameter.content", "A content is wrong.")
        if not 3600 <= order.get("execution_expires_after", 172_800) <= 259_200:
            return self._refused(400, "InvalidParameter", "execution_expires_after is wrong.")
        task = Task(
            id=f"cgt-2026-{next(self._numbers)}",
            order=order,
            callback_url=order.get("callback_url", ""),
        )
        return Answer(body={"id": self.take(task).id})

    def _list(self, request: Request) -> Answer:
        page = int(request.query.get("page_num", "1"))
        size = int(request.query.get("page_size", "10"))
        if not set(request.query) <= ASKED or not (1 <= page <= 500 and 1 <= size <= 500):
            return self._refused(400, "InvalidParameter", "A page or a filter is wrong.")
        newest = [self._told(task) for task in reversed(self.tasks.values())]
        for name in FILTERS:
            wanted = request.query.get(f"filter.{name}")
            newest = [told for told in newest if wanted in (None, told[name])]
        shown = newest[(page - 1) * size : page * size]
        return Answer(body={"total": len(newest), "items": shown})

    def _delete(self, task: Task) -> Answer:
        if task.ending == Ending.QUEUED:
            task.ending = Ending.CANCELED
        elif task.ending in (Ending.RUNNING, Ending.CANCELED):
            return self._refused(409, "InvalidAction.RunningTaskDeletion", "It cannot be deleted.")
        else:
            del self.tasks[task.id]
        return Answer()

    def _told(self, task: Task) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": task.id,
            "model": task.order["model"],
            "status": WORDS[task.ending] if task.word is None else task.word,
            "created_at": 1765434920,
            "updated_at": 1765434920,
            "service_tier": task.order.get("service_tier", "default"),
            "execution_expires_after": task.order.get("execution_expires_after", 172_800),
        }
        if self.tells_owners:
            told["safety_identifier"] = task.order.get("safety_identifier")
        if task.ending in ERRORS:
            code, message = ERRORS[task.ending]
            told["error"] = {"code": code, "message": task.complaint or message}
        if task.ending in (Ending.SUCCEEDED, Ending.EMPTY, Ending.COMPLETED_WITH_ERROR):
            told["usage"] = {"completion_tokens": 246_840, "total_tokens": 246_840}
            told |= {name: task.order.get(name) for name in ("resolution", "ratio", "duration")}
            told["seed"], told["framespersecond"] = 58_944, 24
        if task.ending == Ending.SUCCEEDED:
            film = self.place_of(f"https://ark.example/{task.id}.mp4?X-Tos-Signature=opens-it")
            told["content"] = {"video_url": film}
        return told

    def _refused(self, status: int, code: str, message: str) -> Answer:
        return Answer(status, {"error": {"code": code, "message": message, "type": "BadRequest"}})
