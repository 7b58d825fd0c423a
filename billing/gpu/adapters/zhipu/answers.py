"""Reads Zhipu's JSON: what a task says of itself, and why a request was refused. Pure."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from billing.gpu import reading
from billing.gpu.protocol import AttemptView, Fail, State, Status
from billing.gpu.reading import Unreadable, addresses, part, read_object, state_of, text
from billing.gpu.replies import Refusal, refuse, require_accepted
from billing.gpu.wire import Reply

_STATES: Final[Mapping[str, State]] = {
    "processing": State.RUNNING,
    "success": State.SUCCEEDED,
    "fail": State.FAILED,
    "failed": State.FAILED,
}
_MODERATED: Final = "1301"
# By the code inside the body: an account in arrears is answered with 429, as a full one is.
_REFUSALS: Final[Mapping[str, Refusal]] = {
    # the key
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004"), Refusal.OURS),
    # the account: not active, unknown, locked, in arrears
    **dict.fromkeys(("1110", "1111", "1112", "1113", "1120", "1121"), Refusal.OURS),
    # the contract: no such model or API for us, or blocked by policy
    **dict.fromkeys(("1211", "1212", "1220", "1221", "1222", "1300", "1309"), Refusal.OURS),
    # the order's values
    **dict.fromkeys(("1210", "1213", "1214", "1215"), Refusal.INVALID),
    # "API call error", "process error", "network error": it may have been taken
    **dict.fromkeys(("1200", "1230", "1234"), Refusal.DOUBT),
    # a request of this `request_id` is there already: one of ours runs
    "1231": Refusal.DOUBT,
    _MODERATED: Refusal.MODERATED,
    # too many at once, too often, the day's limit, overload
    **dict.fromkeys(("1302", "1303", "1304", "1305", "1308"), Refusal.LATER),
}
_PATHS_UNKNOWN: Final = ("1221", "1222")
_MODERATION_WORDS: Final = ("sensitive", "unsafe", "敏感", "不安全")


def require_taken(reply: Reply) -> None:
    """Return for an answer that means yes; raise what Zhipu's code, else the status means."""
    code, said = _refusal_of(reply.body)
    if meaning := _REFUSALS.get(code):
        refuse(meaning, said=said, reply=reply)
    require_accepted(reply, reason=said)


def is_unknown(reply: Reply) -> bool:
    """Say whether the answer is that there is no such task; no path at all is another matter."""
    code, _said = _refusal_of(reply.body)
    return reply.status == HTTPStatus.NOT_FOUND and bool(code) and code not in _PATHS_UNKNOWN


def read_taken(body: bytes, attempt: AttemptView) -> Status:
    """Return the status of an order just taken.

    Raises:
        Unreadable: it names no task, or another attempt's.
    """
    task = read_object(body)
    if not isinstance(task.get("id"), str) or not task["id"]:
        raise Unreadable("It names no task.")
    return read_status(task, attempt)


def read_status(task: Mapping[str, Any], attempt: AttemptView) -> Status:
    """Return what `task` says about the attempt.

    Raises:
        Unreadable: about another attempt, or without a status.
    """
    if task.get("request_id") not in (None, "", attempt.id):
        raise Unreadable("It speaks of another attempt.")
    if attempt.provider_id and task.get("id") not in (None, "", attempt.provider_id):
        raise Unreadable("It speaks of another task.")
    state = state_of(task.get("task_status"), _STATES)
    code, message = text(part(task, "error", "code")), text(part(task, "error", "message"))
    made = task.get("video_result")
    outputs = addresses([part(film, "url") for film in made] if isinstance(made, list) else [])
    fail = None
    if state == State.FAILED or (state == State.SUCCEEDED and code):
        state, fail = State.FAILED, _fail_of(code, message)
    elif state == State.SUCCEEDED and not outputs:
        state, fail, message = State.FAILED, Fail.EMPTY, "It ended well, and no output came."
    return Status(
        state=state,
        provider_id=text(task.get("id")) or attempt.provider_id,
        progress=1.0 if state == State.SUCCEEDED else None,
        outputs=outputs if state == State.SUCCEEDED else (),
        fail=fail,
        message=text(f"{code} {message}"),
        raw={
            "id": text(task.get("id")),
            "task_status": text(task.get("task_status")),
            "code": code,
            "message": message,
        },
    )


def _fail_of(code: str, message: str) -> Fail:
    if code == _MODERATED:
        return Fail.MODERATION
    return reading.fail_class(message, moderation=_MODERATION_WORDS)


def _refusal_of(body: bytes) -> tuple[str, str]:
    """Return the code and the sentence of a refusal, "" where the body names none."""
    try:
        answer = read_object(body)
    except Unreadable:
        return "", "The backend gave no reason."
    if "task_status" in answer:
        return "", ""  # a task that has failed is no refusal of the question
    code = text(part(answer, "error", "code"))
    return code, text(f"{code} {text(part(answer, 'error', 'message'))}") or "No reason."
