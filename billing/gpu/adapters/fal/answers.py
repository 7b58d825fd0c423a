"""Reads fal's JSON: where a request stands, what came of it, and why one was refused. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from billing.gpu import reading
from billing.gpu.protocol import Fail, State, Status
from billing.gpu.reading import Unreadable, part, read_object, state_of, text, usage

# COMPLETED says that the request has ended, not how: `error` and the response tell that. fal has
# no word for a failure or a cancel; those that stand here are what its older documents name.
STATES: Final[Mapping[str, State]] = {
    "in_queue": State.QUEUED,
    "in_progress": State.RUNNING,
    "completed": State.SUCCEEDED,
    "failed": State.FAILED,
    "error": State.FAILED,
    "ok": State.SUCCEEDED,
    "canceled": State.CANCELED,
    "cancelled": State.CANCELED,
}
# fal's own kinds of trouble, and the models'. What is not here is the backend's defect.
_KINDS: Final[Mapping[str, tuple[State, Fail]]] = {
    "request_timeout": (State.EXPIRED, Fail.TIMEOUT),
    "startup_timeout": (State.EXPIRED, Fail.TIMEOUT),
    "generation_timeout": (State.EXPIRED, Fail.TIMEOUT),
    "client_cancelled": (State.CANCELED, Fail.CANCELED),
    "client_disconnected": (State.CANCELED, Fail.CANCELED),
    "content_policy_violation": (State.FAILED, Fail.MODERATION),
    "bad_request": (State.FAILED, Fail.INVALID_INPUT),
    "missing": (State.FAILED, Fail.INVALID_INPUT),
    "value_error": (State.FAILED, Fail.INVALID_INPUT),
}
_MODERATION: Final = ("content_policy", "content checker", "flagged", "sensitive")
_UNFINISHED: Final = "still in progress"
_PLACES: Final = (("video",), ("videos",), ("video_url",), ("output",), ("url",))
_NOT_CHARGED: Final = ("request_timeout", "startup_timeout", "runner_", "internal_error")


def request_id(said: Mapping[str, Any]) -> str:
    """Return the id by which fal's queue knows the request.

    Not `gateway_request_id`: that one changes when fal tries the request again by itself.

    Raises:
        Unreadable: none stands there.
    """
    found = said.get("request_id")
    if not isinstance(found, str) or not found:
        raise Unreadable("It names no request.")
    return found


def read_progress(said: Mapping[str, Any], provider_id: str) -> Status:
    """Return where the request stands; SUCCEEDED here means "ended": its response tells how.

    Raises:
        Unreadable: about another request, or without a status word.
    """
    if said.get("request_id") and said["request_id"] != provider_id:
        raise Unreadable("It speaks of another request.")
    state = state_of(said.get("status"), STATES)
    error, kind = said.get("error"), text(said.get("error_type"))
    if state in (State.SUCCEEDED, State.FAILED) and (error or kind or state == State.FAILED):
        return read_failure(said, provider_id)
    return Status(
        state=state,
        provider_id=provider_id,
        fail=Fail.CANCELED if state == State.CANCELED else None,
        usage=usage(gpu_seconds=part(said, "metrics", "inference_time")),
        raw=_told(said),
    )


def read_result(payload: object, provider_id: str) -> Status:
    """Return what a request that ended well has brought; without a film it is a failure."""
    outputs = _outputs(payload)
    if not outputs:
        return Status(
            state=State.FAILED,
            provider_id=provider_id,
            fail=Fail.EMPTY,
            message="It ended well, and no film came.",
        )
    return Status(
        state=State.SUCCEEDED, provider_id=provider_id, outputs=outputs, provider_charged=True
    )


def read_failure(said: Mapping[str, Any], provider_id: str) -> Status:
    """Return why a request ended without a film, by fal's word for it rather than its sentence."""
    kind, message = _kind_of(said), refusal_text(said)
    state, fail = _KINDS.get(kind, (State.FAILED, None))
    if fail is None and "value_error" in kind:
        fail = Fail.INVALID_INPUT
    if fail is None:
        fail = reading.fail_class(f"{kind} {message}", moderation=_MODERATION)
    return Status(
        state=state,
        provider_id=provider_id,
        fail=fail,
        message=message,
        provider_charged=False if kind.startswith(_NOT_CHARGED) else None,
        raw={**_told(said), "error_type": kind, "error": message},
    )


def read_report(said: Mapping[str, Any], provider_id: str) -> Status:
    """Return what a callback says.

    One that could not carry its payload reads as RUNNING: the response has it, and is asked for.

    Args:
        provider_id: which request it must be; "" while that is not known.

    Raises:
        Unreadable: about another request, or without an id or a status word.
    """
    found = request_id(said)
    if provider_id and found != provider_id:
        raise Unreadable("It speaks of another request.")
    state = state_of(said.get("status"), STATES)
    payload = said.get("payload")
    if state == State.FAILED or (state == State.SUCCEEDED and said.get("error")):
        return read_failure(said, found)
    if state != State.SUCCEEDED or (payload is None and said.get("payload_error")):
        return Status(state=State.RUNNING, provider_id=found, raw=_told(said))
    return read_result(payload, found)


def is_response(body: bytes) -> bool:
    """Say whether a refusal is fal's own way to tell how a request ended, not a proxy's page."""
    try:
        said = read_object(body)
    except Unreadable:
        return False
    return bool(said.get("detail"))


def refusal_text(said: Mapping[str, Any]) -> str:
    """Return why, in one sentence: `duration: field required`."""
    flaw = _first_flaw(said)
    if isinstance(flaw, dict):
        place = flaw.get("loc")
        field = place[-1] if isinstance(place, list) and place else ""
        return text(f"{field}: {flaw.get('msg', '')}")
    reason = flaw or said.get("error") or part(said, "error", "message") or said.get("message")
    return text(reason) or "the backend gave no reason"


def names_its_kind(said: Mapping[str, Any]) -> bool:
    """Say whether a refusal is the stored end of a request: only such a one names its kind."""
    return bool(_kind_of(said))


def is_still_running(said: Mapping[str, Any]) -> bool:
    """Say whether a refusal is that the response is not there yet."""
    return _UNFINISHED in refusal_text(said).lower()


def is_moderated(said: Mapping[str, Any]) -> bool:
    """Say whether a refusal is the judge's."""
    return read_failure(said, "").fail == Fail.MODERATION


def _kind_of(said: Mapping[str, Any]) -> str:
    flaw = _first_flaw(said)
    kind = said.get("error_type") or part(said, "payload", "error_type") or part(flaw, "type")
    return text(kind).lower()


def _first_flaw(said: Mapping[str, Any]) -> object:
    detail = said.get("detail") or part(said, "payload", "detail")
    return detail[0] if isinstance(detail, list) and detail else detail


def _outputs(payload: object) -> tuple[str, ...]:
    """Return the addresses of the films, wherever the model puts them; pictures are left."""
    for place in _PLACES:
        named = part(payload, *place)
        several = named if isinstance(named, list) else [named]
        found = reading.addresses(*(part(one, "url") or one for one in several))
        if found:
            return found
    return ()


def _told(said: Mapping[str, Any]) -> dict[str, object]:
    names = ("request_id", "gateway_request_id", "status", "queue_position", "error_type")
    return {name: text(said.get(name)) for name in names if said.get(name) is not None}
