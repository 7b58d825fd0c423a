"""Kling's own API, simulated: signed tokens, five paths, an envelope, tasks found by our ids."""

import time
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

import jwt

from tests.gpu.vendors.base import Answer, Ending, Fault, Request, Simulator, Task

ACCESS_KEY: Final = "the-access-key"
FORMS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    # path: what it takes, and what it cannot do without
    "text2video": (
        frozenset({"model_name", "mode", "duration", "sound", "aspect_ratio"}),
        frozenset({"prompt"}),
    ),
    "image2video": (
        frozenset({"model_name", "mode", "duration", "sound", "image_tail", "prompt"}),
        frozenset({"image"}),
    ),
    "multi-image2video": (
        frozenset({"model_name", "mode", "duration", "aspect_ratio"}),
        frozenset({"image_list", "prompt"}),
    ),
    "omni-video": (
        frozenset({"model_name", "mode", "duration", "sound", "aspect_ratio", "image_list"}),
        frozenset({"prompt"}),
    ),
    "video-extend": (frozenset({"prompt"}), frozenset({"video_id"})),
}
ANYWHERE: Final = {"negative_prompt", "watermark_info", "callback_url", "external_task_id"}
WORDS: Final[Mapping[Ending, str]] = {
    Ending.QUEUED: "submitted",
    Ending.RUNNING: "processing",
    Ending.SUCCEEDED: "succeed",
    Ending.EMPTY: "succeed",
    Ending.FAILED: "failed",
    Ending.MODERATED: "failed",
}
COMPLAINTS: Final[Mapping[Ending, str]] = {
    Ending.FAILED: "Something broke",
    Ending.MODERATED: "Failure to pass the risk control system",
}


class Kling(Simulator):
    """One account; by its key pair, or by an API key where `access_key` is empty."""

    endings = frozenset(WORDS)

    def __init__(self, *, key: str, access_key: str = ACCESS_KEY) -> None:
        super().__init__(key=key)
        self.access_key = access_key
        self.names_are_unique = False  # as they are at Kling; the contract uses one several times
        self._numbers = count(867283741759111202)

    def verb_of(self, request: Request) -> str:
        steps = request.path.removeprefix("/v1/videos/").split("/")
        if not request.path.startswith("/v1/videos/") or steps[0] not in FORMS:
            return ""
        verbs = {("POST", 1): "submit", ("GET", 2): "poll", ("GET", 1): "list"}
        return verbs.get((request.method, len(steps)), "")

    def is_authorized(self, verb: str, request: Request) -> bool:
        word, _blank, token = request.headers.get("authorization", "").partition(" ")
        if word != "Bearer":
            return False
        if not self.access_key:
            return token == self.key
        try:
            claims = jwt.decode(
                token,
                self.key,
                algorithms=["HS256"],
                issuer=self.access_key,
                options={"require": ["exp", "nbf", "iss"]},
            )
        except jwt.InvalidTokenError:
            return False
        return bool(claims["exp"] - time.time() <= 1800)

    def unauthorized(self) -> Answer:
        return self._said(401, 1002, "Authorization is invalid")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: self._said(429, 1303, "parallel task over resource pack limit"),
            Fault.INVALID: self._said(400, 1201, "duration value is invalid"),
            Fault.MODERATED: self._said(400, 1301, "content security policy"),
            Fault.BROKE: self._said(429, 1102, "Resource pack depleted"),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        path = request.path.split("/")[3]
        if verb == "submit":
            return self._take(path, request)
        if verb == "list":
            tasks = [self._told(task) for task in self.tasks.values()]
            return self._said(200, 0, "SUCCEED", tasks)
        name = request.path.split("/")[4]
        for task in self.tasks.values():
            if task.facts["at"] == path and name == task.id:
                return self._said(200, 0, "SUCCEED", self._told(self.looked_at(task)))
            if task.facts["at"] == path and name == task.order.get("external_task_id"):
                return self._said(200, 0, "SUCCEED", self._told(task))
        return self._said(404, 1203, "Resource not found")

    def callback_body(self, task: Task) -> bytes:
        return Answer(body=self._told(task)).encoded

    def _take(self, path: str, request: Request) -> Answer:
        try:
            order = request.json
        except ValueError:
            return self._said(400, 1200, "Invalid JSON")
        taken, needed = FORMS[path]
        if not needed <= set(order) <= taken | needed | ANYWHERE:
            return self._said(400, 1201, "A field is missing or unknown")
        if not isinstance(order.get("duration", ""), str):
            return self._said(400, 1201, "duration must be a string")
        ours = order.get("external_task_id")
        if self.names_are_unique and ours in [
            task.order.get("external_task_id") for task in self.tasks.values()
        ]:
            return self._said(400, 1201, "external_task_id is not unique")
        task = self.take(
            Task(
                id=str(next(self._numbers)),
                order=order,
                callback_url=order.get("callback_url", ""),
                facts={"at": path},
            )
        )
        return self._said(200, 0, "SUCCEED", self._told(task))

    def _told(self, task: Task) -> dict[str, Any]:
        told: dict[str, Any] = {
            "task_id": task.id,
            "task_status": WORDS[task.ending] if task.word is None else task.word,
            "task_info": {"external_task_id": task.order.get("external_task_id", "")},
            "created_at": 1722769557708,
            "updated_at": 1722769557708,
        }
        if task.ending in COMPLAINTS:
            told["task_status_msg"] = task.complaint or COMPLAINTS[task.ending]
        if task.ending in (Ending.SUCCEEDED, Ending.EMPTY):
            film = self.place_of(f"https://cdn.example/{task.id}.mp4?Signature=opens-it")
            marked = self.place_of(f"https://cdn.example/{task.id}-marked.mp4?Signature=opens-it")
            told["final_unit_deduction"] = "3.5"
            told["task_result"] = {
                "videos": [
                    {"id": f"film-{task.id}", "url": film, "duration": "5.1"}
                    | ({"watermark_url": marked} if task.order["watermark_info"]["enabled"] else {})
                ]
            }
            if task.facts["at"] == "video-extend":
                told["task_info"]["parent_video"] = {"id": task.order["video_id"]}
        if task.ending == Ending.EMPTY:
            told["task_result"] = {"videos": []}
        return told

    def _said(self, status: int, code: int, message: str, data: object = None) -> Answer:
        said = {"code": code, "message": message, "request_id": "9984d27b"}
        return Answer(status, said if data is None else {**said, "data": data})
