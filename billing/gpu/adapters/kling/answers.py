"""Reads Kling's JSON: what a task says of itself, and what a code means. Pure."""

import math
from collections.abc import Mapping
from typing import Any, Final

from billing.gpu.protocol import Ambiguous, AttemptView, Fail, State, Status
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

_STATES: Final[Mapping[str, State]] = {
    "submitted": State.QUEUED,
    "processing": State.RUNNING,
    "succeed": State.SUCCEEDED,
    "failed": State.FAILED,
}
# Kling answers 429 for an empty balance as well as for too many tasks: only its code tells them
# apart. An order that names what is not there (1203) is refused, so that no customer's order
# makes the whole backend suspect.
_CODES: Final[Mapping[int, Refusal]] = {
    1000: Refusal.OURS,  # authentication failed
    1001: Refusal.OURS,  # no authorization
    1002: Refusal.OURS,  # it is not valid
    1003: Refusal.OURS,  # it is not valid yet
    1004: Refusal.OURS,  # it has expired
    1100: Refusal.OURS,  # something about the account
    1101: Refusal.OURS,  # in arrears
    1102: Refusal.OURS,  # the pack is used up or has ended
    1103: Refusal.OURS,  # no right to this model or path
    1200: Refusal.INVALID,
    1201: Refusal.INVALID,
    1202: Refusal.OURS,  # no such method: the entry's address is wrong
    1203: Refusal.INVALID,
    1300: Refusal.MODERATED,
    1301: Refusal.MODERATED,
    1302: Refusal.LATER,  # too often
    1303: Refusal.LATER,  # too many tasks at once
    1304: Refusal.OURS,  # our address is not on the account's list
    5000: Refusal.DOUBT,
    5001: Refusal.LATER,  # maintenance: answered with 503
    5002: Refusal.DOUBT,  # its own time is up, whatever became of the order
}
_NOT_THERE: Final = 1203
_OUR_NAME: Final = "external_task_id"
_JUDGED: Final = ("risk control", "community guideline", "sensitive", "风控", "敏感", "违规")
_NOT_USABLE: Final = ("is invalid", "not supported")


def require_said(reply: Reply) -> Any:  # noqa: ANN401 (whatever JSON holds)
    """Return what an answer that means yes says: its `data`.

    Raises:
        AtCapacity, Rejected, AuthError, Ambiguous: by Kling's code, else by the status of HTTP.
    """
    said = _object(reply.body)
    code = _code(said)
    reason = f"{code}: {text(said.get('message'))}" if code is not None else "It gave no reason."
    meaning = None if code is None else _CODES.get(code)
    if meaning == Refusal.INVALID and _OUR_NAME in reason:
        meaning = Refusal.DOUBT  # the name is taken: perhaps by this very order
    if meaning is not None:
        refuse(meaning, said=f"Kling refused with {reason}", reply=reply)
    require_accepted(reply, reason=reason)
    if code != 0:
        raise Ambiguous(f"Kling answered {reply.status}, unreadably. {reason}")
    return said.get("data")


def is_unknown(reply: Reply) -> bool:
    """Say whether an answer denies the task that was asked about, in Kling's own words."""
    return _code(_object(reply.body)) == _NOT_THERE


def read_task(task: object, attempt: AttemptView) -> Status:
    """Return what a task says about the attempt.

    Where the plan marks the film, the marked one is the output: the other has no mark.

    Raises:
        Unreadable: about another attempt, or without an id or a status word.
    """
    if not isinstance(task, dict):
        raise Unreadable("It speaks of no task.")
    task_id, ours = task.get("task_id"), part(task, "task_info", "external_task_id")
    if not isinstance(task_id, str) or not task_id:
        raise Unreadable("It has no task_id.")
    if attempt.provider_id not in ("", task_id) or ours not in (None, "", attempt.id):
        raise Unreadable("It speaks of another attempt.")
    state = state_of(task.get("task_status"), _STATES)
    message = text(task.get("task_status_msg"))
    films = _films(task) if state == State.SUCCEEDED else []
    # Of an order of the former release nothing may be remembered: then the order itself says it.
    marked = attempt.context.get("watermark") == "yes" or attempt.input.get("watermark") is True
    outputs = addresses(*(_address(film, marked=marked) for film in films))
    fail = None
    if state == State.SUCCEEDED and not outputs:
        state, fail, message = State.FAILED, Fail.EMPTY, "It succeeded, and no film came."
    elif state == State.FAILED:
        fail = _fail(message)
    units = _numeric(task.get("final_unit_deduction"))
    return Status(
        state=state,
        provider_id=task_id,
        progress=1.0 if state == State.SUCCEEDED else None,
        outputs=outputs,
        fail=fail,
        message=message,
        usage=usage(credits=units, seconds=_seconds(task, films)),
        provider_charged=None if units is None else units > 0,
        raw=_remembered(task, films),
        context={**attempt.context, **_made(films)},
    )


def _fail(message: str) -> Fail:
    found = fail_class(message, moderation=_JUDGED)
    unusable = any(words in message.lower() for words in _NOT_USABLE)
    return Fail.INVALID_INPUT if found == Fail.PROVIDER and unusable else found


def _films(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    films = part(task, "task_result", "videos")
    return [film for film in films if isinstance(film, dict)] if isinstance(films, list) else []


def _address(film: Mapping[str, Any], *, marked: bool) -> object:
    return (film.get("watermark_url") if marked else None) or film.get("url")


def _made(films: list[dict[str, Any]]) -> dict[str, str]:
    """Return the id of the film, by which Kling continues it; it is no task's id."""
    film_id = films[0].get("id") if films else None
    return {"video_id": film_id} if isinstance(film_id, str) and film_id else {}


def _seconds(task: Mapping[str, Any], films: list[dict[str, Any]]) -> float | None:
    """Return how long the films are; nothing of an extension, which tells the whole length."""
    lengths = [_numeric(film.get("duration")) for film in films]
    if not lengths or None in lengths or part(task, "task_info", "parent_video") is not None:
        return None
    return sum(length for length in lengths if length is not None)


def _numeric(said: object) -> float | None:
    """Return the number that Kling says in quotes."""
    try:
        number = float(said) if isinstance(said, str) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _remembered(task: Mapping[str, Any], films: list[dict[str, Any]]) -> dict[str, object]:
    """Return what may be stored: no prompt, no address."""
    return {
        "task_id": text(task.get("task_id")),
        "task_status": text(task.get("task_status")),
        "task_status_msg": text(task.get("task_status_msg")),
        "final_unit_deduction": text(task.get("final_unit_deduction")),
        "videos": [text(film.get("id")) for film in films[:4]],
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        return read_object(body)
    except Unreadable:
        return {}


def _code(said: Mapping[str, Any]) -> int | None:
    code = said.get("code")
    return code if type(code) is int else None
