"""What each word of Ark means to us."""

import json
from collections.abc import Mapping

import pytest

from billing.gpu.adapters.ark.adapter import ArkBackend
from billing.gpu.errors import CallbackMalformed
from billing.gpu.protocol import FINAL_STATES, AttemptView, Fail, State

BACKEND = ArkBackend(base_url="http://127.0.0.1:9", secret="a-key-of-the-vendor")
ATTEMPT = AttemptView(id="att_1", provider_id="cgt-1")


def said(**words: object) -> bytes:
    return json.dumps({"id": "cgt-1", **words}).encode()


@pytest.mark.parametrize(
    ("word", "state", "fail"),
    [
        ("queued", State.QUEUED, None),
        ("Queued", State.QUEUED, None),
        ("running", State.RUNNING, None),
        ("RUNNING", State.RUNNING, None),
        ("failed", State.FAILED, Fail.PROVIDER),
        ("cancelled", State.CANCELED, Fail.CANCELED),
        ("canceled", State.CANCELED, Fail.CANCELED),
        ("expired", State.EXPIRED, Fail.TIMEOUT),
        ("EXPIRED", State.EXPIRED, Fail.TIMEOUT),
        ("succeeded", State.FAILED, Fail.EMPTY),
        ("succeed", State.RUNNING, None),
    ],
)
def test_each_word_has_a_state_and_an_unknown_one_is_never_final(
    word: str, state: State, fail: Fail | None
) -> None:
    status = BACKEND.read_callback(said(status=word), ATTEMPT)

    assert (status.state, status.fail) == (state, fail)
    assert (status.fail is not None) == (state in FINAL_STATES)


def test_a_film_before_the_end_is_no_output() -> None:
    content = {"video_url": "https://ark.example/a.mp4"}

    assert BACKEND.read_callback(said(status="running", content=content), ATTEMPT).outputs == ()
    done = BACKEND.read_callback(said(status="succeeded", content=content), ATTEMPT)
    assert done.outputs == ("https://ark.example/a.mp4",)


@pytest.mark.parametrize(
    ("code", "message", "fail"),
    [
        ("OutputVideoSensitiveContentDetected", "no", Fail.MODERATION),
        ("OutputVideoSensitiveContentDetected.PolicyViolation", "no", Fail.MODERATION),
        ("OutputImageRiskDetection", "no", Fail.MODERATION),
        ("", "the input text may contain sensitive information", Fail.MODERATION),
        ("InvalidParameter.image", "no", Fail.INVALID_INPUT),
        ("InternalServiceError", "CUDA out of memory", Fail.OOM),
        ("InternalServiceError", "no", Fail.PROVIDER),
    ],
)
def test_a_failure_is_classed_by_its_code(code: str, message: str, fail: Fail) -> None:
    error = {"code": code, "message": message}

    status = BACKEND.read_callback(said(status="failed", error=error), ATTEMPT)

    assert (status.state, status.fail) == (State.FAILED, fail)


@pytest.mark.parametrize(
    "words",
    [
        {"id": "cgt-2", "status": "succeeded"},
        {"status": "succeeded", "safety_identifier": "att_2"},
        {"id": 1, "status": "succeeded"},
        {"id": "", "status": "succeeded"},
        {"status": None},
        {},
    ],
)
def test_a_callback_of_another_task_or_of_none_is_refused(words: Mapping[str, object]) -> None:
    with pytest.raises(CallbackMalformed):
        BACKEND.read_callback(said(**words), ATTEMPT)


def test_odd_numbers_are_no_usage() -> None:
    odds: tuple[object, ...] = (
        None,
        [],
        {"total_tokens": "many"},
        {"completion_tokens": -1},
        {"x": True},
    )
    for odd in odds:
        assert BACKEND.read_callback(said(status="running", usage=odd), ATTEMPT).usage == {}
