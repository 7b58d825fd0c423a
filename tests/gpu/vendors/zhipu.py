"""A simulator of Zhipu's video API."""

from collections.abc import Mapping
from typing import Any, Final

from tests.gpu.vendors.base import Answer, Ending, Fault, Request, Simulator, Task

_API: Final = "/api/paas/v4"
_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "model": str,
    "prompt": str,
    "image_url": (str, list),
    "quality": str,
    "with_audio": bool,
    "watermark_enabled": bool,
    "size": str,
    "fps": int,
    "duration": int,
    "request_id": str,
    "user_id": str,
}
_SIZES: Final = (
    *("1280x720", "720x1280", "1024x1024", "1920x1080", "1080x1920", "2048x1080", "3840x2160"),
)
_WORDS: Final[Mapping[Ending, str]] = {
    Ending.RUNNING: "PROCESSING",
    Ending.SUCCEEDED: "SUCCESS",
    Ending.EMPTY: "SUCCESS",
    Ending.COMPLETED_WITH_ERROR: "SUCCESS",
    Ending.FAILED: "FAIL",
    Ending.MODERATED: "FAIL",
}
_ERRORS: Final[Mapping[Ending, tuple[str, str]]] = {
    Ending.COMPLETED_WITH_ERROR: ("500", "Internal Error"),
    Ending.FAILED: ("500", "Internal Error"),
    Ending.MODERATED: ("1301", "System detected potentially unsafe or sensitive content"),
}


def refused(status: int, code: str, message: str = "no") -> Answer:
    """Return Zhipu's shape of a refusal."""
    return Answer(status, {"error": {"code": code, "message": message}})


class Zhipu(Simulator):
    """Zhipu: an order, and a place where its result stands once it is there."""

    endings = frozenset(_WORDS)

    def verb_of(self, request: Request) -> str:
        if (request.method, request.path) == ("POST", f"{_API}/videos/generations"):
            return "submit"
        if request.method == "GET" and request.path.startswith(f"{_API}/async-result/"):
            return "poll"
        return ""

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def unauthorized(self) -> Answer:
        return refused(401, "1002", "Invalid Authentication Token")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: refused(429, "1302", "High concurrency usage of this API"),
            Fault.INVALID: refused(400, "1214", "Invalid duration parameter"),
            Fault.MODERATED: refused(400, "1301", "potentially unsafe or sensitive content"),
            Fault.BROKE: refused(429, "1113", "Your account is in arrears"),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "submit":
            return self._taken(request)
        task = self.tasks.get(request.path.rpartition("/")[2])
        if task is None:
            return refused(404, "1200", "no such task")
        return Answer(200, self._said(self.looked_at(task)))

    def _taken(self, request: Request) -> Answer:
        # The vendor's own client says null for what it was not told.
        order = {name: value for name, value in request.json.items() if value is not None}
        for name, value in order.items():
            if name not in _FIELDS or not isinstance(value, _FIELDS[name]):
                return refused(400, "1214", f"Invalid {name} parameter")
        if not (order.get("prompt") or order.get("image_url")):
            return refused(400, "1213", "prompt parameter not received properly")
        if order.get("duration", 5) not in (5, 10) or order.get("size", _SIZES[0]) not in _SIZES:
            return refused(400, "1214", "Invalid parameter")
        task = Task(id=f"{len(self.tasks)}898-16910", order=order, ending=Ending.RUNNING)
        self.take(task)
        return Answer(200, {**self._said(task), "id": task.id})

    def _said(self, task: Task) -> dict[str, Any]:
        film = self.place_of(f"https://aigc.zhipu.example/{task.id}.mp4?Signature=opens-it")
        said: dict[str, Any] = {
            "model": task.order["model"],
            "request_id": task.order.get("request_id", f"made-{task.id}"),
            "task_status": task.word or _WORDS.get(task.ending, "PROCESSING"),
            "video_result": [],
        }
        if task.ending in (Ending.SUCCEEDED, Ending.COMPLETED_WITH_ERROR):
            said["video_result"] = [{"url": film, "cover_image_url": f"{film}.png"}]
        if task.ending in _ERRORS:
            code, message = _ERRORS[task.ending]
            said["error"] = {"code": code, "message": task.complaint or message}
        return said
