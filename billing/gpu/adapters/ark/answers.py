"""Reads Ark's JSON: what a task says of itself, and why a request was refused. Pure."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from billing.gpu.protocol import Ambiguous, AttemptView, Fail, State, Status
from billing.gpu.reading import (
    Unreadable,
    addresses,
    fail_class,
    number,
    part,
    read_object,
    state_of,
    text,
    usage,
)
from billing.gpu.replies import Refusal, refuse, require_accepted
from billing.gpu.wire import Reply

_STATES: Final[Mapping[str, State]] = {
    "queued": State.QUEUED,
    "running": State.RUNNING,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "cancelled": State.CANCELED,
    "canceled": State.CANCELED,
    "expired": State.EXPIRED,
}
# By the first part of Ark's code, in lower case; what is not here goes by the status of HTTP.
# Balance and own limits come with 400, 403 and 429: an operator must look, whatever the status.
_CODES: Final[Mapping[str, Refusal]] = {
    "authenticationerror": Refusal.OURS,
    "accountoverdueerror": Refusal.OURS,
    "accessdenied": Refusal.OURS,
    "modelnotopen": Refusal.OURS,
    "invalidendpointormodel": Refusal.OURS,
    "invalidendpoint": Refusal.OURS,
    "invalidaccountstatus": Refusal.OURS,
    "invalidsubscription": Refusal.OURS,
    "operationdenied": Refusal.OURS,
    "setlimitexceeded": Refusal.OURS,  # the limit that we have set ourselves
    "invalidparameter": Refusal.INVALID,
    "missingparameter": Refusal.INVALID,
    "outofcontexterror": Refusal.INVALID,
    "ratelimitexceeded": Refusal.LATER,
    "accountratelimitexceeded": Refusal.LATER,
    "modelaccountrpmratelimitexceeded": Refusal.LATER,
    "quotaexceeded": Refusal.LATER,  # too many tasks in its queue
    "serveroverloaded": Refusal.LATER,
    "requestbursttoofast": Refusal.LATER,
    "inflightbatchsizeexceeded": Refusal.LATER,
    "internalserviceerror": Refusal.DOUBT,
}
_JUDGED: Final = ("sensitivecontent", "riskdetection", "policyviolation", "sensitive information")
_GONE: Final = ("notfound", "resourcenotfound")


def require_said(reply: Reply) -> dict[str, Any]:
    """Return what an answer that means yes says; {} where it says nothing readable.

    Raises:
        AtCapacity, Rejected, AuthError, Ambiguous: by Ark's code, else by the status of HTTP.
    """
    said = _object(reply.body)
    code, message = _error(said)
    # A task that has failed stands with its error in an answer that means yes.
    if code and reply.status != HTTPStatus.OK:
        meaning = Refusal.MODERATED if _is_judged(code, message) else _CODES.get(_first(code))
        if meaning is not None:
            refuse(meaning, said=f"Ark refused with {code}: {message}", reply=reply)
    require_accepted(reply, reason=f"{code}: {message}" if code else "It gave no reason.")
    return said


def is_unknown(reply: Reply) -> bool:
    """Say whether an answer denies the task that was asked about, in Ark's own words."""
    code, _message = _error(_object(reply.body))
    if reply.status != HTTPStatus.NOT_FOUND or _first(code) in _CODES:
        return False
    return code.rpartition(".")[2].lower() in _GONE or _first(code) in _GONE


def read_listing(reply: Reply) -> tuple[list[Mapping[str, Any]], int]:
    """Return the tasks of one page, and how many there are on all.

    Raises:
        BackendError: as `require_said`, and Ambiguous when it is no listing.
    """
    said = require_said(reply)
    items, total = said.get("items"), number(said.get("total"))
    if not isinstance(items, list) or total is None:
        raise Ambiguous("Ark listed its tasks unreadably.")
    return [item for item in items if isinstance(item, dict)], int(total)


def owner(task: Mapping[str, Any]) -> str:
    """Return the id of the attempt whose task it is, "" where Ark does not tell."""
    return text(task.get("safety_identifier"))


def read_task(task: Mapping[str, Any], attempt: AttemptView) -> Status:
    """Return what a task says about the attempt.

    Raises:
        Unreadable: about another attempt, or without an id or a status word.
    """
    task_id, ours = task.get("id"), owner(task)
    if not isinstance(task_id, str) or not task_id:
        raise Unreadable("It has no id.")
    if attempt.provider_id not in ("", task_id) or ours not in ("", attempt.id):
        raise Unreadable("It speaks of another attempt.")
    said = state_of(task.get("status"), _STATES)
    code, message = _error(task)
    outputs = addresses(part(task, "content", "video_url")) if said == State.SUCCEEDED else ()
    state, fail = _end(said, code, message, outputs)
    if fail == Fail.EMPTY:
        message = "It succeeded, and no film came."
    tokens = number(part(task, "usage", "completion_tokens"))
    return Status(
        state=state,
        provider_id=task_id,
        progress=1.0 if state == State.SUCCEEDED else None,
        outputs=outputs if state == State.SUCCEEDED else (),
        fail=fail,
        message=message,
        usage=usage(
            tokens=part(task, "usage", "total_tokens") or tokens,
            completion_tokens=tokens,
            seconds=task.get("duration") if said == State.SUCCEEDED else None,
        ),
        # Ark bills what it calls a success, and nothing else.
        provider_charged=said == State.SUCCEEDED if fail or outputs else None,
        raw=_remembered(task, code, message),
        context=attempt.context,
    )


def read_accepted(said: Mapping[str, Any], attempt: AttemptView) -> Status:
    """Return what the answer to an order says: an id, and nothing yet of how it is.

    Raises:
        Unreadable: without an id.
    """
    return read_task({"status": "queued", **said}, attempt)


def _end(
    said: State, code: str, message: str, outputs: tuple[str, ...]
) -> tuple[State, Fail | None]:
    """Return how a task is, and why it has failed: a success with an error in it is none."""
    if said == State.FAILED or (said == State.SUCCEEDED and code):
        return State.FAILED, _fail(code, message)
    if said == State.SUCCEEDED and not outputs:
        return State.FAILED, Fail.EMPTY
    if said == State.CANCELED:
        return said, Fail.CANCELED
    if said == State.EXPIRED:
        return said, Fail.TIMEOUT
    return said, None


def _fail(code: str, message: str) -> Fail:
    if _is_judged(code, message):
        return Fail.MODERATION
    if _CODES.get(_first(code)) == Refusal.INVALID:
        return Fail.INVALID_INPUT
    return fail_class(f"{code} {message}")


def _is_judged(code: str, message: str) -> bool:
    words = f"{code} {message}".lower()
    return any(word in words for word in _JUDGED)


def _error(said: Mapping[str, Any]) -> tuple[str, str]:
    return text(part(said, "error", "code")), text(part(said, "error", "message"))


def _first(code: str) -> str:
    return code.partition(".")[0].lower()


def _remembered(task: Mapping[str, Any], code: str, message: str) -> dict[str, object]:
    """Return what may be stored: no prompt, no address."""
    named = ("id", "model", "status", "resolution", "ratio", "duration", "service_tier", "seed")
    facts: dict[str, object] = {name: text(task[name]) for name in named if name in task}
    return facts | ({"error": f"{code}: {message}"} if code else {})


def _object(body: bytes) -> dict[str, Any]:
    try:
        return read_object(body)
    except Unreadable:
        return {}
