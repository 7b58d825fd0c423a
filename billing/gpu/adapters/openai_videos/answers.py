"""Reads what `/v1/videos` answers, as OpenAI, self-hosted servers and gateways word it. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from billing.gpu import reading
from billing.gpu.protocol import Fail, State, Status
from billing.gpu.reading import Unreadable, number, part, read_object, state_of, text, usage

# OpenAI's own four, and what gateways let through from the vendors behind them.
STATES: Final[Mapping[str, State]] = {
    "queued": State.QUEUED,
    "pending": State.QUEUED,
    "submitted": State.QUEUED,
    "created": State.QUEUED,
    "queueing": State.QUEUED,
    "preparing": State.QUEUED,
    "in_queue": State.QUEUED,
    "wait": State.QUEUED,
    "not_start": State.QUEUED,
    "in_progress": State.RUNNING,
    "processing": State.RUNNING,
    "running": State.RUNNING,
    "generating": State.RUNNING,
    "completed": State.SUCCEEDED,
    "complete": State.SUCCEEDED,
    "succeeded": State.SUCCEEDED,
    "succeed": State.SUCCEEDED,
    "success": State.SUCCEEDED,
    "done": State.SUCCEEDED,
    "finished": State.SUCCEEDED,
    "failed": State.FAILED,
    "fail": State.FAILED,
    "failure": State.FAILED,
    "error": State.FAILED,
    "cancelled": State.CANCELED,
    "canceled": State.CANCELED,
    "expired": State.EXPIRED,
    "timed_out": State.EXPIRED,
    "timeout": State.EXPIRED,
}
CONTENT_WORD: Final = "content:"  # before an id: the film is asked for by it
_ENDS: Final[Mapping[State, Fail]] = {State.CANCELED: Fail.CANCELED, State.EXPIRED: Fail.TIMEOUT}
_WELL: Final = ("0", "200", "ok", "success")
_IDS: Final = ("id", "task_id", "video_id")
_MODERATION: Final = (
    "moderation",
    "content_policy",
    "content policy",
    "sensitive",
    "safety system",
    "safety_violation",
)
_BALANCE: Final = ("insufficient_quota", "insufficient_user_quota", "quota_not_enough", "billing")
_LATER: Final = ("rate_limit", "concurren", "too_many", "overloaded", "no_available_channel")
_INPUT: Final = ("invalid_request", "invalid_value", "invalid_param", "unsupported", "bad_request")
# How a video is denied. A path that the server does not have is denied alike, and may name a
# video in itself: paths are taken out before the sentence is read.
_PATH: Final = re.compile(r"\S*/\S*")
_VIDEO: Final = re.compile(r"(?i)\b(?:video|task)(?:\b|_)")
_DENIED: Final = re.compile(r"(?i)not[ _](?:be )?(?:found|exist)|\bno such\b")
_OTHERS: Final = re.compile(r"(?i)\b(?:url|path|route|page|model|channel|deployment)(?:\b|_)")


def unwrapped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the video itself, also where a gateway wraps it in `{"code", "data"}`.

    Raises:
        Unreadable: the wrapping says that it went wrong.
    """
    if "code" not in body or "status" in body:
        return body
    if not _is_well(body):
        raise Unreadable(refusal_text(body))
    data: Mapping[str, Any] = body["data"]
    return data


def video_id(video: Mapping[str, Any]) -> str:
    """Return the id by which the video is asked about.

    Raises:
        Unreadable: none stands there.
    """
    for name in _IDS:
        if isinstance(video.get(name), str) and video[name]:
            return str(video[name])
    raise Unreadable("It names no video.")


def is_refusal(body: Mapping[str, Any]) -> bool:
    """Say whether an answer that HTTP calls a yes is a refusal by its own words."""
    wrapped_ill = "code" in body and "status" not in body and not _is_well(body)
    return wrapped_ill or (bool(body.get("error")) and not any(body.get(name) for name in _IDS))


