"""The adapter against the real Cog server: each end that a job can have."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import transaction

from billing.gpu.adapters.cog.adapter import CogBackend
from billing.gpu.errors import CallbackMalformed, CallbackUnauthenticated
from billing.gpu.protocol import (
    AtCapacity,
    AttemptView,
    CancelResult,
    Fail,
    NotSent,
    Output,
    Readiness,
    Rejected,
    State,
    Status,
)
from tests.gpu import films
from tests.gpu.cog_server import CogServer
from tests.gpu.receiver import Receiver

NOW = datetime(2026, 11, 26, tzinfo=UTC)  # a bearer token has no instant
ORDER = {
    "seconds": 2,
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "mode": "std",
    "audio": False,
    # Dimensions of ours that a backend need not know; Cog leaves them aside.
    "model": "kling-v1-6",
    "task": "text_to_video",
}


def an_attempt(receiver: Receiver, prompt: str, **more: object) -> AttemptView:
    attempt_id = f"att_{secrets.token_hex(8)}"
    return AttemptView(
        id=attempt_id,
        input={**ORDER, "prompt": prompt, **more},
        callback_url=f"{receiver.base_url}/{attempt_id}",
    )


def wait_until(question: Callable[[], bool], seconds: float = 10) -> None:
    ends_at = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < ends_at, "It did not become true in time."
        time.sleep(0.05)


@pytest.fixture
def backend(cog: CogServer) -> CogBackend:
    """An adapter to the shared server, once all its slots are free."""
    adapter = cog.backend()
    wait_until(lambda: adapter.health().readiness == Readiness.READY)
    return adapter


def test_a_prompt_becomes_a_film_of_the_seconds_ordered(
    backend: CogBackend, receiver: Receiver, tmp_path: Path
) -> None:
    attempt = an_attempt(receiver, "A lantern on the river", seconds=5, resolution="720p")

    accepted = backend.submit(attempt)
    end = receiver.wait_for_the_end(f"/{attempt.id}")
    status = backend.parse_callback(end.headers, end.body, attempt, now=NOW)

    assert accepted.state in (State.QUEUED, State.RUNNING)
    assert status.state == State.SUCCEEDED
    assert status.fail is None
    assert 0 < status.usage["gpu_seconds"] < 60
    [output] = _kept_in(tmp_path / "film.mp4", backend.fetch_outputs(status))
    assert (output.milliseconds, output.width, output.height) == (5000, 1280, 720)
    film = films.look_at(tmp_path / "film.mp4")
    assert film == films.Film(5.0, 1280, 720, 24, has_sound=False)
    assert (tmp_path / "film.mp4").stat().st_size == output.bytes


def test_progress_arrives_while_it_runs(backend: CogBackend, receiver: Receiver) -> None:
    attempt = an_attempt(receiver, "[slow] rain")

    backend.submit(attempt)
    seen = receiver.wait_for(
        f"/{attempt.id}",
        lambda post: 0.05 < (_status(backend, post.body, attempt).progress or 0) < 1,
    )
    found = backend.find(attempt)
    backend.cancel(attempt)
    receiver.wait_for_the_end(f"/{attempt.id}")

    assert _status(backend, seen.body, attempt).state == State.RUNNING
    assert found is not None
    assert found.state == State.RUNNING
    assert found.progress is not None
    assert found.progress > 0.05


def test_a_defect_is_a_failure_with_its_reason(backend: CogBackend, receiver: Receiver) -> None:
    attempt = an_attempt(receiver, "[fail] a broken lamp")

    backend.submit(attempt)
    end = receiver.wait_for_the_end(f"/{attempt.id}")
    status = _status(backend, end.body, attempt)

    assert (status.state, status.fail) == (State.FAILED, Fail.PROVIDER)
    assert status.message == "RuntimeError: The demo was told to fail."
    assert status.outputs == ()


def test_a_moderated_prompt_is_told_apart_from_a_defect(
    backend: CogBackend, receiver: Receiver
) -> None:
    attempt = an_attempt(receiver, "[moderate] something")

    backend.submit(attempt)
    end = receiver.wait_for_the_end(f"/{attempt.id}")
    status = _status(backend, end.body, attempt)

    assert (status.state, status.fail) == (State.FAILED, Fail.MODERATION)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"seconds": 61}, "seconds"),
        ({"seconds": "five"}, "seconds"),
        ({"mode": "ultra"}, "mode"),
        ({"resolution": "8k"}, "resolution"),
        ({"prompt": ""}, "prompt"),
        ({"offset_seconds": -1}, "offset_seconds"),
    ],
)
def test_an_order_out_of_bounds_is_refused_and_never_runs(
    backend: CogBackend, receiver: Receiver, wrong: dict[str, object], field: str
) -> None:
    attempt = an_attempt(receiver, "x")
    attempt = AttemptView(
        id=attempt.id, input={**attempt.input, **wrong}, callback_url=attempt.callback_url
    )

    with pytest.raises(Rejected) as refusal:
        backend.submit(attempt)

    assert refusal.value.fail == Fail.INVALID_INPUT
    assert refusal.value.message.startswith(f"{field}: ")
    found = backend.find(attempt)
    assert found is not None
    assert found.state == State.ABSENT
    assert receiver.posts(f"/{attempt.id}") == []


def test_cancel_ends_a_running_attempt_at_once(backend: CogBackend, receiver: Receiver) -> None:
    attempt = an_attempt(receiver, "[hang] for ever")
    backend.submit(attempt)
    wait_until(lambda: _progress(backend, attempt) > 0)

    asked_at = time.monotonic()
    result = backend.cancel(attempt)
    end = receiver.wait_for_the_end(f"/{attempt.id}")
    took = time.monotonic() - asked_at
    status = _status(backend, end.body, attempt)

    assert result == CancelResult.REQUESTED
    assert (status.state, status.fail) == (State.CANCELED, Fail.CANCELED)
    assert took < 2
    assert backend.cancel(attempt) == CancelResult.ABSENT


def test_a_cancel_is_repeated_until_the_end_is_known(
    backend: CogBackend, receiver: Receiver
) -> None:
    """Coglet loses a cancel that comes right after the start, although it answers 200."""
    for _round in range(10):
        attempt = an_attempt(receiver, "[hang]")
        backend.submit(attempt)

        answers = [backend.cancel(attempt)]
        while answers[-1] == CancelResult.REQUESTED and len(answers) < 50:
            time.sleep(0.02)
            answers.append(backend.cancel(attempt))
        end = receiver.wait_for_the_end(f"/{attempt.id}")
        status = _status(backend, end.body, attempt)

        assert answers[-1] == CancelResult.ABSENT
        assert (status.state, status.fail) == (State.CANCELED, Fail.CANCELED)


def test_cancel_ends_one_that_is_being_drawn(backend: CogBackend, receiver: Receiver) -> None:
    attempt = an_attempt(receiver, "a long one", seconds=30, resolution="1080p", mode="pro")
    backend.submit(attempt)
    wait_until(lambda: _progress(backend, attempt) > 0)

    assert backend.cancel(attempt) == CancelResult.REQUESTED
    end = receiver.wait_for_the_end(f"/{attempt.id}", seconds=3)

    assert end.json["status"] == "canceled"


def test_a_full_server_takes_nothing_and_says_so(backend: CogBackend, receiver: Receiver) -> None:
    running = [an_attempt(receiver, "[hang]"), an_attempt(receiver, "[hang]")]
    late = an_attempt(receiver, "x")
    for attempt in running:
        backend.submit(attempt)
    wait_until(lambda: all(_progress(backend, attempt) > 0 for attempt in running))

    with pytest.raises(AtCapacity):
        backend.submit(late)
    absent = backend.find(late)
    present = backend.find(running[0])
    readiness = backend.health().readiness
    for attempt in running:
        backend.cancel(attempt)
        receiver.wait_for_the_end(f"/{attempt.id}")

    assert readiness == Readiness.BUSY
    assert absent is not None
    assert absent.state == State.ABSENT  # told apart even where every slot is taken
    assert present is not None
    assert present.state == State.RUNNING
    assert receiver.posts(f"/{late.id}") == []


def test_the_same_id_in_flight_is_accepted_and_runs_once(
    backend: CogBackend, receiver: Receiver
) -> None:
    attempt = an_attempt(receiver, "[hang]")
    other = an_attempt(receiver, "[hang]")
    backend.submit(attempt)
    backend.submit(other)  # No slot is left: a 409 would be the answer to anything new

    wait_until(lambda: _progress(backend, attempt) > 0 and _progress(backend, other) > 0)

    again = backend.submit(attempt)
    backend.cancel(attempt)
    backend.cancel(other)
    receiver.wait_for_the_end(f"/{attempt.id}")
    receiver.wait_for_the_end(f"/{other.id}")

    assert again.state == State.RUNNING
    assert sum(post.is_final for post in receiver.posts(f"/{attempt.id}")) == 1


def test_asking_for_an_unknown_attempt_starts_nothing(
    backend: CogBackend, receiver: Receiver
) -> None:
    attempt = an_attempt(receiver, "never sent")

    first = backend.find(attempt)
    second = backend.find(attempt)

    assert first is not None
    assert second is not None
    assert (first.state, second.state) == (State.ABSENT, State.ABSENT)
    assert backend.cancel(attempt) == CancelResult.ABSENT
    assert receiver.posts(f"/{attempt.id}") == []


def test_a_killed_server_says_nothing_and_has_forgotten(
    own_cog: CogServer, receiver: Receiver
) -> None:
    backend = own_cog.backend()
    attempt = an_attempt(receiver, "[hang]")
    backend.submit(attempt)
    wait_until(lambda: _progress(backend, attempt) > 0)

    own_cog.kill()
    while_down = backend.find(attempt)
    with pytest.raises(NotSent):
        backend.submit(an_attempt(receiver, "x"))
    with pytest.raises(NotSent):
        backend.cancel(attempt)
    down = backend.health().readiness
    own_cog.start()
    after = backend.find(attempt)

    assert while_down is None
    assert down == Readiness.DOWN
    assert after is not None
    assert after.state == State.ABSENT
    assert not any(post.is_final for post in receiver.posts(f"/{attempt.id}"))


def test_the_schema_that_the_server_serves_is_the_predictors(own_cog: CogServer) -> None:
    reply = own_cog.backend()._call("GET", "/openapi.json")
    fields = json.loads(reply.body)["components"]["schemas"]["Input"]

    assert fields["required"] == ["prompt"]
    assert fields["properties"]["seconds"]["maximum"] == 60
    assert fields["properties"]["mode"]["enum"] == ["std", "pro", "4k"]
    assert set(fields["properties"]) == {
        *("prompt", "seconds", "resolution", "aspect_ratio", "mode", "audio", "seed"),
        *("count", "offset_seconds", "watermark"),
    }


def test_a_stranger_cannot_report(backend: CogBackend, receiver: Receiver) -> None:
    attempt = an_attempt(receiver, "[fail]")
    backend.submit(attempt)
    end = receiver.wait_for_the_end(f"/{attempt.id}")

    for header in ("Bearer wrong", "", backend.secret, f"bearer {backend.secret}", "Bearer é"):
        with pytest.raises(CallbackUnauthenticated):
            backend.parse_callback({"Authorization": header}, end.body, attempt, now=NOW)
    with pytest.raises(CallbackUnauthenticated):
        backend.parse_callback({}, end.body, attempt, now=NOW)
    with pytest.raises(CallbackMalformed):
        backend.parse_callback(end.headers, end.body, AttemptView(id="att_another"), now=NOW)


@pytest.mark.django_db
def test_no_call_is_made_inside_a_transaction(cog: CogServer) -> None:
    backend = cog.backend()
    attempt = AttemptView(id="att_x", input=ORDER)

    for call in (backend.submit, backend.find, backend.cancel):
        with transaction.atomic(), pytest.raises(RuntimeError, match="outside any transaction"):
            call(attempt)


def _progress(backend: CogBackend, attempt: AttemptView) -> float:
    found = backend.find(attempt)
    return (found.progress or 0) if found else 0


def _status(backend: CogBackend, body: bytes, attempt: AttemptView) -> Status:
    return backend.read_callback(body, attempt)


def _kept_in(path: Path, outputs: Iterator[Output]) -> list[Output]:
    """Return the outputs, of which the last one's bytes are now in the file."""
    kept = []
    for output in outputs:
        path.write_bytes(output.file.read())
        kept.append(output)
    return kept
