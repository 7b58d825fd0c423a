"""Reads Cog's JSON: what a prediction says of itself, and why a request was refused. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from billing.gpu import reading
from billing.gpu.protocol import Fail, State, Status
from billing.gpu.reading import Unreadable, number, read_object, state_of, text

_STATES: Final[Mapping[str, State]] = {
    "starting": State.QUEUED,
    "queued": State.QUEUED,
    "processing": State.RUNNING,
    "running": State.RUNNING,
    "succeeded": State.SUCCEEDED,
    "failed": State.FAILED,
    "canceled": State.CANCELED,
    "cancelled": State.CANCELED,
}
# A cancel within the first milliseconds is reported as a failure with this name in it.
_CANCEL_WORD: Final = "CancelationException"
# coglet's own, when its worker process ended under a prediction.
_LOST_WORDS: Final = ("worker crashed", "slot dropped unexpectedly", "prediction task lost")
# What coglet puts before the words of a predictor's exception.
_PREFIXES: Final = ("Prediction failed: ", "Async prediction failed: ")
_METRICS_MAX: Final = 20
_NAME_MAX: Final = 64


def read_status(prediction: Mapping[str, Any], attempt_id: str) -> Status:
    """Return what `prediction` says about the attempt.

    A success without an output is a failure of class EMPTY: nothing was delivered.

    Raises:
        Unreadable: about another attempt, or without a status word.
    """
    if prediction.get("id") != attempt_id:
        raise Unreadable("It speaks of another attempt.")
    state = state_of(prediction.get("status"), _STATES)
    outputs = _outputs(prediction.get("output")) if state == State.SUCCEEDED else ()
    message = text(prediction.get("error"))
    for prefix in _PREFIXES:
        message = message.removeprefix(prefix)
    fail = None
    if state == State.SUCCEEDED and not outputs:
        state, fail, message = State.FAILED, Fail.EMPTY, "It ended well, and no output came."
    elif state == State.FAILED and _CANCEL_WORD in message:
        state, fail = State.CANCELED, Fail.CANCELED
    elif state == State.FAILED:
        fail = fail_class(message)
    elif state == State.CANCELED:
        fail = Fail.CANCELED
    metrics = prediction.get("metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    return Status(
        state=state,
        provider_id=attempt_id,
        progress=_progress(metrics.get("progress"), state),
        outputs=outputs,
        fail=fail,
        message=message,
        usage=_usage(metrics),
        raw=_remembered(prediction, metrics),
    )


def fail_class(message: str) -> Fail:
    """Return the class of a predictor's own words; PROVIDER when they say nothing known."""
    found = reading.fail_class(message)
    is_lost = any(word in message.lower() for word in _LOST_WORDS)
    return Fail.LOST if is_lost and found == Fail.PROVIDER else found


def refusal_text(body: bytes) -> str:
    """Return why a request was refused, in one sentence: `seconds: 300 is greater than …`."""
    try:
        answer = read_object(body)
    except Unreadable:
        return "The backend gave no reason."
    detail = answer.get("detail")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        place = detail[0].get("loc")
        field = place[-1] if isinstance(place, list) and place else ""
        return text(f"{field}: {detail[0].get('msg', '')}")
    return text(answer.get("error") or detail) or "The backend gave no reason."


def _outputs(output: object) -> tuple[str, ...]:
    several = output if isinstance(output, list) else [output]
    return tuple(address for address in several if isinstance(address, str) and address)


def _progress(said: object, state: State) -> float | None:
    if state == State.SUCCEEDED:
        return 1.0
    share = number(said)
    return None if share is None else min(1.0, max(0.0, share))


def _usage(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return what was used: Cog's own seconds, and what the predictor itself has counted."""
    counted = {
        name: number(metrics[name])
        for name in list(metrics)[:_METRICS_MAX]
        if 0 < len(name) <= _NAME_MAX and name not in ("predict_time", "progress")
    }
    counted["gpu_seconds"] = number(metrics.get("predict_time"))
    return {name: count for name, count in counted.items() if count is not None}


def _remembered(prediction: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, object]:
    """Return what may be stored: no input (a prompt), no output (a video), no logs (anything)."""
    numbers = {
        text(name)[:_NAME_MAX]: number(metrics[name]) for name in list(metrics)[:_METRICS_MAX]
    }
    return {
        "id": text(prediction.get("id")),
        "status": text(prediction.get("status")),
        "error": text(prediction.get("error")),
        "metrics": {name: count for name, count in numbers.items() if count is not None},
    }