def read_status(video: Mapping[str, Any], provider_id: str, *, named: bool) -> Status:
    """Return what the video says of itself.

    Args:
        named: the outputs are addresses that the answer names; else the film is asked for by id.

    Raises:
        Unreadable: about another video, or without a status word.
    """
    ids = [video[name] for name in _IDS if video.get(name)]
    if ids and provider_id not in ids:
        raise Unreadable("It speaks of another video.")
    state = state_of(video.get("status"), STATES)
    error = video.get("error")
    message = _message(error)
    if state == State.FAILED and not message:
        message = text(video.get("fail_reason"))  # of a success, some write its address there
    outputs = () if state != State.SUCCEEDED else _outputs(video, provider_id, named=named)
    fail = _ENDS.get(state)
    if state == State.FAILED or (state == State.SUCCEEDED and error):
        state, outputs, fail = State.FAILED, (), _fail(f"{_code(error)} {message}")
    elif state == State.SUCCEEDED and not outputs:
        state, fail, message = State.FAILED, Fail.EMPTY, "It ended well, and no film came."
    return Status(
        state=state,
        provider_id=provider_id,
        progress=_progress(video.get("progress"), state),
        outputs=outputs,
        fail=fail,
        message=message,
        usage=usage(
            seconds=_counted(video.get("seconds")), tokens=part(video, "usage", "total_tokens")
        ),
        raw={
            name: text(video.get(name))
            for name in (*_IDS, "status", "model", "seconds", "size", "created_at", "completed_at")
            if video.get(name) is not None
        }
        | ({"error": message} if message else {}),
    )


def refusal_text(body: Mapping[str, Any]) -> str:
    """Return why a request was refused, with the code that names it."""
    error = body.get("error") or body
    said = _message(error) or text(body.get("detail")) or "the backend gave no reason"
    code = _code(error)
    return f"{code}: {said}" if code else said


def refused_as(body: Mapping[str, Any]) -> str:
    """Return what a refusal's code means: "moderation", "balance", "later", "input" or ""."""
    error = body.get("error") or body
    code = f"{_code(error)} {text(part(error, 'type'))}".lower()
    if any(word in f"{code} {_message(error).lower()}" for word in _MODERATION):
        return "moderation"
    for meaning, words in (("balance", _BALANCE), ("later", _LATER), ("input", _INPUT)):
        if any(word in code for word in words):
            return meaning
    return ""


def is_unknown_id(raw: bytes) -> bool:
    """Say whether a 404 denies the video in so many words, and not the path or a model."""
    try:
        body = read_object(raw)
    except Unreadable:
        return False
    error = body.get("error") or body
    said = f"{_code(error)} {_message(error) or text(body.get('detail'))}"
    words = _PATH.sub(" ", said)
    denies_it = _VIDEO.search(words) and _DENIED.search(words)
    return bool(denies_it) and not _OTHERS.search(words)


def _is_well(body: Mapping[str, Any]) -> bool:
    return str(body["code"]).lower() in _WELL and isinstance(body.get("data"), dict)


def _outputs(video: Mapping[str, Any], provider_id: str, *, named: bool) -> tuple[str, ...]:
    if not named:
        return (f"{CONTENT_WORD}{provider_id}",)
    places = (("url",), ("video_url",), ("video", "url"), ("output", "url"), ("metadata", "url"))
    found = (reading.addresses(part(video, *place)) for place in places)
    return next((addresses for addresses in found if addresses), ())


def _fail(said: str) -> Fail:
    return reading.fail_class(said, moderation=_MODERATION)


def _message(error: object) -> str:
    return text(error) if isinstance(error, str) else text(part(error, "message"))


def _code(error: object) -> str:
    return text(part(error, "code"))


def _counted(said: object) -> float | None:
    """Return a number that stands there as text, as the protocol has its seconds ("4")."""
    if isinstance(said, str) and said.replace(".", "", 1).isdecimal():
        return float(said)
    return number(said)


def _progress(said: object, state: State) -> float | None:
    if state == State.SUCCEEDED:
        return 1.0
    percent = _counted(said.removesuffix("%") if isinstance(said, str) else said)
    return None if percent is None else min(1.0, max(0.0, percent / 100))
