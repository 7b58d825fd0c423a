"""Reads Cog's JSON: what a prediction says of itself, and why a request was refused. Pure."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from billing.gpu.protocol import Fail, State, Status

# An unknown word is never final: it reads as RUNNING, and the sweep goes on asking.
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
# Cog has no error classes: a predictor's own wording is all there is.
_MODERATION_WORDS: Final = ("nsfw", "moderation", "content policy", "safety checker")
_MEMORY_WORDS: Final = ("out of memory", "outofmemory")
# A cancel within the first milliseconds is reported as a failure with this name in it.
_CANCEL_WORD: Final = "CancelationException"
# coglet's own, when its worker process ended under a prediction.
_LOST_WORDS: Final = ("worker crashed", "slot dropped unexpectedly", "prediction task lost")
# What coglet puts before the words of a predictor's exception.
_PREFIXES: Final = ("Prediction failed: ", "Async prediction failed: ")
_TEXT_MAX: Final = 500
_LOGS_MAX: Final = 2000
_METRICS_MAX: Final = 20
_NAME_MAX: Final = 64


class Unreadable(ValueError):
    """Not the JSON of a prediction."""


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`.

    Raises:
        Unreadable: not JSON, not an object, or nested beyond sense.
    """
    try:
        parsed = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise Unreadable("It is not JSON.") from error
    if not isinstance(parsed, dict):
        raise Unreadable("It is no JSON object.")
    return parsed


def read_status(prediction: Mapping[str, Any], attempt_id: str) -> Status:
    """Return what `prediction` says about the attempt.

    A success without an output is a failure of class EMPTY: nothing was delivered.

    Raises:
        Unreadable: about another attempt, or without a status word.
    """
    if prediction.get("id") != attempt_id:
        raise Unreadable("It speaks of another attempt.")
    word = prediction.get("status")
    if not isinstance(word, str):
        raise Unreadable("It has no status.")
    state = _STATES.get(word.lower(), State.RUNNING)
    outputs = _outputs(prediction.get("output")) if state == State.SUCCEEDED else ()
    message = _text(prediction.get("error"))
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
    words = message.lower()
    if any(word in words for word in _MODERATION_WORDS):
        return Fail.MODERATION
    if any(word in words for word in _MEMORY_WORDS):
        return Fail.OOM
    if any(word in words for word in _LOST_WORDS):
        return Fail.LOST
    return Fail.PROVIDER


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
        return _text(f"{field}: {detail[0].get('msg', '')}")
    return _text(answer.get("error") or detail) or "The backend gave no reason."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON.")


def _outputs(output: object) -> tuple[str, ...]:
    several = output if isinstance(output, list) else [output]
    return tuple(address for address in several if isinstance(address, str) and address)


def _progress(said: object, state: State) -> float | None:
    if state == State.SUCCEEDED:
        return 1.0
    number = _number(said)
    return None if number is None else min(1.0, max(0.0, number))


def _number(value: object) -> float | None:
    """Return a finite number, None for anything else (True is no number here)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _usage(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return what was used: Cog's own seconds, and what the predictor itself has counted."""
    counted = {
        name: _number(metrics[name])
        for name in list(metrics)[:_METRICS_MAX]
        if 0 < len(name) <= _NAME_MAX and name not in ("predict_time", "progress")
    }
    counted["gpu_seconds"] = _number(metrics.get("predict_time"))
    return {name: number for name, number in counted.items() if number is not None}


def _text(value: object) -> str:
    """Return at most 500 printable characters of `value`, "" for None."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else " " for c in text[:_TEXT_MAX]).strip()


def _remembered(prediction: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, object]:
    """Return what may be stored: no input (a person's prompt), no output (a whole video)."""
    logs = prediction.get("logs")
    numbers = {
        _text(name)[:_NAME_MAX]: _number(metrics[name]) for name in list(metrics)[:_METRICS_MAX]
    }
    return {
        "id": _text(prediction.get("id")),
        "status": _text(prediction.get("status")),
        "error": _text(prediction.get("error")),
        "metrics": {name: number for name, number in numbers.items() if number is not None},
        "logs": logs[-_LOGS_MAX:].replace("\x00", "") if isinstance(logs, str) else "",
    }
