"""Replicate's predictions, as its own client expects them."""

import base64
import json
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from standardwebhooks import Webhook

from tests.gpu.vendors.base import LIVE, Answer, Ending, Fault, Request, Simulator, Task

SECRET: Final = "whsec_" + base64.b64encode(b"what signs the callbacks").decode()
_WORDS: Final = {
    Ending.QUEUED: "starting",
    Ending.RUNNING: "processing",
    Ending.SUCCEEDED: "succeeded",
    Ending.EMPTY: "succeeded",
    Ending.COMPLETED_WITH_ERROR: "succeeded",
    Ending.FAILED: "failed",
    Ending.MODERATED: "failed",
    Ending.CANCELED: "canceled",
    Ending.EXPIRED: "aborted",
}
_FIELDS: Final = {"version", "input", "webhook", "webhook_events_filter"}
_INPUTS: Final = {"prompt", "duration", "resolution", "aspect_ratio", "seed"}
_MODERATED: Final = "The input or output was flagged as sensitive. (E005)"


class ReplicateServer(Simulator):
    """One account.

    Attributes:
        lists_webhooks: the list says where each prediction reports.
    """

    endings = frozenset(Ending)

    def __init__(self) -> None:
        super().__init__(key="r8_a-token-of-the-account")
        self.lists_webhooks = True
        self._numbers = count(1)

    def verb_of(self, request: Request) -> str:
        steps = request.path.strip("/").split("/")
        if steps == ["v1", "account"]:
            return "health"
        if request.method == "POST" and steps[-1] == "predictions":
            return "submit"
        if steps[:2] != ["v1", "predictions"]:
            return ""
        verbs = {("GET", 2): "list", ("GET", 3): "poll", ("POST", 4): "cancel"}
        return verbs.get((request.method, len(steps)), "")

    def is_authorized(self, verb: str, request: Request) -> bool:
        return request.headers.get("authorization") == f"Bearer {self.key}"

    def unauthorized(self) -> Answer:
        return _problem(401, "Unauthenticated", "You did not pass a valid token.")

    def refusal(self, fault: Fault) -> Answer | None:
        return {
            Fault.FULL: _problem(429, "Too many requests", "Request was throttled."),
            Fault.INVALID: _problem(422, "Input validation failed", "duration: too long"),
            Fault.MODERATED: _problem(422, "Input validation failed", _MODERATED),
            Fault.BROKE: _problem(402, "Insufficient credit", "You have insufficient credit."),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "health":
            return Answer(200, {"type": "organization", "username": "linggan"})
        if verb == "list":
            return Answer(200, {"previous": None, "next": None, "results": self._listed()})
        if verb == "submit":
            return self._taken(request)
        task = self.tasks.get(request.path.split("/")[3])
        if task is None:
            return Answer(404, {"detail": "Prediction not found"})
        if verb == "cancel" and task.ending in LIVE:
            task.ending = Ending.CANCELED
        return Answer(200, self.prediction(self.looked_at(task)))

    def prediction(self, task: Task) -> dict[str, Any]:
        """Return the prediction as it is now."""
        made = {
            "succeeded": self.place_of(
                f"https://replicate.delivery/xezq/{task.id}/out.mp4?Signature=x"
            )
        }
        output = made.get(task.ending.value)
        error = {
            Ending.FAILED: task.complaint or "CUDA error",
            Ending.COMPLETED_WITH_ERROR: task.complaint or "CUDA error",
            Ending.MODERATED: f"{_MODERATED} {task.complaint}",
        }.get(task.ending)
        url = f"{self.url}/v1/predictions/{task.id}"
        return {
            "id": task.id,
            "model": task.facts["model"],
            "version": task.order.get("version", "hidden"),
            "input": task.order["input"],
            "output": output,
            "logs": f"prompt: {task.order['input']['prompt']}",
            "error": error,
            "status": task.word or _WORDS[task.ending],
            "created_at": "2026-11-26T12:00:00.000Z",
            "data_removed": False,
            "started_at": None if task.ending == Ending.QUEUED else "2026-11-26T12:00:01.000Z",
            "completed_at": None if task.ending in LIVE else "2026-11-26T12:01:00.000Z",
            "metrics": {"predict_time": 58.5} if task.ending == Ending.SUCCEEDED else {},
            "urls": {"get": url, "cancel": f"{url}/cancel"},
        }

    def callback_body(self, task: Task) -> bytes:
        return json.dumps(self.prediction(task)).encode()

    def sign(self, body: bytes, *, at: float) -> dict[str, str]:
        stamp = int(at)
        instant = datetime.fromtimestamp(stamp, UTC)
        signature = Webhook(SECRET).sign("msg_1", instant, body.decode(errors="replace"))
        return {
            "Webhook-Id": "msg_1",
            "Webhook-Timestamp": str(stamp),
            "Webhook-Signature": f"v1,{'A' * 43}= {signature}",
        }

    def _taken(self, request: Request) -> Answer:
        order = request.json
        if set(order) - _FIELDS or ("version" in order) != (request.path == "/v1/predictions"):
            return _problem(422, "Input validation failed", "unknown or missing field")
        unknown = set(order["input"]) - _INPUTS
        if unknown or not {"prompt", "duration"} <= set(order["input"]):
            return _problem(422, "Input validation failed", f"input: {sorted(unknown)}")
        task = Task(
            id=f"rm0{next(self._numbers)}xezq",
            order=order,
            callback_url=order.get("webhook", ""),
            headers=request.headers,
            facts={"model": "/".join(request.path.split("/")[3:5])},
        )
        return Answer(201, self.prediction(self.take(task)))

    def _listed(self) -> list[dict[str, Any]]:
        """Return the newest first, without what went in and what came out."""
        listed = []
        for task in reversed(self.tasks.values()):
            shown = self.prediction(task)
            for name in ("input", "output", "logs"):
                shown.pop(name)
            if self.lists_webhooks:
                shown["webhook"] = task.callback_url
            listed.append(shown)
        return listed[:100]


def _problem(status: int, title: str, detail: str) -> Answer:
    return Answer(status, {"title": title, "detail": detail, "status": status})
