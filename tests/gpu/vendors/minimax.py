"""Simulators of MiniMax's video API: v2, and v1 with its files."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from tests.gpu.vendors.base import LIVE, Answer, Ending, Fault, Request, Simulator, Task

_V2_FIELDS: Final[Mapping[str, type]] = {
    "model": str,
    "content": list,
    "resolution": str,
    "duration": int,
    "ratio": str,
    "seed": int,
    "aigc_watermark": bool,
    "callback_url": str,
}
_V1_FIELDS: Final[Mapping[str, type]] = {
    "model": str,
    "prompt": str,
    "duration": int,
    "resolution": str,
    "first_frame_image": str,
    "last_frame_image": str,
    "subject_reference": list,
    "aigc_watermark": bool,
    "callback_url": str,
}
_V2_WORDS: Final[Mapping[Ending, str]] = {
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
_V1_WORDS: Final[Mapping[Ending, str]] = {
    Ending.QUEUED: "Queueing",
    Ending.RUNNING: "Processing",
    Ending.SUCCEEDED: "Success",
    Ending.EMPTY: "Success",
    Ending.COMPLETED_WITH_ERROR: "Success",
    Ending.FAILED: "Fail",
    Ending.MODERATED: "Fail",
}
_FLAWS: Final[Mapping[Ending, tuple[int, str]]] = {
    Ending.COMPLETED_WITH_ERROR: (1000, "unknown error"),
    Ending.FAILED: (1000, "unknown error"),
    Ending.MODERATED: (1027, "output content is sensitive"),
}


def refused_v2(status: int, code: int, message: str = "no") -> Answer:
    """Return v2's shape of a refusal: the code stands within the sentence."""
    error = {"type": "some_error", "message": f"{message} ({code})", "http_code": str(status)}
    return Answer(status, {"type": "error", "error": error, "request_id": "0217"})


def refused_v1(code: int, message: str = "no") -> Answer:
    """Return v1's shape of a refusal: status 200, and all fields of an answer, empty."""
    blank = {"task_id": "", "status": "", "file_id": ""}
    return Answer(200, {**blank, "base_resp": {"status_code": code, "status_msg": message}})


class _Minimax(Simulator):
    """What both versions share."""

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def callback_body(self, task: Task) -> bytes:
        return json.dumps(self.said(task)).encode()

    @abstractmethod
    def said(self, task: Task) -> dict[str, Any]:
        """Return what is said of a task, asked or reported."""


