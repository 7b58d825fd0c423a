"""`/v1/videos` as OpenAI's own client expects it, and as gateways bend it."""

from itertools import count
from typing import Final

from tests.gpu.vendors.base import Answer, Ending, Fault, Request, Simulator, Task

_WORDS: Final = {
    Ending.QUEUED: "queued",
    Ending.RUNNING: "in_progress",
    Ending.SUCCEEDED: "completed",
    Ending.EMPTY: "completed",
    Ending.COMPLETED_WITH_ERROR: "completed",
    Ending.FAILED: "failed",
    Ending.MODERATED: "failed",
    Ending.CANCELED: "cancelled",
    Ending.EXPIRED: "expired",
}
_FIELDS: Final = {"model", "prompt", "seconds", "size", "input_reference"}
_SIZES: Final = {"1280x720", "720x1280", "1792x1024", "1024x1792"}


class VideosServer(Simulator):
    """One server.

    Attributes:
        wraps: answers stand in `{"code", "data"}`, as with some gateways.
        names_addresses: a finished video names where it lies.
        status: how an order is accepted: 200, 201 or 202.
    """

    endings = frozenset(Ending) - {Ending.EMPTY}

    def __init__(
        self, *, wraps: bool = False, names_addresses: bool = False, status: int = 200
    ) -> None:
        super().__init__(key="sk-a-key-of-the-gateway")
        self.wraps = wraps
        self.names_addresses = names_addresses
        self.status = status
        self._numbers = count(1)
        if names_addresses:
            self.endings = frozenset(Ending)

    def verb_of(self, request: Request) -> str:
        steps = request.path.strip("/").split("/")
        if steps == ["v1", "models"]:
            return "health"
        if steps[:2] != ["v1", "videos"]:
            return ""
        verbs = {
            ("POST", 2): "submit",
            ("GET", 2): "list",
            ("GET", 3): "poll",
            ("DELETE", 3): "delete",
            ("GET", 4): "content",
        }
        return verbs.get((request.method, len(steps)), "")

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def unauthorized(self) -> Answer:
        return _error(401, "Incorrect API key provided.", "invalid_api_key")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: _error(429, "Rate limit reached.", "rate_limit_exceeded"),
            Fault.INVALID: _error(400, "Invalid size.", "invalid_value"),
            Fault.MODERATED: _error(400, "Refused by our safety system.", "moderation_blocked"),
            Fault.BROKE: _error(429, "You exceeded your quota.", "insufficient_quota"),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "health":
            return Answer(200, {"object": "list", "data": []})
        if verb == "list":
            shown = [self._video(task) for task in self.tasks.values()]
            return Answer(200, {"object": "list", "data": shown, "has_more": False})
        if verb == "submit":
            return self._taken(request)
        task = self.tasks.get(request.path.split("/")[3])
        if task is None:
            return _error(404, "Video not found.", "video_not_found")
        if verb == "content":
            return self.film()
        return self._said(self._video(self.looked_at(task)), 200)

    def _taken(self, request: Request) -> Answer:
        try:
            form = request.form
        except ValueError as flaw:
            return _error(400, str(flaw), "invalid_request")
        unknown = set(form) - _FIELDS
        if unknown or not {"prompt", "seconds", "size"} <= set(form):
            return _error(400, f"Unknown or missing: {unknown}", "invalid_request")
        if form["size"] not in _SIZES or not form["seconds"].isdecimal():
            return _error(400, "Invalid size or seconds.", "invalid_value")
        task = self.take(Task(id=f"video_{next(self._numbers)}", order=form))
        return self._said(self._video(task), self.status)

    def _video(self, task: Task) -> dict[str, object]:
        video: dict[str, object] = {
            "id": task.id,
            "object": "video",
            "model": task.order.get("model", ""),
            "status": task.word or _WORDS[task.ending],
            "progress": 100 if task.ending == Ending.SUCCEEDED else 40,
            "created_at": 1760000000,
            "seconds": task.order["seconds"],
            "size": task.order["size"],
            "prompt": task.order["prompt"],
            "error": None,
        }
        if task.ending in (Ending.FAILED, Ending.COMPLETED_WITH_ERROR):
            video["error"] = {"code": "internal", "message": task.complaint or "It broke."}
        if task.ending == Ending.MODERATED:
            blocked = {"code": "moderation_blocked", "message": task.complaint or "Blocked."}
            video["error"] = blocked
        if self.names_addresses and task.ending == Ending.SUCCEEDED:
            video["url"] = self.place_of(f"https://cdn.example/{task.id}.mp4?Signature=x")
        return video

    def _said(self, video: dict[str, object], status: int) -> Answer:
        return Answer(status, {"code": "success", "data": video} if self.wraps else video)


def _error(status: int, message: str, code: str) -> Answer:
    kind = "invalid_request_error"
    return Answer(
        status, {"error": {"message": message, "type": kind, "param": None, "code": code}}
    )
