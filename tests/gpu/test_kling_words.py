"""What each word of Kling means to us."""

import json
from collections.abc import Mapping

import pytest

from billing.gpu.adapters.kling.adapter import KlingBackend
from billing.gpu.errors import CallbackMalformed
from billing.gpu.protocol import FINAL_STATES, AttemptView, Fail, State

SECRET = "a-secret-key-of-thirty-two-letters"
BACKEND = KlingBackend(base_url="http://127.0.0.1:9", secret=SECRET, access_key="the-access-key")
ATTEMPT = AttemptView(id="att_1", provider_id="867")


def said(**words: object) -> bytes:
    return json.dumps({"task_id": "867", **words}).encode()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("submitted", State.QUEUED),
        ("Submitted", State.QUEUED),
        ("processing", State.RUNNING),
        ("PROCESSING", State.RUNNING),
        ("failed", State.FAILED),
        ("FAILED", State.FAILED),
        ("succeeded", State.RUNNING),
    ],
)
def test_each_word_has_a_state_and_an_unknown_one_is_never_final(word: str, state: State) -> None:
    status = BACKEND.read_callback(said(task_status=word), ATTEMPT)

    assert status.state == state
    assert (status.fail is not None) == (state in FINAL_STATES)


def test_a_success_needs_a_film_at_an_address() -> None:
    nothings: tuple[object, ...] = (
        None,
        {},
        [],
        {"videos": None},
        {"videos": [{"url": "/a/path"}]},
    )
    for nothing in nothings:
        status = BACKEND.read_callback(said(task_status="succeed", task_result=nothing), ATTEMPT)

        assert (status.state, status.fail) == (State.FAILED, Fail.EMPTY)


@pytest.mark.parametrize(
    ("message", "fail"),
    [
        ("Failure to pass the risk control system", Fail.MODERATION),
        ("Violates the Community Guidelines", Fail.MODERATION),
        ("触发平台风控", Fail.MODERATION),
        ("Image pixel is invalid", Fail.INVALID_INPUT),
        ("internal error", Fail.PROVIDER),
        (None, Fail.PROVIDER),
    ],
)
def test_a_failure_is_classed_by_its_wording(message: str | None, fail: Fail) -> None:
    status = BACKEND.read_callback(said(task_status="failed", task_status_msg=message), ATTEMPT)

    assert (status.state, status.fail) == (State.FAILED, fail)


@pytest.mark.parametrize(
    "words",
    [
        {"task_id": "868", "task_status": "succeed"},
        {"task_status": "succeed", "task_info": {"external_task_id": "att_2"}},
        {"task_id": 867, "task_status": "succeed"},
        {"task_id": "", "task_status": "succeed"},
        {"task_status": None},
    ],
)
def test_a_callback_of_another_task_or_of_none_is_refused(words: Mapping[str, object]) -> None:
    with pytest.raises(CallbackMalformed):
        BACKEND.read_callback(said(**words), ATTEMPT)


def test_a_callback_may_come_in_the_envelope_of_answers() -> None:
    body = json.dumps({"code": 0, "data": {"task_id": "867", "task_status": "processing"}})

    assert BACKEND.read_callback(body.encode(), ATTEMPT).state == State.RUNNING


def test_odd_numbers_are_no_usage() -> None:
    for odd in (None, 3, "many", "nan", "-1", "1e999"):
        status = BACKEND.read_callback(
            said(task_status="processing", final_unit_deduction=odd), ATTEMPT
        )

        assert (status.usage, status.provider_charged) == ({}, None)


def test_the_keys_show_nowhere() -> None:
    assert SECRET not in repr(BACKEND)
