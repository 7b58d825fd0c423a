"""Reads MiniMax's JSON of both versions: tasks, refusals, files and challenges. Pure."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from billing.gpu import reading
from billing.gpu.protocol import AttemptView, Fail, State, Status
from billing.gpu.reading import Unreadable, addresses, part, read_object, state_of, text, usage
from billing.gpu.replies import Refusal, refuse, require_accepted
from billing.gpu.wire import Reply

FILE_WORD: Final = "file:"
_STATES: Final[Mapping[str, State]] = {
    # v2
    "queued": State.QUEUED,
    "running": State.RUNNING,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "cancelled": State.CANCELED,
    "canceled": State.CANCELED,
    "expired": State.EXPIRED,
    # v1
    "preparing": State.QUEUED,
    "queueing": State.QUEUED,
    "processing": State.RUNNING,
    "success": State.SUCCEEDED,
    "fail": State.FAILED,
}
_MODERATED: Final = ("1026", "1027")
_INVALID: Final = ("1042", "2013")
# `base_resp.status_code` of v1, which comes with status 200; v2 says it within its sentence.
_REFUSALS: Final[Mapping[str, Refusal]] = {
    **dict.fromkeys(_MODERATED, Refusal.MODERATED),
    **dict.fromkeys(_INVALID, Refusal.INVALID),
    # key, balance, plan
    **dict.fromkeys(("1004", "1008", "1028", "1030", "2044", "2049", "2061"), Refusal.OURS),
    # too often, too many, too fast a rise, the window of the plan is used up
    **dict.fromkeys(("1002", "1039", "1041", "2045", "2056"), Refusal.LATER),
    # unknown error, time-out, internal errors: it may have been taken
    **dict.fromkeys(("1000", "1001", "1013", "1024", "1033"), Refusal.DOUBT),
}
_CODE_AT_THE_END: Final = re.compile(r"\((\d{4,5})\)\s*$")
_MODERATION_WORDS: Final = ("sensitive", "敏感")
_UNKNOWN_TASK: Final = "invalid task_id"
_CHALLENGE_MAX: Final = 1000


def require_taken(reply: Reply) -> None:
    """Return for an answer that means yes; raise what MiniMax's code, else the status means."""
    code, said = _refusal_of(reply.body)
    if meaning := _REFUSALS.get(code):
        refuse(meaning, said=said, reply=reply)
    if code and reply.status == HTTPStatus.OK:
        refuse(Refusal.DOUBT, said=said, reply=reply)
    require_accepted(reply, reason=said)


def is_unknown(reply: Reply) -> bool:
    """Say whether the answer is that there is no such task (any more)."""
    code, said = _refusal_of(reply.body)
    return bool(code) and _UNKNOWN_TASK in said.lower()


def read_taken(body: bytes) -> str:
    """Return the id of the task that was just made.

    Raises:
        Unreadable: it names none.
    """
    task_id = _id_of(read_object(body))
    if not task_id:
        raise Unreadable("It names no task.")
    return task_id


def read_reported(body: bytes, attempt: AttemptView) -> Status:
    """Return what a callback says; it must name its task.

    Raises:
        Unreadable: about another task, or about none.
    """
    report = read_object(body)
    if not _id_of(_task_in(report)):
        raise Unreadable("It does not say of which task it speaks.")
    return read_status(report, attempt)


def read_status(answer: Mapping[str, Any], attempt: AttemptView) -> Status:
    """Return what an answer or a report says about the attempt.

    Raises:
        Unreadable: about another task, or without a status.
    """
    task = _task_in(answer)
    task_id = _id_of(task)
    if attempt.provider_id and task_id not in ("", attempt.provider_id):
        raise Unreadable("It speaks of another task.")
    state = state_of(task.get("status"), _STATES)
    code, message = _flaw_of(task)
    outputs = _outputs(task)
    fail = None
    if state == State.FAILED or (state == State.SUCCEEDED and code):
        state, fail = State.FAILED, _fail_of(code, message)
    elif state == State.SUCCEEDED and not outputs:
        state, fail, message = State.FAILED, Fail.EMPTY, "It ended well, and no output came."
    elif state == State.CANCELED:
        fail = Fail.CANCELED
    elif state == State.EXPIRED:
        fail = Fail.TIMEOUT
    # A task is cancelled while it waits only, and then costs nothing.
    charged = {State.SUCCEEDED: True, State.CANCELED: False}.get(state)
    return Status(
        state=state,
        provider_id=task_id or attempt.provider_id,
        progress=1.0 if state == State.SUCCEEDED else None,
        outputs=outputs if state == State.SUCCEEDED else (),
        fail=fail,
        message=text(f"{code} {message}"),
        usage=usage(seconds=part(task, "usage", "total_seconds")),
        provider_charged=charged,
        raw={
            "task_id": task_id,
            "status": text(task.get("status")),
            "code": code,
            "message": message,
        },
    )


def read_file_address(body: bytes) -> str:
    """Return where the file stands that v1 was asked about; "" when it has none.

    Raises:
        Unreadable: no JSON.
    """
    found = addresses(part(read_object(body), "file", "download_url"))
    return found[0] if found else ""


def echo_of(raw_body: bytes) -> bytes | None:
    """Return the answer to a challenge; None: it is none."""
    try:
        said = read_object(raw_body)
    except Unreadable:
        return None
    challenge = said.get("challenge")
    is_report = "status" in said or "task" in said
    if is_report or not isinstance(challenge, str) or not 0 < len(challenge) <= _CHALLENGE_MAX:
        return None
    return json.dumps({"challenge": challenge}).encode()


def _task_in(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the task itself: some answers of v2 wrap it."""
    inner = answer.get("task")
    return inner if isinstance(inner, dict) else answer


def _id_of(task: Mapping[str, Any]) -> str:
    said = task.get("task_id") or task.get("id")
    return str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""


def _outputs(task: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the film's address (v2), or the word by which it is asked for (v1)."""
    file_id = str(task.get("file_id") or "")
    if file_id.isascii() and file_id.isdigit():
        return (f"{FILE_WORD}{file_id}",)
    return addresses(part(task, "content", "url"))


def _fail_of(code: str, message: str) -> Fail:
    if code in _MODERATED:
        return Fail.MODERATION
    if code in _INVALID:
        return Fail.INVALID_INPUT
    return reading.fail_class(message, moderation=_MODERATION_WORDS)


def _flaw_of(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return the code and the sentence of what is wrong; "" where nothing is."""
    error = answer.get("error")
    if isinstance(error, dict):
        message = text(error.get("message"))
        named = _CODE_AT_THE_END.search(message)
        return text(error.get("code")) or (named[1] if named else text(error.get("type"))), message
    code = text(part(answer, "base_resp", "status_code"))
    message = text(part(answer, "base_resp", "status_msg"))
    return ("", "") if code in ("", "0") else (code, message)


def _refusal_of(body: bytes) -> tuple[str, str]:
    """Return the code and the sentence of a refused request."""
    try:
        answer = read_object(body)
    except Unreadable:
        return "", "The backend gave no reason."
    status = _task_in(answer).get("status")
    if isinstance(status, str) and status.strip():
        return "", ""  # a task that has failed is no refusal of the question
    code, message = _flaw_of(answer)
    return code, text(f"{code} {message}") or "No reason."
