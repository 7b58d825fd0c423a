"""Reads Vidu's JSON: what a task says of itself, and why an order was refused. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from billing.gpu.protocol import AttemptView, Fail, State, Status
from billing.gpu.reading import Unreadable, addresses, read_object, state_of, text, usage
from billing.gpu.replies import Refusal, refuse, require_accepted
from billing.gpu.wire import Reply

_STATES: Final[Mapping[str, State]] = {
    "created": State.QUEUED,
    "queueing": State.QUEUED,
    "queued": State.QUEUED,
    "processing": State.RUNNING,
    "success": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.CANCELED,
    "cancelled": State.CANCELED,
}
_MODERATED: Final = ("TaskPromptPolicyViolation", "AuditSubmitIllegal", "CreationPolicyViolation")
_INVALID: Final = (
    *("BadRequest", "FieldLacking", "FieldUnwanted", "FieldInvalid", "FieldItemCountOutOfRange"),
    *("PageSizeOutOfRange", "ImageDownloadFailure", "ImageFormatInvalid"),
    *("ImageCheckBodyJointsFailed", "ImageCheckFaceFailed", "ImageObjectsUndetected"),
)
# By the `reason` of a refusal: an empty balance and an unknown model come with status 400 too.
_REFUSALS: Final[Mapping[str, Refusal]] = {
    **dict.fromkeys(_MODERATED, Refusal.MODERATED),
    **dict.fromkeys(_INVALID, Refusal.INVALID),
    "CreditInsufficient": Refusal.OURS,
    "ModelUnavailable": Refusal.OURS,
    "QuotaExceeded": Refusal.LATER,
    "TooManyRequests": Refusal.LATER,
    "SystemThrottling": Refusal.LATER,
    "OperationInProcess": Refusal.DOUBT,
    "Canceled": Refusal.DOUBT,
}
_FAILS: Final[Mapping[str, Fail]] = {
    **dict.fromkeys(_MODERATED, Fail.MODERATION),
    **dict.fromkeys(_INVALID, Fail.INVALID_INPUT),
}
_USER_CANCELLED: Final = "UserCancelled"


def require_taken(reply: Reply) -> None:
    """Return for an answer that means yes; raise what Vidu's reason, else the status means."""
    reason, said = _refusal_of(reply.body)
    if meaning := _REFUSALS.get(reason):
        refuse(meaning, said=said, reply=reply)
    require_accepted(reply, reason=said)


def reason_of(reply: Reply) -> str:
    """Return Vidu's code of a refusal, "" when the body names none."""
    return _refusal_of(reply.body)[0]


def read_taken(body: bytes, attempt: AttemptView) -> Status:
    """Return the status of an order just taken.

    Raises:
        Unreadable: it names no task, or another attempt's.
    """
    task = read_object(body)
    if not _id_of(task):
        raise Unreadable("It names no task.")
    return read_status(task, attempt)


def read_reported(body: bytes, attempt: AttemptView) -> Status:
    """Return what a callback says; it must show whose it is, by the task or by our attempt id.

    Raises:
        Unreadable: about another attempt, or about none.
    """
    task = read_object(body)
    if not (_id_of(task) or task.get("payload")):
        raise Unreadable("It does not say of which task it speaks.")
    return read_status(task, attempt)


def read_status(task: Mapping[str, Any], attempt: AttemptView) -> Status:
    """Return what `task` says about the attempt.

    Raises:
        Unreadable: about another attempt, or without a state.
    """
    task_id = _id_of(task)
    if attempt.provider_id and task_id not in ("", attempt.provider_id):
        raise Unreadable("It speaks of another task.")
    if task.get("payload") not in (None, "", attempt.id):
        raise Unreadable("It speaks of another attempt.")
    state, code = state_of(task.get("state"), _STATES), text(task.get("err_code"))
    # Of an order of the former release nothing may be remembered: then the order itself says it.
    marked = "watermark" in attempt.context or attempt.input.get("watermark") is True
    outputs = _outputs(task, marked=marked)
    fail = None
    if state == State.SUCCEEDED and code:
        state, fail = State.FAILED, _FAILS.get(code, Fail.PROVIDER)
    elif state == State.SUCCEEDED and not outputs:
        state, fail, code = State.FAILED, Fail.EMPTY, "It ended well, and no output came."
    elif state == State.CANCELED or (state == State.FAILED and code == _USER_CANCELLED):
        state, fail = State.CANCELED, Fail.CANCELED
    elif state == State.FAILED:
        fail = _FAILS.get(code, Fail.PROVIDER)
    return Status(
        state=state,
        provider_id=task_id or attempt.provider_id,
        progress=1.0 if state == State.SUCCEEDED else None,
        outputs=outputs if state == State.SUCCEEDED else (),
        fail=fail,
        message=code,
        usage=usage(credits=task.get("credits")),
        provider_charged=True if state == State.SUCCEEDED else None,
        raw={
            "id": task_id,
            "state": text(task.get("state")),
            "err_code": text(task.get("err_code")),
        },
    )


def find_in(body: bytes, attempt: AttemptView) -> Status | None:
    """Return the attempt's task among those that Vidu lists, by the payload; None: not there."""
    listed = read_object(body).get("tasks")
    for task in listed if isinstance(listed, list) else ():
        if isinstance(task, dict) and task.get("payload") == attempt.id and _id_of(task):
            return read_status(task, attempt)
    return None


def _id_of(task: Mapping[str, Any]) -> str:
    """Return the task's id: an order's answer calls it otherwise than a report does."""
    said = task.get("task_id") or task.get("id")
    return str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""


def _outputs(task: Mapping[str, Any], *, marked: bool) -> tuple[str, ...]:
    """Return the films' addresses; a watermark stands only in a copy with an address of its own."""
    made = task.get("creations")
    films = [one for one in made if isinstance(one, dict)] if isinstance(made, list) else []
    return addresses([(marked and one.get("watermarked_url")) or one.get("url") for one in films])


def _refusal_of(body: bytes) -> tuple[str, str]:
    """Return the code and the sentence of a refusal."""
    try:
        answer = read_object(body)
    except Unreadable:
        return "", "The backend gave no reason."
    reason = text(answer.get("reason"))
    return reason, text(f"{reason}: {text(answer.get('message'))}") if reason else "No reason."
