"""What each word of Cog means to us."""

import json

import pytest
from pytest_django.fixtures import Settings

from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.errors import CallbackMalformed
from billing.gpu.protocol import FINAL_STATES, AttemptView, Fail, State

BACKEND = CogBackend(base_url="http://127.0.0.1:9", secret="a-secret-of-16-letters")
ATTEMPT = AttemptView(id="att_1")
DATA = "data:video/mp4;base64,AAAA"


def said(**words: object) -> bytes:
    return json.dumps({"id": "att_1", "metrics": {}, **words}).encode()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("starting", State.QUEUED),
        ("queued", State.QUEUED),
        ("processing", State.RUNNING),
        ("PROCESSING", State.RUNNING),
        ("failed", State.FAILED),
        ("canceled", State.CANCELED),
        ("cancelled", State.CANCELED),
        ("meditating", State.RUNNING),
        ("succeeded!", State.RUNNING),
    ],
)
def test_each_word_has_a_state_and_an_unknown_one_is_never_final(word: str, state: State) -> None:
    status = BACKEND.read_callback(said(status=word), ATTEMPT)

    assert status.state == state
    assert (status.fail is not None) == (state in FINAL_STATES)


def test_a_success_needs_an_output() -> None:
    nothings: tuple[object, ...] = (None, "", [], [None], {}, 7)
    for nothing in nothings:
        status = BACKEND.read_callback(said(status="succeeded", output=nothing), ATTEMPT)

        assert (status.state, status.fail) == (State.FAILED, Fail.EMPTY)


def test_one_output_or_several_are_kept_in_order() -> None:
    one = BACKEND.read_callback(said(status="succeeded", output=DATA), ATTEMPT)
    two = BACKEND.read_callback(said(status="succeeded", output=[DATA, "data:x"]), ATTEMPT)

    assert one.outputs == (DATA,)
    assert two.outputs == (DATA, "data:x")
    assert (one.state, one.progress) == (State.SUCCEEDED, 1.0)


def test_an_output_before_the_end_is_no_output() -> None:
    assert BACKEND.read_callback(said(status="processing", output=DATA), ATTEMPT).outputs == ()


@pytest.mark.parametrize(
    ("error", "state", "fail"),
    [
        ("ValueError: NSFW content detected", State.FAILED, Fail.MODERATION),
        ("Moderation: refused", State.FAILED, Fail.MODERATION),
        ("RuntimeError: CUDA out of memory", State.FAILED, Fail.OOM),
        ("Worker crashed", State.FAILED, Fail.LOST),
        ("Slot dropped unexpectedly", State.FAILED, Fail.LOST),
        ("KeyError: 'x'", State.FAILED, Fail.PROVIDER),
        ("Failed to submit coroutine: CancelationException: ", State.CANCELED, Fail.CANCELED),
        (None, State.FAILED, Fail.PROVIDER),
    ],
)
def test_a_failure_is_classed_by_its_wording(error: str | None, state: State, fail: Fail) -> None:
    status = BACKEND.read_callback(said(status="failed", error=error), ATTEMPT)

    assert (status.state, status.fail) == (state, fail)


@pytest.mark.parametrize(
    ("progress", "read"),
    [
        (0.25, 0.25),
        (7, 1.0),
        (-1, 0.0),
        ("half", None),
        (True, None),
        (10**400, None),
        (None, None),
    ],
)
def test_progress_is_between_nothing_and_all(progress: object, read: float | None) -> None:
    status = BACKEND.read_callback(
        said(status="processing", metrics={"progress": progress}), ATTEMPT
    )

    assert status.progress == read


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"id": "att_2", "status": "failed"}',
        b'{"status": "failed"}',
        b'{"id": "att_1"}',
        b'{"id": "att_1", "status": null}',
        b'{"id": "att_1", "status": ""}',
        b'{"id": "att_1", "status": " "}',
        b'{"id": "att_1", "status": "failed", "metrics": {"x": Infinity}}',
        b"[" * 200_000,
        b'{"id": "att_1", "status": "failed", "x": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_callback_that_cannot_be_applied_is_refused(body: bytes) -> None:
    with pytest.raises(CallbackMalformed):
        BACKEND.read_callback(body, ATTEMPT)


def test_odd_metrics_and_logs_do_no_harm() -> None:
    odd: tuple[object, ...] = (None, [], "x", {"predict_time": "long"}, {"": 1, "a" * 500: 2})
    for metrics in odd:
        status = BACKEND.read_callback(
            said(status="processing", metrics=metrics, logs=["x"]), ATTEMPT
        )

        assert status.usage == {}
        assert status.state == State.RUNNING


def test_what_is_remembered_holds_no_prompt_and_no_video() -> None:
    body = said(
        status="failed",
        error="e" * 5000 + "\x00",
        input={"prompt": "a secret wish"},
        output=DATA * 1000,
        logs="a secret wish, at https://cdn.example/film.mp4?Signature=opens-it",
    )

    status = BACKEND.read_callback(body, ATTEMPT)

    remembered = json.dumps(dict(status.raw))
    assert len(remembered) < 5000
    assert "secret wish" not in remembered
    assert "opens-it" not in remembered
    assert "base64" not in remembered
    assert "\\u0000" not in remembered
    assert len(status.message) <= 500


def test_a_callback_larger_than_any_output_is_refused(settings: Settings) -> None:
    settings.OUTPUT_BYTES_MAX = 1000

    with pytest.raises(CallbackMalformed):
        BACKEND.read_callback(b" " * 1_100_000 + said(status="processing"), ATTEMPT)


def test_the_secret_shows_nowhere() -> None:
    assert "a-secret" not in repr(BACKEND)
