"""Reads Replicate's JSON: what a prediction says of itself, and why one was refused. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from billing.gpu import reading
from billing.gpu.protocol import Fail, State, Status
from billing.gpu.reading import Unreadable, part, read_object, state_of, text, usage

STATES: Final[Mapping[str, State]] = {
    "starting": State.QUEUED,
    "queued": State.QUEUED,
    "processing": State.RUNNING,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.CANCELED,
    "cancelled": State.CANCELED,
    "aborted": State.EXPIRED,  # the deadline came before the start
}
_FAILS: Final[Mapping[State, Fail]] = {State.CANCELED: Fail.CANCELED, State.EXPIRED: Fail.TIMEOUT}
# Of public models: what was stopped while it ran is charged, what never started is not. What is
# charged of a failure differs by model, and no answer says it.
_CHARGED: Final[Mapping[State, bool]] = {
    State.SUCCEEDED: True,
    State.CANCELED: True,
    State.EXPIRED: False,
}
_MODERATION: Final = ("flagged", "sensitive", "(e005)", "prohibited content", "content_policy")
_PLACES: Final = ("video", "videos", "url", "output")
_TOLD: Final = ("id", "status", "model", "version", "created_at", "started_at", "completed_at")


def read_status(prediction: Mapping[str, Any], provider_id: str = "") -> Status:
    """Return what a prediction says of itself.

    A success without an address is a failure of class EMPTY; so is one whose data were removed,
    as they are an hour after its end.

    Args:
        provider_id: which one it must be; "" while that is not known.

    Raises:
        Unreadable: about another prediction, or without an id or a status word.
    """
    found = prediction.get("id")
    if not isinstance(found, str) or not found:
        raise Unreadable("It names no prediction.")
    if provider_id and found != provider_id:
        raise Unreadable("It speaks of another prediction.")
    state = state_of(prediction.get("status"), STATES)
    message = text(prediction.get("error"))
    outputs = _outputs(prediction.get("output")) if state == State.SUCCEEDED else ()
    fail, charged = _FAILS.get(state), _CHARGED.get(state)
    if state == State.FAILED or (state == State.SUCCEEDED and message):
        state, outputs = State.FAILED, ()
        fail = reading.fail_class(message, moderation=_MODERATION)
    elif state == State.SUCCEEDED and not outputs:
        state, fail = State.FAILED, Fail.EMPTY
        removed = prediction.get("data_removed") is True
        message = "Its film was removed, an hour after its end." if removed else "No film came."
    return Status(
        state=state,
        provider_id=found,
        outputs=outputs,
        fail=fail,
        message=message,
        usage=usage(gpu_seconds=part(prediction, "metrics", "predict_time")),
        provider_charged=charged,
        raw={name: text(prediction.get(name)) for name in _TOLD if prediction.get(name)}
        | ({"error": message} if message else {}),
    )


def ours_among(page: Mapping[str, Any], callback_url: str) -> Status | None:
    """Return the one listed prediction that reports to our attempt's own address; else None.

    Its end is not read here, for the list leaves outputs out: it runs until it was asked about.
    """
    results = page.get("results")
    listed = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    ours = [one for one in listed if callback_url and one.get("webhook") == callback_url]
    if len(ours) != 1 or not isinstance(ours[0].get("id"), str):
        return None
    word = ours[0].get("status")
    state = state_of(word, STATES) if isinstance(word, str) else State.RUNNING
    queued = state == State.QUEUED
    return Status(state=state if queued else State.RUNNING, provider_id=ours[0]["id"])


def refusal_text(body: bytes) -> str:
    """Return why a request was refused, in one sentence."""
    try:
        said = read_object(body)
    except Unreadable:
        return "the backend gave no reason"
    flaws = said.get("invalid_fields")
    if isinstance(flaws, list) and flaws:
        named = text(part(flaws[0], "field")).removeprefix("input.")
        return f"{named}: {text(part(flaws[0], 'description'))}"
    return text(said.get("detail") or said.get("title")) or "the backend gave no reason"


def is_moderated(reason: str) -> bool:
    """Say whether a refusal is the judge's."""
    return reading.fail_class(reason, moderation=_MODERATION) == Fail.MODERATION


def is_unknown_id(body: bytes) -> bool:
    """Say whether a 404 is Replicate's own: it speaks JSON, with a reason."""
    try:
        return bool(text(read_object(body).get("detail")))
    except Unreadable:
        return False


def _outputs(output: object) -> tuple[str, ...]:
    """Return the addresses of an output, which each model shapes as it likes."""
    if isinstance(output, dict):
        return reading.addresses(*(output.get(place) for place in _PLACES))
    return reading.addresses(output)
