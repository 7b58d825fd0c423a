"""ComfyUI's adapter against a simulator of it: what holds for all, and what is ComfyUI's alone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError
from pytest_django.fixtures import Settings

from billing.gpu import registry
from billing.gpu.adapters.comfyui.adapter import ComfyuiBackend
from billing.gpu.adapters.comfyui.orders import seed_of
from billing.gpu.adapters.comfyui.templates import Template
from billing.gpu.errors import CallbackUnauthenticated
from billing.gpu.protocol import (
    Ambiguous,
    AttemptView,
    AuthError,
    BackendError,
    CancelResult,
    Fail,
    Rejected,
    State,
)
from tests.gpu.receiver import Receiver
from tests.gpu.vendors.base import Answer, Ending, Fault
from tests.gpu.vendors.bench import Bench, order
from tests.gpu.vendors.comfyui import WORKFLOW, Comfyui, refused
from tests.gpu.vendors.contract import NOBODY_KNOWS, Contract

SLOTS = {
    "6.inputs.text": "prompt",
    "3.inputs.seed": "seed",
    "40.inputs.width": "width",
    "40.inputs.height": "height",
    "40.inputs.length": "frames",
    "50.inputs.filename_prefix": "attempt",
}
# An empty object is how ComfyUI says "not in the history": it is asked on.
UNHEARD = [*(one for one in NOBODY_KNOWS if one != Fault.NOTHING_SAID), Fault.LOST_WAY]
FIXED: dict[str, list[str | int | bool]] = {"task": ["text_to_video"], "audio": [False]}


def template_in(folder: Path, **changes: Any) -> Template:  # noqa: ANN401 (attributes)
    file = folder / "workflow.json"
    file.write_text(json.dumps(WORKFLOW))
    chosen: dict[str, Any] = {
        "file": str(file),
        "slots": SLOTS,
        "fixed": FIXED,
        "sizes": {"720p 16:9": [1280, 720], "720p 9:16": [720, 1280]},
        "frames_per_second": 16,
        "frames_more": 1,
        **changes,
    }
    return Template(**chosen)


def bench_at(simulator: Comfyui, receiver: Receiver, template: Template, **words: Any) -> Bench:  # noqa: ANN401 (our words)
    backend = ComfyuiBackend(
        base_url=simulator.url, secret=simulator.key, templates={"wan-t2v": template}
    )
    return Bench(
        simulator=simulator,
        backend=backend,
        stranger=replace(backend, secret="a-key-of-nobody"),
        moved=replace(backend, base_url="http://127.0.0.1:9"),
        attempt=order(receiver, vendor_model="wan-t2v", **words),
    )


@pytest.fixture
def simulator() -> Iterator[Comfyui]:
    comfyui = Comfyui()
    yield comfyui
    comfyui.close()


@pytest.fixture
def bench(simulator: Comfyui, receiver: Receiver, tmp_path: Path) -> Bench:
    return bench_at(simulator, receiver, template_in(tmp_path))


class TestComfyui(Contract):
    """What holds for all. Attempts of one id are one here: each brings its own."""

    impossible = (
        ({"resolution": "1080p"}, "resolution"),
        ({"aspect_ratio": "1:1"}, "aspect_ratio"),
        ({"seconds": 0}, "seconds"),
        ({"audio": True}, "audio"),
        ({"mode": "pro"}, "mode"),
        ({"prompt": ""}, "prompt"),
        ({"image_url": "https://cdn.example/a.png"}, "image_url"),
        ({"task": "image_to_video"}, "task"),
    )
    finds = True
    films_are_its_own = True

    @pytest.fixture
    def bench(self, simulator: Comfyui, receiver: Receiver, tmp_path: Path) -> Bench:
        return bench_at(simulator, receiver, template_in(tmp_path))

    @pytest.mark.parametrize("fault", UNHEARD)
    def test_a_question_without_an_answer_ends_nothing(self, bench: Bench, fault: Fault) -> None:
        super().test_a_question_without_an_answer_ends_nothing(bench, fault)


def test_each_slot_gets_its_word_and_the_rest_stays(simulator: Comfyui, bench: Bench) -> None:
    bench.submitted(input={**bench.attempt.input, "seed": 7})

    told = simulator.newest.order
    assert told["6"]["inputs"] == {"text": bench.attempt.input["prompt"], "clip": ["4", 1]}
    assert told["3"]["inputs"] == {"seed": 7, "steps": 20, "model": ["4", 0]}
    assert told["40"]["inputs"] == {"width": 1280, "height": 720, "length": 81, "batch_size": 1}
    assert told["50"]["inputs"]["filename_prefix"] == "att_1"
    assert told["4"] == WORKFLOW["4"]


def test_one_order_leaves_nothing_of_it_in_the_workflow(
    simulator: Comfyui, receiver: Receiver, tmp_path: Path
) -> None:
    without_seed = {slot: word for slot, word in SLOTS.items() if word != "seed"}

    bench_at(simulator, receiver, template_in(tmp_path), seed=7).submitted()
    bench_at(simulator, receiver, template_in(tmp_path, slots=without_seed)).submitted(id="att_2")

    seeds = [task.order["3"]["inputs"]["seed"] for task in simulator.tasks.values()]
    assert seeds == [7, WORKFLOW["3"]["inputs"]["seed"]]


def test_a_seed_that_no_order_names_is_the_attempts_own(simulator: Comfyui, bench: Bench) -> None:
    for attempt_id in ("att_1", "att_2"):
        bench.submitted(id=attempt_id)

    seeds = [task.order["3"]["inputs"]["seed"] for task in simulator.tasks.values()]
    assert seeds == [seed_of("att_1"), seed_of("att_2")]
    assert len({*seeds, 1}) == 3
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_workflow_may_make_several_at_once(
    simulator: Comfyui, receiver: Receiver, tmp_path: Path
) -> None:
    template = template_in(tmp_path, slots={**SLOTS, "40.inputs.batch_size": "count"})

    bench_at(simulator, receiver, template, count=3).submitted()

    assert simulator.newest.order["40"]["inputs"]["batch_size"] == 3


def test_true_is_not_one(simulator: Comfyui, receiver: Receiver, tmp_path: Path) -> None:
    template = template_in(tmp_path, fixed={**FIXED, "draft": [1]})

    with pytest.raises(Rejected, match="draft"):
        bench_at(simulator, receiver, template, draft=True).submitted()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"slots": {"99.inputs.text": "prompt"}}, r"no input 99\.inputs\.text"),
        ({"slots": {"6.inputs.texts": "prompt"}}, r"no input 6\.inputs\.texts"),
        ({"slots": {"6.text": "prompt"}}, r"NODE\.inputs\.NAME"),
        ({"slots": {}}, "slots"),
        ({"file": "/nowhere/workflow.json"}, "cannot be read"),
        ({"sizes": {"720p 16:9": [1280]}}, "sizes"),
        ({"frames_per_second": 0}, "frames_per_second"),
    ],
)
def test_a_template_that_does_not_fit_its_workflow_is_refused_at_once(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        template_in(tmp_path, **changes)


@pytest.mark.parametrize("text", ["[]", "{", '{"nodes": [], "links": []}'])
def test_a_workflow_in_another_form_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)

    with pytest.raises(ValidationError, match="the workflow"):
        template_in(tmp_path, file=str(file))


def test_the_setting_names_what_is_wrong_with_a_template(
    settings: Settings, tmp_path: Path
) -> None:
    good = template_in(tmp_path).model_dump()
    entry = {
        "kind": "comfyui",
        "url": "http://127.0.0.1:8188",
        "secret": "a-secret-of-16-letters",
        "models": {"wan": "wan-t2v"},
        "options": {"templates": {"wan-t2v": good}},
    }
    settings.BACKENDS = {"own": entry}
    assert isinstance(registry.backend_for("own"), ComfyuiBackend)

    broken = {**good, "slots": {"7.inputs.text": "prompt"}}
    settings.BACKENDS = {"own": {**entry, "options": {"templates": {"wan-t2v": broken}}}}
    with pytest.raises(ImproperlyConfigured, match=r"own\.options\.templates\.wan-t2v.*7\.inputs"):
        registry.configured()


# -- refusals -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refused("prompt_outputs_failed_validation", "value_smaller_than_min"), Rejected),
        (refused("prompt_outputs_failed_validation", "value_not_in_list"), AuthError),
        (refused("prompt_outputs_failed_validation", "value_bigger_than_max", "x"), AuthError),
        (refused("missing_node_type"), AuthError),
        (Answer(200, {"prompt_id": "att_2", "number": 1}), Ambiguous),
    ],
)
def test_a_workflow_that_does_not_fit_the_server_is_no_fault_of_the_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: Answer, error: type[BackendError]
) -> None:
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: answer)

    with pytest.raises(BackendError) as refusal:
        bench.backend.submit(bench.attempt)

    assert type(refusal.value) is error


def test_a_model_without_a_template_waits_for_an_operator(bench: Bench) -> None:
    with pytest.raises(AuthError, match="wan-of-tomorrow"):
        bench.backend.submit(replace(bench.attempt, model="wan-of-tomorrow"))

    assert bench.simulator.seen == []


# -- words --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("word", "message", "state", "fail"),
    [
        ("success", "execution_success", State.SUCCEEDED, None),
        ("SUCCESS", "execution_success", State.SUCCEEDED, None),
        ("error", "execution_error", State.FAILED, Fail.PROVIDER),
        ("error", "execution_interrupted", State.CANCELED, Fail.CANCELED),
        ("success", "execution_error", State.FAILED, Fail.PROVIDER),
        ("finished", "execution_success", State.RUNNING, None),
    ],
)
def test_each_word_of_the_history_has_a_state(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    message: str,
    state: State,
    fail: Fail | None,
) -> None:
    attempt = bench.submitted()
    film = {"filename": "a b.mp4", "subfolder": "x/y", "type": "output"}
    status = {"status_str": word, "messages": [[message, {}], ["odd"], "odd", ["odd", 7]]}
    entry = {"outputs": {"50": {"gifs": [film]}, "51": "odd"}, "status": status}
    monkeypatch.setattr(bench.simulator, "answer", lambda *_: Answer(200, {"att_1": entry}))

    said = bench.backend.poll(attempt)

    assert (said.state, said.fail) == (state, fail)
    words = ("view:filename=a+b.mp4&subfolder=x%2Fy&type=output",)
    assert said.outputs == (words if state == State.SUCCEEDED else ())


def test_a_lack_of_memory_is_told_apart(bench: Bench) -> None:
    attempt = bench.brought_to(Ending.FAILED, "Allocation on device: CUDA out of memory")

    assert bench.backend.poll(attempt).fail == Fail.OOM


def test_previews_and_pictures_are_no_films(bench: Bench) -> None:
    status = bench.backend.poll(bench.brought_to(Ending.SUCCEEDED))

    assert status.outputs == ("view:filename=att_1_00001_.mp4&subfolder=video&type=output",)


def test_an_old_film_from_the_cache_is_marked(simulator: Comfyui, bench: Bench) -> None:
    for cached, usage in (
        ([], {"gpu_seconds": 42.5}),
        (["4", "6"], {"gpu_seconds": 42.5}),
        (["3", "4", "6", "40", "50"], {"gpu_seconds": 42.5, "cached": 1.0}),
    ):
        simulator.cached = cached

        assert bench.backend.poll(bench.brought_to(Ending.SUCCEEDED)).usage == usage


# -- asking -------------------------------------------------------------------------------------
def test_what_moves_between_the_readings_is_not_lost(
    simulator: Comfyui, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = bench.brought_to(Ending.RUNNING)
    honest = simulator.answer

    def moving(verb: str, request: Any) -> Answer:  # noqa: ANN401 (as the simulator has it)
        if verb == "queue":
            simulator.finish("att_1")  # it has just left the queue
        return honest(verb, request)

    monkeypatch.setattr(simulator, "answer", moving)

    assert bench.backend.poll(attempt).state == State.SUCCEEDED


def test_after_a_restart_it_is_absent_and_no_end(simulator: Comfyui, bench: Bench) -> None:
    attempt = bench.brought_to(Ending.RUNNING)
    simulator.restart()

    assert bench.backend.poll(attempt).state == State.ABSENT
    found = bench.backend.find(attempt)
    assert found is not None
    assert found.state == State.ABSENT


@pytest.mark.parametrize("queue", [{}, {"queue_running": []}, {"queue_pending": [], "x": 1}])
def test_a_queue_that_is_none_is_no_absence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, queue: dict[str, Any]
) -> None:
    attempt = bench.submitted()
    bench.simulator.tasks.clear()
    honest = bench.simulator.answer
    monkeypatch.setattr(
        bench.simulator,
        "answer",
        lambda verb, request: Answer(200, queue) if verb == "queue" else honest(verb, request),
    )

    with pytest.raises(Ambiguous):
        bench.backend.poll(attempt)


def test_nothing_is_sent_again_by_looking(simulator: Comfyui, bench: Bench) -> None:
    bench.submitted()

    for _look in range(3):
        bench.backend.find(bench.attempt)

    assert len(simulator.asked("submit")) == 1


# -- cancelling ---------------------------------------------------------------------------------
def test_a_wish_ends_its_own_attempt_and_no_other(simulator: Comfyui, bench: Bench) -> None:
    mine = bench.brought_to(Ending.RUNNING)
    other = bench.submitted(id="att_2")
    simulator.end("att_2", Ending.RUNNING)

    assert bench.backend.cancel(mine) == CancelResult.REQUESTED

    assert bench.backend.poll(mine).state == State.CANCELED
    assert bench.backend.poll(other).state == State.RUNNING
    assert [asked.json for asked in simulator.asked("interrupt")] == [{"prompt_id": "att_1"}]


def test_what_waits_is_taken_out_and_its_absence_proves_it(
    simulator: Comfyui, bench: Bench
) -> None:
    waiting = bench.submitted()

    assert bench.backend.cancel(waiting) == CancelResult.CANCELED
    assert bench.backend.poll(waiting).state == State.ABSENT
    assert bench.backend.cancel(waiting) == CancelResult.ABSENT
    assert simulator.asked("interrupt") == []


def test_what_starts_under_the_wish_is_interrupted(
    simulator: Comfyui, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = bench.submitted()
    monkeypatch.setattr(simulator, "_drop", lambda _ids: simulator.end("att_1", Ending.RUNNING))

    assert bench.backend.cancel(waiting) == CancelResult.REQUESTED
    assert bench.backend.poll(waiting).state == State.CANCELED


# -- films, callbacks ---------------------------------------------------------------------------
def test_a_film_is_fetched_where_it_was_made(simulator: Comfyui, bench: Bench) -> None:
    status = bench.moved.poll(bench.brought_to(Ending.SUCCEEDED))

    assert [output.mime for output in bench.moved.fetch_outputs(status)] == ["video/mp4"]
    [asked] = simulator.asked("content")
    assert asked.query == {"filename": "att_1_00001_.mp4", "subfolder": "video", "type": "output"}
    assert list(bench.backend.fetch_outputs(replace(status, outputs=("/etc/passwd",)))) == []


def test_nobody_can_report_in_its_name(bench: Bench) -> None:
    attempt = AttemptView(id="att_1")

    with pytest.raises(CallbackUnauthenticated):
        bench.backend.parse_callback({}, b"{}", attempt, now=datetime.now(UTC))
    with pytest.raises(CallbackUnauthenticated):
        bench.backend.read_callback(b"{}", attempt)
