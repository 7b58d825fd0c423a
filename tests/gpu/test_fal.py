"""The adapter of fal, over the wire and by its table of words."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from socket import socket
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from billing.gpu.adapters.fal.adapter import FalBackend, FalOptions
from billing.gpu.adapters.fal.answers import STATES, read_progress, read_report, read_result
from billing.gpu.adapters.fal.signing import read_keys
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    AuthError,
    CancelResult,
    Fail,
    State,
    Unsupported,
)
from billing.gpu.reading import Unreadable
from config.embedded.processes import free_port
from tests.gpu.faulty import Faulty, answering
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.bench import ORDER, Bench, order, reported
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.fal import FalQueue

MODEL = "fal-ai/kling-video/v2/master/text-to-video"
PHRASES = {
    "words": {
        "prompt": "prompt",
        "seconds": "duration",
        "resolution": "resolution",
        "aspect_ratio": "aspect_ratio",
        "audio": "generate_audio",
    },
    "extras": {"seed": "seed"},
    "values": {"seconds": {"5": "5", "10": "10"}},
    "made": {"task": ["text_to_video"], "count": [1], "mode": ["std"]},
}


def backend(url: str, key: str, **changes: object) -> FalBackend:
    said = {"models": {"*": PHRASES}, "keys_url": f"{url}/keys", **changes}
    return FalBackend(base_url=url, key=key, options=FalOptions.model_validate(said))


def bench_of(queue: FalQueue, receiver: Receiver) -> Bench:
    return Bench(
        simulator=queue,
        backend=backend(queue.url, queue.key),
        stranger=backend(queue.url, "somebody:elses"),
        moved=backend(f"http://127.0.0.1:{free_port()}", queue.key),
        attempt=order(receiver, vendor_model=MODEL),
    )


class TestFal(Contract):
    """What holds for every adapter."""

    billed = ("seconds", "resolution", "aspect_ratio", "audio")
    impossible = (
        ({"seconds": 6}, "seconds"),
        ({"mode": "pro"}, "mode"),
        ({"image": "https://cdn.example/first.png"}, "image"),
    )

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        queue = FalQueue()
        yield bench_of(queue, receiver)
        queue.close()


@pytest.fixture
def queue() -> Iterator[FalQueue]:
    one = FalQueue()
    yield one
    one.close()


@pytest.fixture
def bench(queue: FalQueue, receiver: Receiver) -> Bench:
    return bench_of(queue, receiver)


def test_an_order_is_said_in_full_with_its_place_in_the_queue(bench: Bench) -> None:
    low = backend(bench.simulator.url, bench.simulator.key, priority="low")

    low.submit(replace(bench.attempt, input={**ORDER, "seed": 7}, deadline_seconds=600))

    task = bench.simulator.newest
    assert task.order == {
        "prompt": ORDER["prompt"],
        "duration": "5",
        "resolution": "720p",
        "aspect_ratio": "16:9",
        "generate_audio": False,
        "seed": 7,
    }
    assert task.callback_url == bench.attempt.callback_url
    assert task.headers["x-fal-queue-priority"] == "low"
    assert task.headers["x-fal-request-timeout"] == "600"


@pytest.mark.parametrize(
    ("model", "ordered", "asked"),
    [
        (MODEL, f"/{MODEL}", "/fal-ai/kling-video"),
        ("fal-ai/veo3", "/fal-ai/veo3", "/fal-ai/veo3"),
        ("workflows/us/reel/v1", "/workflows/us/reel/v1", "/workflows/us/reel"),
        ("fal-ai/x?y/a b", "/fal-ai/x%3Fy/a%20b", "/fal-ai/x%3Fy"),
    ],
)
def test_a_request_is_asked_about_at_owner_and_app_alone(
    bench: Bench, model: str, ordered: str, asked: str
) -> None:
    attempt = bench.submitted(model=model)
    assert bench.simulator.seen[-1][1].path == ordered

    assert attempt.context["app"] == asked[1:]
    if not model.startswith("workflows"):  # there the simulator looks for nothing
        assert bench.backend.poll(attempt).state == State.QUEUED
    assert "169.254" not in str(dict(attempt.context))


@pytest.mark.parametrize("model", ["", "alone", "fal-ai/", "fal-ai/../x", "./x", "workflows/us"])
def test_what_is_no_model_of_fals_is_an_operators_matter(bench: Bench, model: str) -> None:
    with pytest.raises(AuthError):
        bench.backend.submit(replace(bench.attempt, model=model))

    assert bench.simulator.seen == []


@pytest.mark.parametrize("word", sorted(STATES))
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_each_word_is_read_whatever_its_case(word: str, spelling: type[str]) -> None:
    assert read_progress({"status": spelling(word)}, "r").state == STATES[word]


@pytest.mark.parametrize("word", ["?", "in_review", "completed?", "succeeded"])
def test_a_word_that_nobody_knows_is_never_final(word: str) -> None:
    assert read_progress({"status": word}, "r").state == State.RUNNING
    assert read_report({"request_id": "r", "status": word}, "r").state == State.RUNNING


@pytest.mark.parametrize(
    ("kind", "state", "fail", "charged"),
    [
        ("request_timeout", State.EXPIRED, Fail.TIMEOUT, False),
        ("startup_timeout", State.EXPIRED, Fail.TIMEOUT, False),
        ("client_cancelled", State.CANCELED, Fail.CANCELED, None),
        ("runner_disconnected", State.FAILED, Fail.PROVIDER, False),
        ("content_policy_violation", State.FAILED, Fail.MODERATION, None),
        ("bad_request", State.FAILED, Fail.INVALID_INPUT, None),
        ("value_error.number", State.FAILED, Fail.INVALID_INPUT, None),
        ("brand_new_kind", State.FAILED, Fail.PROVIDER, None),
    ],
)
def test_completed_with_an_error_is_a_failure_of_its_kind(
    kind: str, state: State, fail: Fail, charged: object
) -> None:
    said = {"status": "COMPLETED", "error": "It broke.", "error_type": kind.upper()}

    status = read_progress(said, "r")

    assert (status.state, status.fail, status.provider_charged) == (state, fail, charged)


def test_an_error_without_a_kind_is_told_by_the_response() -> None:
    refused = b'{"detail": [{"type": "content_policy_violation", "msg": "no", "loc": ["body"]}]}'
    completed = b'{"status": "COMPLETED", "error": "Invalid status code: 422"}'
    answers = iter([answering("200 OK", completed), answering("422 No", refused)])

    def in_turn(connection: socket) -> None:
        next(answers)(connection)

    gateway = Faulty(in_turn)
    view = AttemptView(id="att_1", provider_id="r", context={"app": "fal-ai/veo3"})

    status = backend(gateway.base_url, "k").poll(view)

    assert (status.state, status.fail) == (State.FAILED, Fail.MODERATION)
    gateway.close()


def test_a_gateway_in_trouble_ends_no_request() -> None:
    completed = answering("200 OK", b'{"status": "COMPLETED"}')
    trouble = answering("502 Bad Gateway", b'{"detail": "upstream is away"}')
    answers = iter([completed, trouble])

    def in_turn(connection: socket) -> None:
        next(answers)(connection)

    gateway = Faulty(in_turn)
    view = AttemptView(id="att_1", provider_id="r", context={"app": "fal-ai/veo3"})

    with pytest.raises(Ambiguous):
        backend(gateway.base_url, "k").poll(view)

    gateway.close()


@pytest.mark.parametrize("fault", [Fault.DROP_REPLY, Fault.ERROR_AFTER, Fault.GARBAGE])
def test_a_response_that_does_not_come_ends_nothing(bench: Bench, fault: Fault) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    bench.simulator.faults["response"] = fault

    with pytest.raises(Exception, match=r".") as answer:
        bench.backend.poll(attempt)

    assert getattr(answer.value, "sent", "no answer of a backend") is None
    assert bench.backend.poll(attempt).state == State.SUCCEEDED


@pytest.mark.parametrize(
    "payload",
    [None, [], {}, {"video": {}}, {"video": {"url": "file:x"}}, {"images": [{"url": "https://x"}]}],
)
def test_a_success_without_a_film_is_a_failure(payload: object) -> None:
    status = read_result(payload, "r")

    assert (status.state, status.fail) == (State.FAILED, Fail.EMPTY)


def test_a_report_without_its_payload_is_asked_for(bench: Bench) -> None:
    said = {"request_id": "r", "status": "OK", "payload": None, "payload_error": "too large"}

    assert read_report(said, "r").state == State.RUNNING
    assert read_report({**said, "payload_error": None}, "r").fail == Fail.EMPTY


def test_a_request_that_fal_tries_again_is_known_by_its_first_id() -> None:
    said = {"request_id": "r", "gateway_request_id": "r2", "status": "OK", "payload": {}}

    assert read_report(said, "r").provider_id == "r"
    with pytest.raises(Unreadable):
        read_report(said, "r2")


def test_a_cancel_says_what_became_of_the_wish(bench: Bench) -> None:
    wanted = {
        Ending.QUEUED: CancelResult.CANCELED,
        Ending.RUNNING: CancelResult.REQUESTED,
        Ending.SUCCEEDED: CancelResult.TOO_LATE,
    }
    for ending, result in wanted.items():
        assert bench.backend.cancel(bench.brought_to(ending)) == result, ending
    nobodys = replace(bench.submitted(), provider_id="nobodys")
    assert bench.backend.cancel(nobodys) == CancelResult.ABSENT


def test_without_an_id_nothing_is_asked(bench: Bench) -> None:
    for ask in (bench.backend.poll, bench.backend.cancel):
        with pytest.raises(Unsupported):
            ask(AttemptView(id="att_1"))

    assert bench.simulator.seen == []


def heard(bench: Bench, receiver: Receiver, attempt: AttemptView, now: datetime) -> State:
    headers, body = reported(bench, receiver, attempt)
    return bench.backend.parse_callback(headers, body, attempt, now=now).state


def test_keys_are_kept_for_a_day_and_not_longer(
    queue: FalQueue, bench: Bench, receiver: Receiver
) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    body = queue.callback_body(queue.tasks[attempt.provider_id])
    start = datetime.now(UTC)
    for hours, fetched in ((0, 1), (1, 1), (23, 1), (24, 2), (25, 2)):
        at = start + timedelta(hours=hours)
        headers = queue.sign(body, at=at.timestamp())

        assert bench.backend.parse_callback(headers, body, attempt, now=at).outputs
        assert len(queue.asked("keys")) == fetched, hours


def test_a_new_key_is_asked_for_once_and_a_forger_cannot_make_us_ask(
    queue: FalQueue, bench: Bench, receiver: Receiver
) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    now = datetime.now(UTC)
    assert heard(bench, receiver, attempt, now) == State.SUCCEEDED
    queue.signer = Ed25519PrivateKey.generate()
    body = queue.callback_body(queue.tasks[attempt.provider_id])

    for seconds in (1, 2, 3, 61, 62, 63):
        at = now + timedelta(seconds=seconds)
        with pytest.raises(CallbackUnauthenticated):
            bench.backend.parse_callback(queue.sign(body, at=at.timestamp()), body, attempt, now=at)
    assert len(queue.asked("keys")) == 2

    queue.published.append(queue.signer)
    at = now + timedelta(seconds=130)
    headers = queue.sign(body, at=at.timestamp())
    assert bench.backend.parse_callback(headers, body, attempt, now=at).outputs
    assert len(queue.asked("keys")) == 3


def test_a_callback_counts_for_nothing_while_the_keys_cannot_be_read(
    queue: FalQueue, bench: Bench
) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    body = queue.callback_body(queue.tasks[attempt.provider_id])
    start = datetime.now(UTC)
    faults = (Fault.ERROR_AFTER, Fault.GARBAGE, Fault.NOTHING_SAID, Fault.DROP_REPLY)
    for minute, fault in enumerate(faults):
        queue.faults["keys"] = fault
        for seconds in (0, 1, 59):  # asked once a minute, whoever calls back meanwhile
            at = start + timedelta(minutes=minute, seconds=seconds)
            headers = queue.sign(body, at=at.timestamp())
            with pytest.raises(CallbackUnauthenticated):
                bench.backend.parse_callback(headers, body, attempt, now=at)
        assert len(queue.asked("keys")) == minute + 1, fault

    at = start + timedelta(minutes=len(faults))
    headers = queue.sign(body, at=at.timestamp())
    assert bench.backend.parse_callback(headers, body, attempt, now=at).outputs


@pytest.mark.parametrize(
    "published",
    [
        b"{}",
        b'{"keys": []}',
        b'{"keys": [{"x": "AAAA", "crv": "Ed25519"}]}',
        b'{"keys": [{"x": "!", "crv": "Ed25519"}]}',
        b'{"keys": [{"kty": "RSA", "n": "AAAA"}]}',
        b'{"keys": [7, null]}',
        b'{"keys": {"x": 1}}',
    ],
)
def test_what_is_no_set_of_keys_opens_nothing(published: bytes) -> None:
    with pytest.raises(Unreadable):
        read_keys(published)


@pytest.mark.parametrize(
    "wrong",
    [
        {"models": {}},
        {"keys_url": "file:///etc/passwd"},
        {"keys_url": "https://user@evil.example/keys"},
        {"priority": "high"},
        {"health_app": "../x"},
        {"more": 1},
    ],
)
def test_options_are_checked(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FalOptions.model_validate({"models": {"*": PHRASES}, **wrong})
