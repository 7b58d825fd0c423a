"""Zhipu's adapter against a simulator of it: what holds for all, and what is Zhipu's alone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.gpu.adapters.zhipu.adapter import ZhipuBackend, ZhipuOptions
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AuthError,
    BackendError,
    CancelResult,
    Fail,
    Readiness,
    Rejected,
    State,
)
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Answer, Ending
from tests.gpu.vendors.bench import Bench, order
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.zhipu import Zhipu, refused

IMAGE = "https://cdn.example/a.png"
LAST = "https://cdn.example/b.png"


def bench_at(simulator: Zhipu, receiver: Receiver, **words: Any) -> Bench:  # noqa: ANN401 (our words)
    backend = ZhipuBackend(base_url=simulator.url, secret=simulator.key)
    return Bench(
        simulator=simulator,
        backend=backend,
        stranger=replace(backend, secret="a-key-of-nobody"),
        moved=replace(backend, base_url="http://127.0.0.1:9"),
        attempt=order(receiver, vendor_model="cogvideox-3", **words),
    )


@pytest.fixture
def simulator() -> Iterator[Zhipu]:
    zhipu = Zhipu()
    yield zhipu
    zhipu.close()


@pytest.fixture
def bench(simulator: Zhipu, receiver: Receiver) -> Bench:
    return bench_at(simulator, receiver)


class TestZhipu(Contract):
    """What holds for all."""

    impossible = (
        ({"seconds": 6}, "seconds"),
        ({"seconds": "5"}, "seconds"),
        ({"resolution": "480p"}, "resolution"),
        ({"resolution": "1080p", "aspect_ratio": "1:1"}, "aspect_ratio"),
        ({"resolution": "4K", "aspect_ratio": "9:16"}, "aspect_ratio"),
        ({"mode": "ultra"}, "mode"),
        ({"fps": 24}, "fps"),
        ({"frames": 3}, "frames"),
        ({"prompt": ""}, "prompt"),
        ({"task": "first_last_frame", "image_url": IMAGE}, "last_image_url"),
    )

    @pytest.fixture
    def bench(self, simulator: Zhipu, receiver: Receiver) -> Bench:
        return bench_at(simulator, receiver)


# -- orders -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "images"),
    [
        ({"task": "text_to_video"}, None),
        ({"task": "image_to_video", "image_url": IMAGE}, IMAGE),
        ({"task": "first_last_frame", "image_url": IMAGE, "last_image_url": LAST}, [IMAGE, LAST]),
    ],
)
def test_an_order_says_all_that_is_billed(
    simulator: Zhipu, receiver: Receiver, words: dict[str, Any], images: object
) -> None:
    bench = bench_at(simulator, receiver, **words)

    bench.submitted()

    said = dict(simulator.newest.order)
    assert said.pop("prompt") == bench.attempt.input["prompt"]
    assert said.pop("image_url", None) == images
    assert said == {
        "model": "cogvideox-3",
        "quality": "speed",
        "with_audio": False,
        "watermark_enabled": True,
        "size": "1280x720",
        "fps": 30,
        "duration": 5,
        "request_id": "att_1",
    }


def test_each_choice_of_the_customer_is_told(simulator: Zhipu, receiver: Receiver) -> None:
    chosen = {"mode": "pro", "audio": True, "fps": 60, "seconds": 10}
    bench = bench_at(simulator, receiver, resolution="4K", seed=7, **chosen)

    bench.submitted()

    said = simulator.newest.order
    names = ("quality", "with_audio", "fps", "duration", "size")
    assert [said[name] for name in names] == ["quality", True, 60, 10, "3840x2160"]


@pytest.mark.parametrize(
    ("may", "flag", "marked"),
    [(False, False, True), (False, True, True), (True, False, False), (True, True, True)],
)
def test_a_film_is_marked_unless_both_the_account_and_the_plan_allow_otherwise(
    simulator: Zhipu, receiver: Receiver, *, may: bool, flag: bool, marked: bool
) -> None:
    bench = bench_at(simulator, receiver, watermark=flag)
    options = ZhipuOptions(leaves_unmarked=may)

    ZhipuBackend(base_url=simulator.url, secret=simulator.key, options=options).submit(
        bench.attempt
    )

    assert simulator.newest.order["watermark_enabled"] is marked


# -- refusals -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "code", "error", "fail"),
    [
        (400, "1301", Rejected, Fail.MODERATION),
        (400, "1210", Rejected, Fail.INVALID_INPUT),
        (400, "1211", AuthError, None),
        (429, "1113", AuthError, None),
        (429, "1305", AtCapacity, None),
        (400, "1231", Ambiguous, None),
        (500, "1230", Ambiguous, None),
        (200, "1302", AtCapacity, None),
        (200, "9999", Ambiguous, None),
        (400, "9999", Rejected, Fail.INVALID_INPUT),
    ],
)
def test_each_code_of_a_refusal_says_what_may_happen_next(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    error: type[BackendError],
    fail: Fail | None,
) -> None:
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: refused(status, code))

    with pytest.raises(BackendError) as refusal:
        bench.backend.submit(bench.attempt)

    assert type(refusal.value) is error
    assert getattr(refusal.value, "fail", None) == fail


# -- words --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "error", "state", "fail"),
    [
        ("PROCESSING", {}, State.RUNNING, None),
        ("processing", {}, State.RUNNING, None),
        ("SUCCESS", {}, State.SUCCEEDED, None),
        ("FAIL", {}, State.FAILED, Fail.PROVIDER),
        ("fail", {"code": "1301"}, State.FAILED, Fail.MODERATION),
        ("FAIL", {"code": "1", "message": "内容敏感"}, State.FAILED, Fail.MODERATION),
        ("SUCCESS", {"code": "1301"}, State.FAILED, Fail.MODERATION),
        ("QUEUED", {}, State.RUNNING, None),
        ("DONE", {}, State.RUNNING, None),
    ],
)
def test_each_word_has_a_state(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    error: dict[str, str],
    state: State,
    fail: Fail | None,
) -> None:
    attempt = bench.submitted()
    film = "https://cdn.example/x.mp4"
    said = {"task_status": word, "error": error, "video_result": [{"url": film}]}
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: Answer(200, said))

    status = bench.backend.poll(attempt)

    assert (status.state, status.fail) == (state, fail)
    assert status.outputs == ((film,) if state == State.SUCCEEDED else ())


@pytest.mark.parametrize("words", [{"request_id": "att_2"}, {"id": "another"}])
def test_an_answer_about_another_attempt_ends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, words: dict[str, str]
) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    said = Answer(200, {"task_status": "FAIL", **words})
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: said)

    with pytest.raises(Ambiguous):
        bench.backend.poll(attempt)


@pytest.mark.parametrize(
    "answer", [refused(404, "1222"), Answer(404, b"<html>"), Answer(404, {}), refused(400, "1214")]
)
def test_only_a_well_formed_no_about_the_task_is_an_absence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    attempt = bench.submitted()
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: answer)

    with pytest.raises(BackendError):
        bench.backend.poll(attempt)


# -- what there is not --------------------------------------------------------------------------
def test_a_task_of_unknown_name_can_neither_be_asked_about_nor_found(bench: Bench) -> None:
    bench.submitted()
    before = len(bench.simulator.seen)

    with pytest.raises(BackendError):
        bench.backend.poll(bench.attempt)
    assert bench.backend.find(bench.attempt) is None
    assert bench.backend.cancel(bench.attempt) == CancelResult.UNSUPPORTED
    assert len(bench.simulator.seen) == before


def test_nobody_can_report_in_its_name(bench: Bench) -> None:
    attempt = bench.submitted()

    with pytest.raises(CallbackUnauthenticated):
        bench.backend.parse_callback({}, b'{"task_status": "FAIL"}', attempt, now=datetime.now(UTC))
    with pytest.raises(CallbackUnauthenticated):
        bench.backend.read_callback(b'{"task_status": "FAIL"}', attempt)


def test_a_locked_account_is_down(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: refused(400, "1112"))

    assert bench.backend.health().readiness == Readiness.DOWN
