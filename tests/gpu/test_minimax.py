"""MiniMax's adapter against simulators of both versions: what holds for all, and what is not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from billing.gpu.adapters.minimax.adapter import MinimaxBackend, MinimaxOptions
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    AuthError,
    BackendError,
    BadOutput,
    CancelResult,
    Fail,
    Rejected,
    State,
)
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Answer, Ending, Fault
from tests.gpu.vendors.bench import Bench, order
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.fetches import OPEN
from tests.gpu.vendors.minimax import MinimaxV1, MinimaxV2, refused_v1, refused_v2

IMAGE = "https://cdn.example/a.png"
LAST = "https://cdn.example/b.png"
FILM = "https://cdn.example/c.mp4"


def bench_v2(simulator: MinimaxV2, receiver: Receiver, **words: Any) -> Bench:  # noqa: ANN401 (our words)
    chosen = {"resolution": "768P", "audio": True, **words}
    return _bench(simulator, order(receiver, vendor_model="MiniMax-H3", **chosen), MinimaxOptions())


def bench_v1(simulator: MinimaxV1, receiver: Receiver, **words: Any) -> Bench:  # noqa: ANN401 (our words)
    chosen = {"resolution": "768P", "seconds": 6, **words}
    attempt = order(receiver, vendor_model="MiniMax-Hailuo-02", **chosen)
    return _bench(simulator, attempt, MinimaxOptions(version="v1"))


def _bench(
    simulator: MinimaxV1 | MinimaxV2, attempt: AttemptView, options: MinimaxOptions
) -> Bench:
    backend = MinimaxBackend(base_url=simulator.url, secret=simulator.key, options=options)
    return Bench(
        simulator=simulator,
        backend=backend,
        stranger=replace(backend, secret="a-key-of-nobody"),
        moved=replace(backend, base_url="http://127.0.0.1:9"),
        attempt=attempt,
    )


@pytest.fixture
def v2() -> Iterator[MinimaxV2]:
    simulator = MinimaxV2()
    yield simulator
    simulator.close()


@pytest.fixture
def v1() -> Iterator[MinimaxV1]:
    simulator = MinimaxV1()
    yield simulator
    simulator.close()


class TestMinimaxV2(Contract):
    """What holds for all."""

    billed = ("seconds", "resolution")
    impossible = (
        ({"seconds": 16}, "seconds"),
        ({"resolution": "512P"}, "resolution"),
        ({"aspect_ratio": "2:1"}, "aspect_ratio"),
        ({"audio": False}, "audio"),
        ({"mode": "pro"}, "mode"),
        ({"prompt": ""}, "prompt"),
        ({"task": "image_to_video"}, "image_url"),
        ({"task": "reference_to_video"}, "image_url"),
        ({"task": "reference_to_video", "image_url": IMAGE, "images": 2}, "images"),
        ({"task": "reference_to_video", "video_url": FILM, "input_seconds": 4}, "input_seconds"),
    )

    @pytest.fixture
    def bench(self, v2: MinimaxV2, receiver: Receiver) -> Bench:
        return bench_v2(v2, receiver)


class TestMinimaxV1(Contract):
    """What holds for all."""

    billed = ("seconds", "resolution")
    impossible = (
        ({"seconds": 5}, "seconds"),
        ({"seconds": 10, "resolution": "1080P"}, "seconds"),
        ({"resolution": "2K"}, "resolution"),
        ({"aspect_ratio": "9:16"}, "aspect_ratio"),
        ({"audio": True}, "audio"),
        ({"prompt": ""}, "prompt"),
        ({"task": "image_to_video", "image_url": IMAGE, "video_url": FILM}, "video_url"),
        ({"task": "first_last_frame", "image_url": IMAGE}, "last_image_url"),
    )

    @pytest.fixture
    def bench(self, v1: MinimaxV1, receiver: Receiver) -> Bench:
        return bench_v1(v1, receiver)


# -- orders -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "roles", "ratio"),
    [
        ({"task": "text_to_video"}, [], "16:9"),
        ({"task": "image_to_video", "image_url": IMAGE}, ["first_frame"], None),
        (
            {"task": "first_last_frame", "image_url": IMAGE, "last_image_url": LAST},
            ["first_frame", "last_frame"],
            None,
        ),
        (
            {"task": "reference_to_video", "image_url": IMAGE, "images": 1},
            *(["reference_image"], "16:9"),
        ),
        ({"task": "reference_to_video", "video_url": FILM}, ["reference_video"], "16:9"),
        (
            {"task": "reference_to_video", "image_url": IMAGE, "video_url": FILM},
            ["reference_image", "reference_video"],
            "16:9",
        ),
    ],
)
def test_v2_is_told_each_picture_by_its_role(
    v2: MinimaxV2, receiver: Receiver, words: dict[str, Any], roles: list[str], ratio: str | None
) -> None:
    bench = bench_v2(v2, receiver, seed=7, **words)

    bench.submitted()

    said = v2.newest.order
    assert [item["role"] for item in said["content"][1:]] == roles
    assert said["content"][0] == {"type": "text", "text": bench.attempt.input["prompt"]}
    assert said.get("ratio") == ratio
    assert (said["duration"], said["resolution"], said["seed"]) == (5, "768P", 7)
    assert "aigc_watermark" not in said


def test_a_ratio_that_no_order_names_is_an_option(v2: MinimaxV2, receiver: Receiver) -> None:
    bench = bench_v2(v2, receiver)
    words = {name: value for name, value in bench.attempt.input.items() if name != "aspect_ratio"}
    options = MinimaxOptions(ratio="9:16")
    backend = MinimaxBackend(base_url=v2.url, secret=v2.key, options=options)

    backend.submit(replace(bench.attempt, input=words))

    assert v2.newest.order["ratio"] == "9:16"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"task": "text_to_video"}, {}),
        ({"task": "image_to_video", "image_url": IMAGE}, {"first_frame_image": IMAGE}),
        (
            {"task": "first_last_frame", "image_url": IMAGE, "last_image_url": LAST},
            {"first_frame_image": IMAGE, "last_frame_image": LAST},
        ),
        (
            {"task": "reference_to_video", "image_url": IMAGE},
            {"subject_reference": [{"type": "character", "image": [IMAGE]}]},
        ),
        ({"watermark": True}, {"aigc_watermark": True}),
    ],
)
def test_v1_is_told_by_flat_fields(
    v1: MinimaxV1, receiver: Receiver, words: dict[str, Any], told: dict[str, Any]
) -> None:
    bench = bench_v1(v1, receiver, **words)

    bench.submitted()

    assert v1.newest.order == {
        "model": "MiniMax-Hailuo-02",
        "prompt": bench.attempt.input["prompt"],
        "duration": 6,
        "resolution": "768P",
        "callback_url": bench.attempt.callback_url,
        **told,
    }


def test_models_that_ignore_length_and_size_are_ordered_only_as_they_make_them(
    v1: MinimaxV1, receiver: Receiver
) -> None:
    bench = bench_v1(v1, receiver, resolution="720P")
    longer = {**bench.attempt.input, "seconds": 10}
    larger = {**bench.attempt.input, "resolution": "768P"}

    for words in (longer, larger):
        with pytest.raises(Rejected):
            bench.backend.submit(replace(bench.attempt, model="T2V-01-Director", input=words))
    bench.submitted(model="T2V-01-Director")

    assert len(v1.seen) == 1


# -- refusals -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("code", "error", "fail"),
    [
        (1026, Rejected, Fail.MODERATION),
        (2013, Rejected, Fail.INVALID_INPUT),
        (1002, AtCapacity, None),
        (2056, AtCapacity, None),
        (1004, AuthError, None),
        (2049, AuthError, None),
        (2061, AuthError, None),
        (1000, Ambiguous, None),
        (1033, Ambiguous, None),
        (9999, Ambiguous, None),
    ],
)
def test_each_code_says_what_may_happen_next_whatever_the_status(
    v1: MinimaxV1,
    v2: MinimaxV2,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    error: type[BackendError],
    fail: Fail | None,
) -> None:
    for bench in (bench_v1(v1, receiver), bench_v2(v2, receiver)):
        answer = refused_v1(code) if bench.simulator is v1 else refused_v2(500, code)
        monkeypatch.setattr(bench.simulator, "answer", lambda *_, answer=answer: answer)

        with pytest.raises(BackendError) as refusal:
            bench.backend.submit(bench.attempt)

        assert type(refusal.value) is error
        assert getattr(refusal.value, "fail", None) == fail


# -- words --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "flaw", "state", "fail"),
    [
        ("queued", {}, State.QUEUED, None),
        ("Preparing", {}, State.QUEUED, None),
        ("Queueing", {}, State.QUEUED, None),
        ("RUNNING", {}, State.RUNNING, None),
        ("processing", {}, State.RUNNING, None),
        ("succeeded", {}, State.SUCCEEDED, None),
        ("Success", {"base_resp": {"status_code": 0}}, State.SUCCEEDED, None),
        ("success", {"base_resp": {"status_code": 1027}}, State.FAILED, Fail.MODERATION),
        ("succeeded", {"error": {"code": "1000"}}, State.FAILED, Fail.PROVIDER),
        ("Fail", {}, State.FAILED, Fail.PROVIDER),
        ("failed", {"error": {"code": "1026"}}, State.FAILED, Fail.MODERATION),
        ("failed", {"error": {"message": "bad words (1027)"}}, State.FAILED, Fail.MODERATION),
        ("failed", {"error": {"code": 2013}}, State.FAILED, Fail.INVALID_INPUT),
        ("cancelled", {}, State.CANCELED, Fail.CANCELED),
        ("Expired", {}, State.EXPIRED, Fail.TIMEOUT),
        ("unknown", {}, State.RUNNING, None),
        ("successful", {}, State.RUNNING, None),
    ],
)
def test_each_word_of_both_versions_has_a_state(
    v2: MinimaxV2,
    receiver: Receiver,
    word: str,
    flaw: dict[str, Any],
    state: State,
    fail: Fail | None,
) -> None:
    task = {"task_id": "7", "status": word, "content": {"url": FILM}, **flaw}
    backend = bench_v2(v2, receiver).backend

    for said in (task, {"task": task}):
        status = backend.read_callback(json.dumps(said).encode(), AttemptView(id="att_1"))

        assert (status.state, status.fail) == (state, fail)
        assert status.outputs == ((FILM,) if state == State.SUCCEEDED else ())


def test_what_was_spent_is_told_in_seconds(v2: MinimaxV2, receiver: Receiver) -> None:
    bench = bench_v2(v2, receiver, seconds=12)

    made = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))
    dropped = bench.backend.poll(bench.brought_to(Ending.CANCELED))

    assert (made.usage, made.provider_charged) == ({"seconds": 12.0}, True)
    assert (dropped.usage, dropped.provider_charged) == ({}, False)


# -- cancelling ---------------------------------------------------------------------------------
def test_a_film_is_never_erased_by_a_wish_to_cancel(v2: MinimaxV2, receiver: Receiver) -> None:
    bench = bench_v2(v2, receiver)
    for ending in (Ending.SUCCEEDED, Ending.FAILED, Ending.EXPIRED, Ending.RUNNING):
        attempt = bench.brought_to(ending)

        assert bench.backend.cancel(attempt) == CancelResult.TOO_LATE
        assert attempt.provider_id in v2.tasks
    assert v2.asked("cancel") == []

    waiting = bench.submitted()
    assert bench.backend.cancel(waiting) == CancelResult.REQUESTED
    assert bench.backend.poll(waiting).state == State.CANCELED
    assert bench.backend.cancel(replace(waiting, provider_id="1")) == CancelResult.ABSENT


def test_v1_stops_nothing(v1: MinimaxV1, receiver: Receiver) -> None:
    bench = bench_v1(v1, receiver)
    attempt = bench.submitted()

    assert bench.backend.cancel(attempt) == CancelResult.UNSUPPORTED
    assert v1.asked("poll") == []


# -- where the film stands ----------------------------------------------------------------------
def test_a_file_of_v1_is_asked_for_its_address_when_it_is_copied(
    v1: MinimaxV1, receiver: Receiver
) -> None:
    bench = bench_v1(v1, receiver)
    attempt = bench.brought_to(Ending.SUCCEEDED)

    status = bench.moved.poll(attempt)
    assert status.outputs == (f"file:2{attempt.provider_id}",)
    assert v1.asked("file") == []

    v1.serves_films = True
    moved = replace(bench.moved, fetch=OPEN)  # type: ignore[type-var]  # each is a dataclass
    assert [output.mime for output in moved.fetch_outputs(status)] == ["video/mp4"]
    assert [asked.query for asked in v1.asked("file")] == [{"file_id": f"2{attempt.provider_id}"}]
    assert [asked.path for asked in v1.asked("film")] == [f"/films/2{attempt.provider_id}.mp4"]


@pytest.mark.parametrize("fault", [Fault.DROP_REPLY, Fault.GARBAGE, Fault.ERROR_AFTER])
def test_a_file_that_nobody_tells_of_now_is_no_bad_output(
    v1: MinimaxV1, receiver: Receiver, fault: Fault
) -> None:
    bench = bench_v1(v1, receiver)
    status = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))
    v1.faults["file"] = fault

    with pytest.raises(BackendError):
        list(bench.backend.fetch_outputs(status))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused_v1(1002), BackendError),
        (refused_v1(9999), BackendError),
        (Answer(200, {"file": {"download_url": "x"}}), BadOutput),
    ],
)
def test_only_a_file_without_an_address_is_a_bad_output(
    v1: MinimaxV1,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    error: type[Exception],
) -> None:
    bench = bench_v1(v1, receiver)
    status = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))
    monkeypatch.setattr(v1, "answer", lambda *_: answer)

    with pytest.raises(error):
        list(bench.backend.fetch_outputs(status))


# -- challenges ---------------------------------------------------------------------------------
def test_a_challenge_is_echoed_as_it_came(v2: MinimaxV2, receiver: Receiver) -> None:
    backend = bench_v2(v2, receiver).backend

    echo = backend.answer_challenge(json.dumps({"challenge": "é-7"}).encode())

    assert echo is not None
    assert json.loads(echo) == {"challenge": "é-7"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"challenge": null}',
        b'{"challenge": 7}',
        b'{"challenge": ""}',
        b'{"challenge": "x", "status": "success", "task_id": "7"}',
        b'{"challenge": "' + b"x" * 1001 + b'"}',
    ],
)
def test_what_is_no_challenge_is_not_echoed(v2: MinimaxV2, receiver: Receiver, body: bytes) -> None:
    assert bench_v2(v2, receiver).backend.answer_challenge(body) is None
