"""A simulator of Vidu's API (ent/v2)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import urlsplit

from tests.gpu.vendors.base import Answer, Ending, Fault, Request, Simulator, Task

_PATHS: Final = ("text2video", "img2video", "start-end2video", "reference2video")
_FIELDS: Final[Mapping[str, type]] = {
    "model": str,
    "prompt": str,
    "images": list,
    "duration": int,
    "seed": int,
    "aspect_ratio": str,
    "resolution": str,
    "bgm": bool,
    "audio": bool,
    "watermark": bool,
    "off_peak": bool,
    "payload": str,
    "callback_url": str,
}
_WORDS: Final[Mapping[Ending, str]] = {
    Ending.QUEUED: "queueing",
    Ending.RUNNING: "processing",
    Ending.SUCCEEDED: "success",
    Ending.EMPTY: "success",
    Ending.COMPLETED_WITH_ERROR: "success",
    Ending.FAILED: "failed",
    Ending.MODERATED: "failed",
    Ending.CANCELED: "failed",
}
_CODES: Final[Mapping[Ending, str]] = {
    Ending.COMPLETED_WITH_ERROR: "InternalServiceFailure",
    Ending.FAILED: "InternalServiceFailure",
    Ending.MODERATED: "CreationPolicyViolation",
    Ending.CANCELED: "UserCancelled",
}


def refused(status: int, reason: str, message: str = "no") -> Answer:
    """Return Vidu's shape of a refusal."""
    said = {"code": status, "reason": reason, "message": message}
    return Answer(status, {**said, "metadata": {"trace_id": "04e5c2fe"}})


class Vidu(Simulator):
    """Vidu: a task at a path for each kind of order, our own word beside it as `payload`."""

    endings = frozenset(_WORDS)

    def __init__(self) -> None:
        super().__init__()
        self._signed_for = ""

    def verb_of(self, request: Request) -> str:
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["ent", "v2", path] if path in _PATHS:
                return "submit"
            case "GET", ["ent", "v2", "tasks"]:
                return "list"
            case "GET", ["ent", "v2", "tasks", _, "creations"]:
                return "poll"
            case "POST", ["ent", "v2", "tasks", _, "cancel"]:
                return "cancel"
        return ""

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Token {self.key}"

    def unauthorized(self) -> Answer:
        return refused(401, "Unauthorized", "unauthorized")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: refused(429, "QuotaExceeded", "quota exceeded"),
            Fault.INVALID: refused(400, "FieldInvalid", "invalid field: duration"),
            Fault.MODERATED: refused(400, "TaskPromptPolicyViolation", "prompt policy violation"),
            Fault.BROKE: refused(400, "CreditInsufficient", "insufficient credits"),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "submit":
            return self._taken(request)
        if verb == "list":
            return Answer(200, {"tasks": [self._said(task) for task in self.tasks.values()]})
        task = self.tasks.get(request.path.split("/")[4])
        if task is None:
            return refused(404, "TaskNotFound", "task not found")
        if verb == "cancel":
            return self._canceled(task, request)
        return Answer(200, self._said(self.looked_at(task)))

    def callback_body(self, task: Task) -> bytes:
        return json.dumps(self._said(task)).encode()

    def call_back(self, task_id: str, *, to: str | None = None) -> int:
        self._signed_for = to or self.tasks[task_id].callback_url
        return super().call_back(task_id, to=to)

    def sign(self, body: bytes, *, at: float) -> dict[str, str]:
        """Sign as the documents say, worked out here once more: address and headers, no body."""
        address = urlsplit(self._signed_for or self.newest.callback_url)
        date, nonce = formatdate(at, usegmt=True), "123e4567-e89b-12d3"
        text = (
            f"POST\n{address.path}\n{address.query}\nvidu\n{date}\n"
            f"Date:{date}\nx-request-nonce:{nonce}\n"
        )
        digest = hmac.new(self.key.encode(), text.encode(), hashlib.sha256).digest()
        return {
            "Date": date,
            "x-request-nonce": nonce,
            "X-HMAC-SIGNED-HEADERS": "Date;x-request-nonce",
            "X-HMAC-ALGORITHM": "hmac-sha256",
            "X-HMAC-ACCESS-KEY": "vidu",
            "X-HMAC-SIGNATURE": base64.b64encode(digest).decode(),
        }

    def _taken(self, request: Request) -> Answer:
        order = request.json
        for name, value in order.items():
            if not isinstance(value, _FIELDS.get(name, type(None))):
                return refused(400, "FieldInvalid", f"invalid field: {name}")
        missing = {"model", "duration", "resolution"} - set(order)
        if missing or not (order.get("prompt") or order.get("images")):
            return refused(400, "FieldLacking", "field is missing or empty")
        task = self.take(
            Task(
                id=str(176843862716480 + len(self.tasks)),
                order=order,
                callback_url=order.get("callback_url", ""),
                facts={"path": request.path.rpartition("/")[2]},
            )
        )
        return Answer(200, {"task_id": task.id, "state": "created", "credits": 4, **order})

    def _canceled(self, task: Task, request: Request) -> Answer:
        if request.json != {"id": task.id}:
            return refused(400, "FieldInvalid", "invalid field: id")
        if task.ending != Ending.QUEUED:
            return refused(400, "BadRequest", "task state is scheduled, can not cancel")
        task.ending = Ending.CANCELED
        return Answer(200, {})

    def _said(self, task: Task) -> dict[str, Any]:
        film = self.place_of(f"https://cdn.vidu.example/{task.id}.mp4?Signature=opens-it")
        marked = self.place_of(f"https://cdn.vidu.example/{task.id}-marked.mp4?Signature=opens-it")
        made = task.ending in (Ending.SUCCEEDED, Ending.COMPLETED_WITH_ERROR)
        code = task.complaint if task.ending == Ending.FAILED and task.complaint else ""
        return {
            "id": task.id,
            "state": task.word or _WORDS[task.ending],
            "err_code": code or _CODES.get(task.ending, ""),
            "credits": 4 if task.ending == Ending.SUCCEEDED else 0,
            "payload": task.order.get("payload", ""),
            "prompt": task.order.get("prompt", ""),
            "creations": [{"id": "c1", "url": film, "watermarked_url": marked}] if made else [],
        }
