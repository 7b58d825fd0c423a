"""DashScope's own client against our simulator of it: the shapes that we play are the vendor's."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.dashscope import DashScope

dashscope = pytest.importorskip("dashscope")

MODEL = "wan2.7-t2v"
MEASURES: dict[str, Any] = {
    "resolution": "720P",
    "ratio": "16:9",
    "duration": 5,
    "prompt_extend": True,
    "watermark": False,
}


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[DashScope]:
    vendor = DashScope(key="a-key-of-the-vendor")
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{vendor.url}/api/v1")
    monkeypatch.setattr(dashscope, "api_key", vendor.key)
    yield vendor
    vendor.close()


def taken(**words: object) -> Any:  # noqa: ANN401 (the vendor's class)
    return dashscope.VideoSynthesis.async_call(
        model=MODEL, prompt="a kite", **{**MEASURES, **words}
    )


def test_an_order_is_taken_and_its_film_found(simulator: DashScope) -> None:
    answer = taken()
    waiting = dashscope.VideoSynthesis.fetch(answer)
    simulator.finish(answer.output.task_id)
    ended = dashscope.VideoSynthesis.fetch(answer)

    assert (answer.status_code, answer.output.task_status) == (200, "PENDING")
    assert simulator.newest.order["parameters"] == MEASURES
    assert simulator.asked("submit")[0].headers["x-dashscope-async"] == "enable"
    assert waiting.output.task_status == "PENDING"
    assert ended.output.task_status == "SUCCEEDED"
    assert ended.output.video_url.startswith("https://")
    assert (ended.usage.video_count, ended.usage["duration"]) == (1, 5)


def test_first_and_last_frames_go_to_the_path_that_we_take_too(simulator: DashScope) -> None:
    frames = {"first_frame_url": "https://a.example/a.png", "last_frame_url": "https://a.example/z"}
    answer = dashscope.VideoSynthesis.async_call(
        model="wan2.2-kf2v-flash", prompt="a kite", resolution="720P", **frames
    )

    assert answer.status_code == 200
    assert simulator.asked("submit")[0].path.endswith("/image2video/video-synthesis")


def test_a_failure_is_read_as_one(simulator: DashScope) -> None:
    answer = taken()
    simulator.end(answer.output.task_id, Ending.MODERATED)

    ended = dashscope.VideoSynthesis.fetch(answer)

    assert (ended.output.task_status, ended.output.code) == ("FAILED", "DataInspectionFailed")


def test_an_id_that_was_never_given_is_unknown(simulator: DashScope) -> None:
    assert dashscope.VideoSynthesis.fetch("task-0").output.task_status == "UNKNOWN"


def test_only_a_task_that_waits_is_cancelled(simulator: DashScope) -> None:
    answer = taken()

    assert dashscope.VideoSynthesis.cancel(answer).status_code == 200
    again = dashscope.VideoSynthesis.cancel(answer)

    assert (again.status_code, again.code) == (400, "UnsupportedOperation")
    assert simulator.tasks[answer.output.task_id].ending == Ending.CANCELED


def test_tasks_are_listed(simulator: DashScope) -> None:
    answer = taken()

    listed = dashscope.VideoSynthesis.list(page_size=1)

    assert [task["task_id"] for task in listed.output["data"]] == [answer.output.task_id]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault.FULL, 429, "Throttling.RateQuota"),
        (Fault.INVALID, 400, "InvalidParameter"),
        (Fault.MODERATED, 400, "DataInspectionFailed"),
        (Fault.BROKE, 400, "Arrearage"),
    ],
)
def test_each_refusal_is_read_by_its_code(
    simulator: DashScope, fault: Fault, status: int, code: str
) -> None:
    simulator.faults["submit"] = fault

    answer = taken()

    assert (answer.status_code, answer.code) == (status, code)
    assert simulator.tasks == {}
