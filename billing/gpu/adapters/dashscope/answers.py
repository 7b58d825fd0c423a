"""Reads DashScope's JSON: what a task says of itself, and why a request was refused. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from billing.gpu.protocol import AttemptView, Fail, State, Status
from billing.gpu.reading import (
    Unreadable,
    addresses,
    fail_class,
    part,
    read_object,
    state_of,
    text,
    usage,
)
from billing.gpu.replies import Refusal, refuse, require_accepted
from billing.gpu.wire import Reply

# UNKNOWN is no failure: the task has ended more than a day ago, or there was never one.
_STATES: Final[Mapping[str, State]] = {
    "pending": State.QUEUED,
    "suspended": State.QUEUED,
    "running": State.RUNNING,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.CANCELED,
    "cancelled": State.CANCELED,
    "unknown": State.ABSENT,
}
# By DashScope's code in lower case, the whole before its first part. Its status of HTTP misleads:
# an account in arrears is answered with 400, one without a contract with 429.
_CODES: Final[Mapping[str, Refusal]] = {
    "invalidapikey": Refusal.OURS,
    "arrearage": Refusal.OURS,
    "accessdenied": Refusal.OURS,
    "model": Refusal.OURS,  # Model.AccessDenied
    "modelnotfound": Refusal.OURS,
    "workspace": Refusal.OURS,
    "allocationquota": Refusal.OURS,  # the free quota is used up
    "commoditynotpurchased": Refusal.OURS,
    "prepaidbilloverdue": Refusal.OURS,
    "postpaidbilloverdue": Refusal.OURS,
    "datainspectionfailed": Refusal.MODERATED,
    "data_inspection_failed": Refusal.MODERATED,
    "ipinfringementsuspect": Refusal.MODERATED,
    "invalidparameter": Refusal.INVALID,  # InvalidParameter.DataInspection too: a format
    "badrequest": Refusal.INVALID,
    "invalidurl": Refusal.INVALID,
    "throttling": Refusal.LATER,
    "limitrequests": Refusal.LATER,
    "serviceunavailable": Refusal.LATER,
    "internalerror": Refusal.DOUBT,
    "requesttimeout": Refusal.DOUBT,
}
_JUDGED: Final = ("inappropriate content", "green net check", "infringement")
_NOT_WAITING: Final = "unsupportedoperation"


def require_said(reply: Reply) -> dict[str, Any]:
    """Return what an answer that means yes says; {} where it says nothing readable.

    Raises:
        AtCapacity, Rejected, AuthError, Ambiguous: by DashScope's code, else by the status.
    """
    said = _object(reply.body)
    code, message = text(said.get("code")), text(said.get("message"))
    meaning = _meaning(code)
    if meaning is not None:
        refuse(meaning, said=f"DashScope refused with {code}: {message}", reply=reply)
    require_accepted(reply, reason=f"{code}: {message}" if code else "It gave no reason.")
    return said


def waits_no_more(reply: Reply) -> bool:
    """Say whether a task was not cancelled because it has begun, or has ended."""
    return text(_object(reply.body).get("code")).lower() == _NOT_WAITING


def read_task(said: Mapping[str, Any], attempt: AttemptView) -> Status:
    """Return what an answer says about the attempt's task.

    Raises:
        Unreadable: about another task, or without an id or a status word.
    """
    output = said.get("output")
    task_id = part(output, "task_id")
    if not isinstance(task_id, str) or not task_id:
        raise Unreadable("It has no task_id.")
    if attempt.provider_id not in ("", task_id):
        raise Unreadable("It speaks of another attempt.")
    word = state_of(part(output, "task_status"), _STATES)
    code, message = text(part(output, "code")), text(part(output, "message"))
    outputs = addresses(part(output, "video_url")) if word == State.SUCCEEDED else ()
    state, fail = _end(word, code, message, outputs)
    if fail == Fail.EMPTY:
        message = "It succeeded, and no film came."
    return Status(
        state=state,
        provider_id=task_id,
        progress=1.0 if state == State.SUCCEEDED else None,
        outputs=outputs if state == State.SUCCEEDED else (),
        fail=fail,
        message=message,
        usage=_usage(said.get("usage")),
        # DashScope bills what it calls a success, and nothing else.
        provider_charged=word == State.SUCCEEDED if fail or outputs else None,
        raw=_remembered(said, code, message),
        context=attempt.context,
    )


def _end(
    word: State, code: str, message: str, outputs: tuple[str, ...]
) -> tuple[State, Fail | None]:
    """Return how a task is, and why it has failed: a success with an error in it is none."""
    if word == State.FAILED or (word == State.SUCCEEDED and code):
        return State.FAILED, _fail(code, message)
    if word == State.SUCCEEDED and not outputs:
        return State.FAILED, Fail.EMPTY
    if word == State.CANCELED:
        return word, Fail.CANCELED
    return word, None


def _fail(code: str, message: str) -> Fail:
    meaning = _meaning(code)
    found = fail_class(f"{code} {message}", moderation=_JUDGED)
    if meaning == Refusal.MODERATED or found == Fail.MODERATION:
        return Fail.MODERATION
    return Fail.INVALID_INPUT if meaning == Refusal.INVALID else found


def _meaning(code: str) -> Refusal | None:
    whole = code.lower()
    return _CODES.get(whole) or _CODES.get(whole.partition(".")[0])


def _usage(told: object) -> dict[str, float]:
    """Return what was spent; older models name the length of the film another way."""
    made = part(told, "output_video_duration") or part(told, "video_duration")
    taken = part(told, "input_video_duration")
    length = part(told, "duration")
    return usage(
        seconds=made or length,
        video_duration=made or length,
        input_video_duration=taken,
        video_count=part(told, "video_count"),
    )


def _remembered(said: Mapping[str, Any], code: str, message: str) -> dict[str, object]:
    """Return what may be stored: no prompt (DashScope repeats it), no address."""
    named = ("task_id", "task_status", "submit_time", "scheduled_time", "end_time")
    facts: dict[str, object] = {name: text(part(said, "output", name)) for name in named}
    facts |= {"request_id": text(said.get("request_id")), "SR": text(part(said, "usage", "SR"))}
    return facts | ({"error": f"{code}: {message}"} if code else {})


def _object(body: bytes) -> dict[str, Any]:
    try:
        return read_object(body)
    except Unreadable:
        return {}
