"""Ark's own client against our simulator of it: the shapes that we play are the vendor's."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gpu.vendors.ark import TAKEN, Ark
from tests.gpu.vendors.base import Ending, Fault

sdk = pytest.importorskip("volcenginesdkarkruntime")
errors = pytest.importorskip("volcenginesdkarkruntime._exceptions")

ORDER: dict[str, Any] = {
    "model": "doubao-seedance-1-5-pro-251215",
    "content": [{"type": "text", "text": "a kite"}],
    "resolution": "720p",
    "ratio": "16:9",
    "duration": 5,
    "generate_audio": False,
    "watermark": False,
    "service_tier": "default",
    "execution_expires_after": 3600,
    "callback_url": "https://app.example/webhooks/1",
    "safety_identifier": "att_1",
}


@pytest.fixture
def simulator() -> Iterator[Ark]:
    ark = Ark()
    yield ark
    ark.close()


@pytest.fixture
def tasks(simulator: Ark) -> Any:  # noqa: ANN401 (the vendor's class)
    return tasks_at(simulator, key=simulator.key)


def tasks_at(simulator: Ark, *, key: str) -> Any:  # noqa: ANN401 (the vendor's class)
    client = sdk.Ark(base_url=f"{simulator.url}/api/v3", api_key=key, max_retries=0)
    return client.content_generation.tasks


def test_an_order_is_taken_and_its_film_found(simulator: Ark, tasks: Any) -> None:  # noqa: ANN401 (as above)
    taken = tasks.create(**ORDER)
    queued = tasks.get(task_id=taken.id)
    simulator.end(taken.id, Ending.RUNNING)
    running = tasks.get(task_id=taken.id)
    simulator.finish(taken.id)
    done = tasks.get(task_id=taken.id)

    assert simulator.newest.order == ORDER
    assert simulator.newest.callback_url == ORDER["callback_url"]
    assert [task.status for task in (queued, running, done)] == ["queued", "running", "succeeded"]
    assert (queued.content, queued.usage, done.error) == (None, None, None)
    assert done.content.video_url.startswith("https://")
    assert (done.usage.completion_tokens, done.usage.total_tokens) == (246_840, 246_840)
    assert (done.safety_identifier, done.model) == ("att_1", ORDER["model"])
    assert (done.resolution, done.ratio, done.duration) == ("720p", "16:9", 5)


def test_what_an_order_leaves_open_is_arks_to_say(simulator: Ark, tasks: Any) -> None:  # noqa: ANN401 (as above)
    taken = tasks.create(model=ORDER["model"], content=ORDER["content"])

    # The client says null for the rest, and so names all that Ark takes.
    said = simulator.asked("submit")[0].json
    assert set(said) == TAKEN
    assert said["execution_expires_after"] is None
    assert tasks.get(task_id=taken.id).execution_expires_after == 172_800


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Ending.MODERATED, "OutputVideoSensitiveContentDetected"),
        (Ending.FAILED, "InternalServiceError"),
    ],
)
def test_a_failure_has_its_code(
    simulator: Ark,
    tasks: Any,  # noqa: ANN401 (as above)
    ending: Ending,
    code: str,
) -> None:
    taken = tasks.create(**ORDER)
    simulator.end(taken.id, ending)

    failed = tasks.get(task_id=taken.id)

    assert (failed.status, failed.error.code, failed.content) == ("failed", code, None)


def test_tasks_are_listed_by_page_and_by_status(simulator: Ark, tasks: Any) -> None:  # noqa: ANN401 (as above)
    first, second = tasks.create(**ORDER), tasks.create(**ORDER)
    simulator.finish(first.id)

    everything, page = tasks.list(), tasks.list(page_num=2, page_size=1)
    done = tasks.list(status="succeeded")

    assert [task.id for task in everything.items] == [second.id, first.id]
    assert (page.total, [task.id for task in page.items]) == (2, [first.id])
    assert (done.total, [task.id for task in done.items]) == (1, [first.id])
    assert everything.items[0].safety_identifier == "att_1"


def test_only_a_task_that_waits_is_cancelled(simulator: Ark, tasks: Any) -> None:  # noqa: ANN401 (as above)
    waiting, running = tasks.create(**ORDER), tasks.create(**ORDER)
    simulator.end(running.id, Ending.RUNNING)

    tasks.delete(task_id=waiting.id)
    with pytest.raises(errors.ArkConflictError):
        tasks.delete(task_id=running.id)

    assert tasks.get(task_id=waiting.id).status == "cancelled"
    assert tasks.get(task_id=running.id).status == "running"


def test_a_task_that_has_ended_is_erased(simulator: Ark, tasks: Any) -> None:  # noqa: ANN401 (as above)
    taken = tasks.create(**ORDER)
    simulator.finish(taken.id)

    tasks.delete(task_id=taken.id)

    with pytest.raises(errors.ArkNotFoundError) as refusal:
        tasks.get(task_id=taken.id)
    assert refusal.value.code == "ResourceNotFound"


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        (Fault.FULL, "ArkRateLimitError", "QuotaExceeded"),
        (Fault.INVALID, "ArkBadRequestError", "InvalidParameter"),
        (Fault.MODERATED, "ArkBadRequestError", "InputTextSensitiveContentDetected"),
        (Fault.BROKE, "ArkPermissionDeniedError", "AccountOverdueError"),
    ],
)
def test_each_refusal_is_read_by_its_code(
    simulator: Ark,
    tasks: Any,  # noqa: ANN401 (as above)
    fault: Fault,
    error: str,
    code: str,
) -> None:
    simulator.faults["submit"] = fault

    with pytest.raises(getattr(errors, error)) as refusal:
        tasks.create(**ORDER)

    assert refusal.value.code == code
    assert simulator.tasks == {}


def test_a_wrong_key_is_no_other_error(simulator: Ark) -> None:
    with pytest.raises(errors.ArkAuthenticationError) as refusal:
        tasks_at(simulator, key="a-key-of-nobody").create(**ORDER)

    assert refusal.value.code == "AuthenticationError"
