"""fal's queue, as its documents describe it: what a request ended in, only its response tells."""

import hashlib
import json
from base64 import urlsafe_b64encode
from itertools import count
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.gpu.vendors.base import LIVE, Answer, Ending, Fault, Request, Simulator, Task

_INPUTS: Final = {"prompt", "duration", "resolution", "aspect_ratio", "generate_audio", "seed"}
_KINDS: Final = {Ending.EXPIRED: "request_timeout", Ending.CANCELED: "client_cancelled"}
_MODERATED: Final = {
    "loc": ["body", "prompt"],
    "msg": "The content was flagged by a content checker.",
    "type": "content_policy_violation",
}


class FalQueue(Simulator):
    """One account's queue, with the keys that sign its callbacks.

    Attributes:
        signer: what signs now; `published` may lag behind it.
        published: whose keys stand at `/keys`.
    """

    endings = frozenset(Ending)

    def __init__(self) -> None:
        super().__init__(key="fal-key-id:fal-key-secret")
        self.signer = Ed25519PrivateKey.generate()
        self.published = [Ed25519PrivateKey.generate(), self.signer]
        self._numbers = count(1)

    def verb_of(self, request: Request) -> str:
        steps = request.path.strip("/").split("/")
        if steps == ["keys"]:
            return "keys"
        if "requests" not in steps:
            return "submit" if request.method == "POST" and len(steps) > 1 else ""
        # Owner and app alone: with the endpoint's path the address is nobody's.
        if steps.index("requests") != 2:
            return ""
        verbs = {"GET": "response", "GET status": "poll", "PUT cancel": "cancel"}
        return verbs.get(" ".join([request.method, *steps[4:]]), "")

    def is_authorized(self, verb: str, request: Request) -> bool:
        return verb == "keys" or request.headers.get("authorization") == f"Key {self.key}"

    def unauthorized(self) -> Answer:
        return Answer(401, {"detail": "Authentication is required to access this application"})

    def refusal(self, fault: Fault) -> Answer | None:
        flaw = {"loc": ["body", "duration"], "msg": "unexpected value", "type": "value_error"}
        return {
            Fault.FULL: Answer(429, {"detail": "Too many requests"}, {"Retry-After": "7"}),
            Fault.INVALID: Answer(422, {"detail": [flaw]}),
            Fault.MODERATED: Answer(422, {"detail": [_MODERATED]}),
            Fault.BROKE: Answer(403, {"detail": "User is locked. Reason: Exhausted balance."}),
        }.get(fault)

    def answer(self, verb: str, request: Request) -> Answer:
        if verb == "keys":
            keys = [_published(key) for key in self.published]
            return Answer(200, {"keys": keys})
        if verb == "submit":
            return self._taken(request)
        task = self.tasks.get(request.path.split("/")[4])
        if task is None:
            known = {"status": "NOT_FOUND"} if verb == "cancel" else {"detail": "Request not found"}
            return Answer(404, known)
        if verb == "cancel":
            return self._canceled(task)
        return self._stands(self.looked_at(task)) if verb == "poll" else self.response(task)

    def response(self, task: Task) -> Answer:
        """Return what the request has ended in, as its own address tells."""
        if task.ending in LIVE:
            return Answer(400, {"detail": "Request is still in progress"})
        if task.ending == Ending.MODERATED:
            return Answer(422, {"detail": [{**_MODERATED, "ctx": task.complaint}]})
        if task.ending == Ending.SUCCEEDED:
            film = {
                "url": self.place_of(f"https://v3.fal.media/files/{task.id}.mp4?Signature=x"),
                "content_type": "video/mp4",
            }
            return Answer(200, {"video": film, "seed": 7})
        if task.ending == Ending.EMPTY:
            return Answer(200, {"video": None})
        return Answer(503, {"detail": self._complaint(task), "error_type": self._kind(task)})

    def callback_body(self, task: Task) -> bytes:
        ended = self.response(task)
        report: dict[str, Any] = {
            "request_id": task.id,
            "gateway_request_id": f"{task.id}-again",
            "status": "OK" if ended.status == 200 else "ERROR",
            "payload": ended.body,
        }
        if ended.status != 200:
            report["error"] = f"Invalid status code: {ended.status}"
        if task.ending in LIVE:
            report["status"] = "IN_PROGRESS"
        return json.dumps(report).encode()

    def sign(self, body: bytes, *, at: float) -> dict[str, str]:
        digest = hashlib.sha256(body).hexdigest()
        message = f"req_1\nuser_1\n{int(at)}\n{digest}".encode()
        return {
            "X-Fal-Webhook-Request-Id": "req_1",
            "X-Fal-Webhook-User-Id": "user_1",
            "X-Fal-Webhook-Timestamp": str(int(at)),
            "X-Fal-Webhook-Signature": self.signer.sign(message).hex(),
        }

    def _taken(self, request: Request) -> Answer:
        unknown = set(request.json) - _INPUTS
        if unknown or not {"prompt", "duration"} <= set(request.json):
            flaw = {"loc": ["body", *unknown], "msg": "unexpected field", "type": "value_error"}
            return Answer(422, {"detail": [flaw]})
        task = self.take(
            Task(
                id=f"0d9-{next(self._numbers)}",
                order=request.json,
                callback_url=request.query.get("fal_webhook", ""),
                headers=request.headers,
            )
        )
        # Addresses that lead elsewhere: nobody may follow them blindly.
        trap = "http://169.254.169.254/latest"
        said = {"request_id": task.id, "gateway_request_id": task.id, "status": "IN_QUEUE"}
        return Answer(200, {**said, "status_url": trap, "response_url": trap, "cancel_url": trap})

    def _stands(self, task: Task) -> Answer:
        word = task.word or {Ending.QUEUED: "IN_QUEUE", Ending.RUNNING: "IN_PROGRESS"}.get(
            task.ending, "COMPLETED"
        )
        said: dict[str, Any] = {"request_id": task.id, "status": word, "logs": []}
        if task.ending == Ending.QUEUED:
            said["queue_position"] = 3
        if word == "COMPLETED":
            said["metrics"] = {"inference_time": 42.5}
        if task.ending in (Ending.COMPLETED_WITH_ERROR, Ending.EXPIRED, Ending.CANCELED):
            said |= {"error": self._complaint(task), "error_type": self._kind(task)}
        return Answer(200 if word == "COMPLETED" else 202, said)

    def _canceled(self, task: Task) -> Answer:
        if task.ending not in LIVE:
            return Answer(400, {"status": "ALREADY_COMPLETED"})
        queued, task.ending = task.ending == Ending.QUEUED, Ending.CANCELED
        if queued:
            return Answer(200, {"status": "OK"})
        return Answer(202, {"status": "CANCELLATION_REQUESTED"})

    def _complaint(self, task: Task) -> str:
        return task.complaint or "The runner disconnected."

    def _kind(self, task: Task) -> str:
        return _KINDS.get(task.ending, "runner_disconnected")


def _published(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": urlsafe_b64encode(raw).decode().rstrip("=")}
