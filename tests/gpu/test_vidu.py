"""Vidu's adapter against a simulator of Vidu: what holds for all, and what is Vidu's alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from billing.gpu.adapters.vidu.adapter import ViduBackend, ViduOptions
from billing.gpu.callbacks import callback_url
from billing.gpu.errors import CallbackMalformed, CallbackUnauthenticated
from billing.gpu.protocol import (
    Ambiguous,
    AtCapacity,
    AttemptView,
    AuthError,
    CancelResult,
    Fail,
    Rejected,
    State,
)
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Answer, Ending
from tests.gpu.vendors.bench import Bench, order, reported
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.vidu import Vidu, refused

IMAGE = "https://cdn.example/a.png"
LAST = "https://cdn.example/b.png"


def bench_at(simulator: Vidu, receiver: Receiver, **words: Any) -> Bench:  # noqa: ANN401 (our words)
    backend = ViduBackend(name="away", base_url=simulator.url, secret=simulator.key)
    return Bench(
        simulator=simulator,
        backend=backend,
        stranger=replace(backend, secret="a-key-of-nobody"),
        moved=replace(backend, base_url="http://127.0.0.1:9"),
        attempt=order(receiver, vendor_model="viduq2", **words),
    )


@pytest.fixture
def simulator() -> Iterator[Vidu]:
    vidu = Vidu()
    yield vidu
    vidu.close()


@pytest.fixture
def bench(simulator: Vidu, receiver: Receiver) -> Bench:
    return bench_at(simulator, receiver)


class TestVidu(Contract):
    """What holds for all."""

    impossible = (
        ({"seconds": 11}, "seconds"),
        ({"resolution": "4k"}, "resolution"),
        ({"aspect_ratio": "21:9"}, "aspect_ratio"),
        ({"audio": True}, "audio"),
        ({"mode": "pro"}, "mode"),
        ({"frames": 3}, "frames"),
        ({"draft": True}, "draft"),
        ({"task": "image_to_video"}, "image_url"),
        ({"task": "first_last_frame", "image_url": IMAGE}, "last_image_url"),
        ({"prompt": ""}, "prompt"),
    )
    finds = True
    unknown_id = "1"

    @pytest.fixture
    def bench(self, simulator: Vidu, receiver: Receiver) -> Bench:
        return bench_at(simulator, receiver)


# -- orders -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "path", "images", "ratio"),
    [
        ({"task": "text_to_video"}, "text2video", None, "16:9"),
        ({"task": "image_to_video", "image_url": IMAGE}, "img2video", [IMAGE], None),
        (
            {"task": "first_last_frame", "image_url": IMAGE, "last_image_url": LAST},
            "start-end2video",
            [IMAGE, LAST],
            None,
        ),
        ({"task": "reference_to_video", "image_url": IMAGE}, "reference2video", [IMAGE], "16:9"),
    ],
)
def test_each_task_has_its_path_and_says_all_that_is_billed(
    simulator: Vidu,
    receiver: Receiver,
    words: dict[str, Any],
    path: str,
    images: list[str] | None,
    ratio: str | None,
) -> None:
    bench = bench_at(simulator, receiver, seed=7, **words)

    bench.submitted()

    task = simulator.newest
    assert task.facts["path"] == path
    assert task.order.get("images") == images
    assert task.order.get("aspect_ratio") == ratio
    said = {name: task.order[name] for name in ("duration", "resolution", "seed", "payload")}
    assert said == {"duration": 5, "resolution": "720p", "seed": 7, "payload": "att_1"}
    assert (task.order["off_peak"], task.order["watermark"]) == (False, False)


@pytest.mark.parametrize("wanted", [False, True])
def test_a_model_with_sound_of_its_own_is_told_either_way(
    simulator: Vidu, receiver: Receiver, *, wanted: bool
) -> None:
    bench = bench_at(simulator, receiver, audio=wanted)

    bench.submitted(model="viduq3-turbo")

    assert simulator.newest.order["audio"] is wanted


def test_which_models_have_sound_is_an_option(simulator: Vidu, receiver: Receiver) -> None:
    bench = bench_at(simulator, receiver, audio=True)
    options = ViduOptions(sound_models=["viduq2"])
    backend = ViduBackend(name="x", base_url=simulator.url, secret=simulator.key, options=options)

    backend.submit(bench.attempt)

    assert simulator.newest.order["audio"] is True


@pytest.mark.parametrize(
    ("model", "seconds", "is_made"),
    [
        ("viduq1", 5, True),
        ("viduq1", 6, False),
        ("vidu2.0", 8, True),
        ("vidu2.0", 5, False),
        ("viduq2-pro", 10, True),
        ("viduq3-pro", 16, True),
        ("viduq3-pro", 17, False),
        ("vidu-of-tomorrow", 30, True),
    ],
)
def test_each_model_makes_its_own_lengths(
    bench: Bench, model: str, seconds: int, *, is_made: bool
) -> None:
    attempt = replace(bench.attempt, model=model, input={**bench.attempt.input, "seconds": seconds})

    if is_made:
        bench.backend.submit(attempt)
    else:
        with pytest.raises(Rejected, match="seconds"):
            bench.backend.submit(attempt)

    assert len(bench.simulator.seen) == is_made


def test_a_watermark_stands_in_the_marked_copy(simulator: Vidu, receiver: Receiver) -> None:
    bench = bench_at(simulator, receiver, watermark=True)
    attempt = bench.brought_to(Ending.SUCCEEDED)

    (film,) = bench.backend.poll(attempt).outputs
    (doubted,) = bench.backend.poll(replace(attempt, context={})).outputs
    (stored,) = bench.backend.poll(replace(attempt, input={})).outputs
    (plain,) = bench.backend.poll(replace(attempt, context={}, input={})).outputs

    assert simulator.newest.order["watermark"] is True
    assert "-marked.mp4" not in plain
    for marked in (film, doubted, stored):
        assert "-marked.mp4" in marked


# -- refusals -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "reason", "error", "fail"),
    [
        (400, "AuditSubmitIllegal", Rejected, Fail.MODERATION),
        (400, "ImageDownloadFailure", Rejected, Fail.INVALID_INPUT),
        (400, "OperationInProcess", Ambiguous, None),
        (400, "ModelUnavailable", AuthError, None),
        (403, "Forbidden", AuthError, None),
        (429, "SystemThrottling", AtCapacity, None),
        (499, "Canceled", Ambiguous, None),
        (500, "InternalServiceFailure", Ambiguous, None),
        (400, "SomethingNew", Rejected, Fail.INVALID_INPUT),
        (200, "CreditInsufficient", AuthError, None),
    ],
)
def test_each_reason_of_a_refusal_says_what_may_happen_next(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    reason: str,
    error: type[Exception],
    fail: Fail | None,
) -> None:
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: refused(status, reason))

    with pytest.raises(error) as refusal:
        bench.backend.submit(bench.attempt)

    assert getattr(refusal.value, "fail", None) == fail


# -- words --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "code", "state", "fail"),
    [
        ("created", "", State.QUEUED, None),
        ("QUEUEING", "", State.QUEUED, None),
        ("processing", "", State.RUNNING, None),
        ("Success", "", State.SUCCEEDED, None),
        ("failed", "", State.FAILED, Fail.PROVIDER),
        ("FAILED", "AuditSubmitIllegal", State.FAILED, Fail.MODERATION),
        ("failed", "TaskPromptPolicyViolation", State.FAILED, Fail.MODERATION),
        ("failed", "ImageFormatInvalid", State.FAILED, Fail.INVALID_INPUT),
        ("failed", "UserCancelled", State.CANCELED, Fail.CANCELED),
        ("canceled", "", State.CANCELED, Fail.CANCELED),
        ("success", "CreationPolicyViolation", State.FAILED, Fail.MODERATION),
        ("scheduled", "", State.RUNNING, None),
        ("success!", "", State.RUNNING, None),
    ],
)
def test_each_word_has_a_state(
    bench: Bench, word: str, code: str, state: State, fail: Fail | None
) -> None:
    film = "https://cdn.example/x.mp4"
    body = {"id": "7", "state": word, "err_code": code, "creations": [{"url": film}]}

    status = bench.backend.read_callback(json.dumps(body).encode(), AttemptView(id="att_1"))

    assert (status.state, status.fail) == (state, fail)
    assert status.outputs == ((film,) if state == State.SUCCEEDED else ())


def test_what_was_spent_is_told_in_credits(bench: Bench) -> None:
    made = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))
    refused_later = bench.backend.poll(bench.brought_to(Ending.MODERATED))

    assert (made.usage, made.provider_charged) == ({"credits": 4.0}, True)
    assert refused_later.provider_charged is None


# -- whose it is --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "words",
    [
        {"id": "8", "payload": "att_1"},
        {"id": "7", "payload": "att_2"},
        {"id": "8"},
        {"payload": "att_2"},
        {},
    ],
)
def test_a_report_that_is_not_about_the_attempt_is_malformed(
    bench: Bench, words: dict[str, str]
) -> None:
    body = json.dumps({"state": "failed", **words}).encode()

    with pytest.raises(CallbackMalformed):
        bench.backend.read_callback(body, AttemptView(id="att_1", provider_id="7"))


def test_a_list_without_our_word_finds_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = bench.submitted()
    for tasks in ([{"id": "7"}], [{"id": "7", "payload": "att_2"}], [{"payload": "att_1"}], "x"):
        body = Answer(200, {"tasks": tasks})
        monkeypatch.setattr(bench.simulator, "answer", lambda *_, body=body: body)

        assert bench.backend.find(replace(attempt, provider_id="")) is None


# -- signatures ---------------------------------------------------------------------------------
def test_a_signature_counts_for_five_minutes_on_both_sides(
    bench: Bench, receiver: Receiver
) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    headers, body = reported(bench, receiver, attempt)
    now = datetime.now(UTC)

    for seconds, counts in ((-290, True), (290, True), (-310, False), (310, False)):
        at = now + timedelta(seconds=seconds)
        if counts:
            heard = bench.backend.parse_callback(headers, body, attempt, now=at)
            assert heard.state == State.SUCCEEDED
        else:
            with pytest.raises(CallbackUnauthenticated):
                bench.backend.parse_callback(headers, body, attempt, now=at)


def test_a_signature_for_one_address_says_nothing_about_another(
    bench: Bench, receiver: Receiver
) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    headers, body = reported(bench, receiver, attempt)
    other = replace(attempt, callback_url=attempt.callback_url + "x")

    with pytest.raises(CallbackUnauthenticated):
        bench.backend.parse_callback(headers, body, other, now=datetime.now(UTC))


def test_the_address_is_known_again_without_the_order(
    bench: Bench, receiver: Receiver, settings: Settings
) -> None:
    settings.BACKEND_WEBHOOK_BASE_URL = receiver.base_url
    attempt = bench.submitted(callback_url=callback_url("away", "att_1"))
    bench.simulator.finish(attempt.provider_id)
    headers, body = reported(bench, receiver, attempt)
    stored = AttemptView(id="att_1", provider_id=attempt.provider_id, context=attempt.context)

    heard = bench.backend.parse_callback(headers, body, stored, now=datetime.now(UTC))

    assert heard.state == State.SUCCEEDED


def test_the_signature_of_the_documents_example_is_worked_out_as_they_say() -> None:
    simulator = Vidu()
    simulator._signed_for = "http://127.0.0.1:8080/vidu/callback?name=james&age=36"
    at = datetime(2025, 5, 6, 12, 9, 42, tzinfo=UTC)
    headers = simulator.sign(b"", at=at.timestamp())
    backend = ViduBackend(name="away", base_url="http://x", secret=simulator.key)
    simulator.close()
    attempt = AttemptView(id="att_1", callback_url=simulator._signed_for)

    body = b'{"id": "7", "state": "processing"}'
    assert headers["Date"] == "Tue, 06 May 2025 12:09:42 GMT"
    assert backend.parse_callback(headers, body, attempt, now=at).state == State.RUNNING


# -- cancelling ---------------------------------------------------------------------------------
def test_a_wish_is_answered_by_what_the_task_is(bench: Bench) -> None:
    waiting, running = bench.submitted(), bench.brought_to(Ending.RUNNING)

    assert bench.backend.cancel(waiting) == CancelResult.REQUESTED
    assert bench.backend.poll(waiting).state == State.CANCELED
    assert bench.backend.cancel(running) == CancelResult.TOO_LATE
    assert bench.backend.cancel(replace(running, provider_id="1")) == CancelResult.ABSENT
