"""The adapter of Replicate, over the wire and by its table of words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from billing.gpu.adapters.replicate.adapter import ReplicateBackend, ReplicateOptions
from billing.gpu.adapters.replicate.answers import STATES, read_status
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    AuthError,
    CancelResult,
    Fail,
    Rejected,
    State,
    Unsupported,
)
from config.embedded.processes import free_port
from tests.gpu.faulty import Faulty, answering
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.bench import ORDER, Bench, order, reported
from tests.gpu.vendors.contract import Contract
from tests.gpu.vendors.replicate import SECRET, ReplicateServer

MODEL = "bytedance/seedance-1-pro"
PHRASES = {
    "words": {
        "prompt": "prompt",
        "seconds": "duration",
        "resolution": "resolution",
        "aspect_ratio": "aspect_ratio",
    },
    "extras": {"seed": "seed"},
    "values": {"resolution": {"720p": "720p", "1080P": "1080p"}},
    "made": {
        "task": ["text_to_video"],
        "count": [1],
        "mode": ["std"],
        "audio": [False],
        "seconds": [5, 10],
    },
}


def options(**changes: object) -> ReplicateOptions:
    return ReplicateOptions.model_validate(
        {"webhook_secret": SECRET, "models": {"*": PHRASES}, **changes}
    )


def backend(url: str, token: str) -> ReplicateBackend:
    return ReplicateBackend(base_url=url, token=token, options=options())


def bench_of(server: ReplicateServer, receiver: Receiver) -> Bench:
    return Bench(
        simulator=server,
        backend=backend(server.url, server.key),
        stranger=backend(server.url, "r8_somebody-elses"),
        moved=backend(f"http://127.0.0.1:{free_port()}", server.key),
        attempt=order(receiver, vendor_model=MODEL),
    )


class TestReplicate(Contract):
    """What holds for every adapter."""

    impossible = (
        ({"seconds": 6}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"resolution": "4k"}, "resolution"),
        ({"audio": True}, "audio"),
        ({"image": "https://cdn.example/first.png"}, "image"),
    )
    finds = True

    @pytest.fixture
    def bench(self, receiver: Receiver) -> Iterator[Bench]:
        server = ReplicateServer()
        yield bench_of(server, receiver)
        server.close()


@pytest.fixture
def server() -> Iterator[ReplicateServer]:
    one = ReplicateServer()
    yield one
    one.close()


@pytest.fixture
def bench(server: ReplicateServer, receiver: Receiver) -> Bench:
    return bench_of(server, receiver)


def test_an_order_is_said_in_full_and_in_the_models_own_words(bench: Bench) -> None:
    words = {**ORDER, "resolution": "1080P", "seed": 7, "watermark": True}
    attempt = replace(bench.attempt, input=words, deadline_seconds=600)

    bench.backend.submit(attempt)

    task = bench.simulator.newest
    assert task.order == {
        "input": {
            "prompt": ORDER["prompt"],
            "duration": 5,
            "resolution": "1080p",
            "aspect_ratio": "16:9",
            "seed": 7,
        },
        "webhook": attempt.callback_url,
        "webhook_events_filter": ["start", "completed"],
    }
    assert task.headers["cancel-after"] == "600s"


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("minimax/video-01", "/v1/models/minimax/video-01/predictions", None),
        ("owner/name:5c7d5d", "/v1/predictions", "5c7d5d"),
        ("5c7d5dc6", "/v1/predictions", "5c7d5dc6"),
        ("deployments/us/fast", "/v1/deployments/us/fast/predictions", None),
        ("../x?y", "/v1/models/../x%3Fy/predictions", None),
    ],
)
def test_official_models_versions_and_deployments_have_their_own_places(
    bench: Bench, model: str, path: str, version: str | None
) -> None:
    bench.backend.submit(replace(bench.attempt, model=model))

    request = bench.simulator.seen[-1][1]
    assert request.path == path
    assert request.json.get("version") == version


@pytest.mark.parametrize("word", sorted(STATES))
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_each_word_is_read_whatever_its_case(word: str, spelling: type[str]) -> None:
    said = {"id": "p", "status": spelling(word), "output": "https://replicate.delivery/out.mp4"}

    assert read_status(said, "p").state == STATES[word]


@pytest.mark.parametrize("word", ["?", "booting", "failed?", "success", "completed"])
def test_a_word_that_nobody_knows_is_never_final(word: str) -> None:
    assert read_status({"id": "p", "status": word, "output": "https://x/y"}).state == State.RUNNING


def test_what_was_stopped_is_charged_and_what_never_started_is_not(bench: Bench) -> None:
    charged = {Ending.CANCELED: True, Ending.EXPIRED: False, Ending.SUCCEEDED: True}
    for ending, is_charged in charged.items():
        status = bench.backend.poll(bench.brought_to(ending))

        assert status.provider_charged is is_charged, ending
    assert bench.backend.poll(bench.brought_to(Ending.FAILED)).provider_charged is None


def test_what_it_used_is_told(bench: Bench) -> None:
    assert bench.backend.poll(bench.brought_to(Ending.SUCCEEDED)).usage == {"gpu_seconds": 58.5}


def test_a_film_that_was_removed_is_a_failure_and_says_why() -> None:
    said = {"id": "p", "status": "succeeded", "output": None, "data_removed": True}

    status = read_status(said)

    assert (status.state, status.fail) == (State.FAILED, Fail.EMPTY)
    assert "removed" in status.message


@pytest.mark.parametrize(
    ("output", "addresses"),
    [
        ("https://replicate.delivery/a.mp4", 1),
        (["https://replicate.delivery/a.mp4", "https://replicate.delivery/b.mp4"], 2),
        ({"video": "https://replicate.delivery/a.mp4", "thumbnail": "https://x/y.png"}, 1),
        (["/out.mp4", "file:x", 7, None], 0),
        ({}, 0),
        (7, 0),
    ],
)
def test_outputs_are_addresses_in_whatever_shape_the_model_gives(
    output: object, addresses: int
) -> None:
    status = read_status({"id": "p", "status": "succeeded", "output": output})

    assert len(status.outputs) == addresses
    assert status.state == (State.SUCCEEDED if addresses else State.FAILED)


def test_an_order_is_not_found_by_its_likeness(bench: Bench) -> None:
    """The list does not say where predictions report: then nothing tells two orders apart."""
    server = bench.simulator
    assert isinstance(server, ReplicateServer)
    server.lists_webhooks = False
    server.faults["submit"] = Fault.DROP_REPLY
    with pytest.raises(Ambiguous):
        bench.backend.submit(bench.attempt)

    assert bench.backend.find(bench.attempt) is None


def test_an_order_of_which_two_are_listed_is_not_found(bench: Bench) -> None:
    bench.submitted()
    bench.submitted()

    assert bench.backend.find(bench.attempt) is None


def test_a_cancel_says_what_became_of_the_wish(bench: Bench) -> None:
    running = bench.brought_to(Ending.RUNNING)
    done = bench.brought_to(Ending.SUCCEEDED)

    assert bench.backend.cancel(running) == CancelResult.CANCELED
    assert bench.backend.cancel(done) == CancelResult.TOO_LATE
    assert bench.backend.cancel(replace(done, provider_id="nobodys")) == CancelResult.ABSENT


def test_without_an_id_nothing_is_asked(bench: Bench) -> None:
    for ask in (bench.backend.poll, bench.backend.cancel):
        with pytest.raises(Unsupported):
            ask(AttemptView(id="att_1"))

    assert bench.simulator.seen == []


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"detail": ""}', b"[]"])
def test_a_404_that_is_not_replicates_is_no_absence(body: bytes) -> None:
    proxy = Faulty(answering("404 Not Found", body))

    with pytest.raises(AuthError):
        backend(proxy.base_url, "r8_x").poll(AttemptView(id="att_1", provider_id="p"))

    proxy.close()


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_counts_five_minutes_on_both_sides(
    bench: Bench, receiver: Receiver, seconds: int
) -> None:
    attempt = bench.brought_to(Ending.SUCCEEDED)
    headers, body = reported(bench, receiver, attempt)
    signed_at = datetime.fromtimestamp(int(headers["Webhook-Timestamp"]), UTC)
    edge = signed_at + timedelta(seconds=seconds - seconds // 301)

    assert bench.backend.parse_callback(headers, body, attempt, now=edge).outputs
    with pytest.raises(CallbackUnauthenticated):
        bench.backend.parse_callback(
            headers, body, attempt, now=signed_at + timedelta(seconds=seconds)
        )


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "9" * 5000, "١٢٣", "1732600000.5"])
def test_an_odd_instant_is_no_signature(bench: Bench, stamp: str) -> None:
    now = datetime.now(UTC)
    headers = {**bench.simulator.sign(b"{}", at=now.timestamp()), "Webhook-Timestamp": stamp}

    with pytest.raises(CallbackUnauthenticated):
        bench.backend.parse_callback(headers, b"{}", bench.attempt, now=now)


def test_an_older_word_that_comes_later_is_still_read_as_what_it_says(
    bench: Bench, receiver: Receiver
) -> None:
    attempt = bench.brought_to(Ending.RUNNING)
    early = reported(bench, receiver, attempt)
    bench.simulator.finish(attempt.provider_id)
    late = reported(bench, receiver, attempt)
    now = datetime.now(UTC)

    words = [bench.backend.parse_callback(*said, attempt, now=now).state for said in (late, early)]

    assert words == [State.SUCCEEDED, State.RUNNING]


def test_what_is_refused_names_our_word(bench: Bench) -> None:
    flaw = {"field": "input.duration", "description": "Must be 5 or 10"}
    body = json.dumps({"title": "Input validation failed", "invalid_fields": [flaw]}).encode()
    strict = Faulty(answering("422 Unprocessable Entity", body))

    with pytest.raises(Rejected) as refusal:
        backend(strict.base_url, "r8_x").submit(bench.attempt)

    assert (refusal.value.fail, refusal.value.message) == (
        Fail.INVALID_INPUT,
        "duration: Must be 5 or 10",
    )
    strict.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"webhook_secret": "plain"},
        {"webhook_secret": "whsec_"},
        {"webhook_secret": "whsec_é"},
        {"models": {}},
        {"models": {"*": {"word": {}}}},
        {"extra": 1},
    ],
)
def test_options_are_checked_and_never_shown(wrong: Mapping[str, Any]) -> None:
    given = {"webhook_secret": SECRET, "models": {"*": PHRASES}, **wrong} if wrong else {}

    with pytest.raises(ValidationError) as flaws:
        ReplicateOptions.model_validate(given)

    said = str(flaws.value.errors(include_input=False, include_context=False))
    assert "whsec_é" not in said
    assert SECRET not in repr(options())
