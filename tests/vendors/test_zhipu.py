"""Zhipu's own client against our simulator of it: the shapes that we play are the vendor's."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.zhipu import Zhipu

zai = pytest.importorskip("zai")

ORDER: dict[str, Any] = {
    "model": "cogvideox-3",
    "prompt": "a kite",
    "quality": "speed",
    "with_audio": False,
    "size": "1280x720",
    "fps": 30,
    "duration": 5,
    "request_id": "att_1",
}


@pytest.fixture
def simulator() -> Iterator[Zhipu]:
    zhipu = Zhipu()
    yield zhipu
    zhipu.close()


@pytest.fixture
def client(simulator: Zhipu) -> Any:  # noqa: ANN401 (the vendor's class)
    return client_of(simulator, key=simulator.key)


def client_of(simulator: Zhipu, *, key: str) -> Any:  # noqa: ANN401 (the vendor's class)
    return zai.ZaiClient(api_key=key, base_url=f"{simulator.url}/api/paas/v4", max_retries=0)


def test_an_order_is_taken_and_its_film_found(simulator: Zhipu, client: Any) -> None:  # noqa: ANN401 (as above)
    simulator.finish_after_polls = 2

    taken = client.videos.generations(**ORDER)
    first = client.videos.retrieve_videos_result(taken.id)
    second = client.videos.retrieve_videos_result(taken.id)

    assert simulator.newest.order == ORDER
    assert (taken.task_status, taken.request_id) == ("PROCESSING", "att_1")
    assert (first.task_status, second.task_status) == ("PROCESSING", "SUCCESS")
    assert second.video_result[0].url.startswith("https://")


def test_a_failure_is_read_as_one(simulator: Zhipu, client: Any) -> None:  # noqa: ANN401 (as above)
    taken = client.videos.generations(**ORDER)
    simulator.end(taken.id, Ending.FAILED)

    assert client.videos.retrieve_videos_result(taken.id).task_status == "FAIL"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.INVALID, "APIRequestFailedError"),
        (Fault.MODERATED, "APIRequestFailedError"),
        (Fault.FULL, "APIReachLimitError"),
        (Fault.BROKE, "APIReachLimitError"),
        (Fault.ERROR_AFTER, "APIInternalError"),
    ],
)
def test_each_refusal_is_one_of_the_clients_errors(
    simulator: Zhipu,
    client: Any,  # noqa: ANN401 (as above)
    fault: Fault,
    error: str,
) -> None:
    simulator.faults["submit"] = fault

    with pytest.raises(getattr(zai.core, error)):
        client.videos.generations(**ORDER)


def test_a_wrong_key_is_no_other_error(simulator: Zhipu) -> None:
    with pytest.raises(zai.core.APIAuthenticationError):
        client_of(simulator, key="a-key-of-nobody").videos.generations(**ORDER)