class MinimaxV2(_Minimax):
    """v2: contents with roles, a film's address, and a DELETE that does two things."""

    endings = frozenset(_V2_WORDS)

    def verb_of(self, request: Request) -> str:
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["v2", "video_generation"]:
                return "submit"
            case "GET", ["v2", "query", "video_generation", _]:
                return "poll"
            case "DELETE", ["v2", "video_generation", _]:
                return "cancel"
        return ""

    def unauthorized(self) -> Answer:
        return refused_v2(401, 1004, "login fail")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: refused_v2(429, 1002, "rate limit, please retry later"),
            Fault.INVALID: refused_v2(400, 2013, "invalid params"),
            Fault.MODERATED: refused_v2(422, 1026, "video description contains sensitive content"),
            Fault.BROKE: refused_v2(402, 1008, "insufficient balance"),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "submit":
            return self._taken(request)
        task = self.tasks.get(request.path.rpartition("/")[2])
        if task is None:
            return refused_v2(400, 2013, "invalid params, invalid task_id")
        if verb == "poll":
            return Answer(200, self.said(self.looked_at(task)))
        if task.ending == Ending.QUEUED:
            task.ending = Ending.CANCELED
            return Answer(200, {"task_id": task.id, "action": "cancelled"})
        if task.ending in (Ending.RUNNING, Ending.CANCELED):
            return refused_v2(400, 2013, "task cannot be cancelled")
        del self.tasks[task.id]
        return Answer(200, {"task_id": task.id, "action": "deleted"})

    def said(self, task: Task) -> dict[str, Any]:
        film = self.place_of(f"https://cdn.minimax.example/{task.id}.mp4?Signature=opens-it")
        made = task.ending in (Ending.SUCCEEDED, Ending.COMPLETED_WITH_ERROR)
        said: dict[str, Any] = {
            "id": task.id,
            "type": "video_generation",
            "model": task.order["model"],
            "status": task.word or _V2_WORDS[task.ending],
            "content": {"url": film} if made else {},
            "usage": {"total_seconds": task.order["duration"]} if made else {},
        }
        if task.ending in _FLAWS:
            code, message = _FLAWS[task.ending]
            said["error"] = {"code": str(code), "message": task.complaint or message}
        return said

    def _taken(self, request: Request) -> Answer:
        order = request.json
        for name, value in order.items():
            if not isinstance(value, _V2_FIELDS.get(name, type(None))):
                return refused_v2(400, 2013, f"invalid params, {name}")
        texts = [part.get("text") for part in order["content"] if part["type"] == "text"]
        if len(texts) != 1 or not texts[0]:
            return refused_v2(400, 2013, "content must include a non-empty text item")
        if len(order["content"]) == 1 and order.get("ratio") in (None, "adaptive"):
            return refused_v2(400, 2013, "ratio is required")
        task = Task(
            id=str(424010985738629 + len(self.tasks)),
            order=order,
            callback_url=order.get("callback_url", ""),
        )
        self.take(task)
        return Answer(200, {"task_id": task.id})


class MinimaxV1(_Minimax):
    """v1: flat fields, refusals with status 200, and a film behind a second question."""

    endings = frozenset(_V1_WORDS)

    def verb_of(self, request: Request) -> str:
        return {
            ("POST", "/v1/video_generation"): "submit",
            ("GET", "/v1/query/video_generation"): "poll",
            ("GET", "/v1/files/retrieve"): "file",
        }.get((request.method, request.path), "")

    def unauthorized(self) -> Answer:
        return refused_v1(1004, "login fail")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: refused_v1(1002, "rate limit"),
            Fault.INVALID: refused_v1(2013, "invalid params"),
            Fault.MODERATED: refused_v1(1026, "video description contains sensitive content"),
            Fault.BROKE: refused_v1(1008, "insufficient balance"),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "submit":
            return self._taken(request)
        if verb == "file":
            film = self.place_of(f"https://cdn.minimax.example/{request.query['file_id']}.mp4")
            file = {"file_id": int(request.query["file_id"]), "download_url": film}
            return Answer(200, {"file": file, "base_resp": {"status_code": 0}})
        task = self.tasks.get(request.query.get("task_id", ""))
        if task is None:
            return refused_v1(2013, "invalid params, invalid task_id")
        return Answer(200, self.said(self.looked_at(task)))

    def said(self, task: Task) -> dict[str, Any]:
        code, message = _FLAWS.get(task.ending, (0, "success"))
        made = task.ending in (Ending.SUCCEEDED, Ending.COMPLETED_WITH_ERROR)
        return {
            "task_id": task.id,
            "status": task.word or _V1_WORDS[task.ending],
            "file_id": f"2{task.id}" if made else "",
            "video_width": 1366,
            "base_resp": {
                "status_code": code,
                "status_msg": task.complaint if task.ending not in LIVE and code else message,
            },
        }

    def _taken(self, request: Request) -> Answer:
        order = request.json
        for name, value in order.items():
            if not isinstance(value, _V1_FIELDS.get(name, type(None))):
                return refused_v1(2013, f"invalid params, {name}")
        task = Task(
            id=str(106916112212032 + len(self.tasks)),
            order=order,
            callback_url=order.get("callback_url", ""),
        )
        self.take(task)
        said = {"status_code": 0, "status_msg": "success"}
        return Answer(200, {"task_id": task.id, "base_resp": said})
