"""Replicate's own client finds in our simulator what it expects, the signature included."""

import time
from collections.abc import Iterator

import pytest
import replicate
from replicate.exceptions import ReplicateError
from replicate.webhook import (
    InvalidSignatureError,
    InvalidTimestampError,
    Webhooks,
    WebhookSigningSecret,
)

from tests.gpu.vendors.base import Ending, Fault
from tests.gpu.vendors.replicate import SECRET, ReplicateServer

INPUT = {"prompt": "a cat", "duration": 5}
KEY = WebhookSigningSecret(key=SECRET)


@pytest.fixture
def server() -> Iterator[ReplicateServer]:
    one = ReplicateServer()
    yield one
    one.close()


@pytest.fixture
def client(server: ReplicateServer) -> replicate.Client:
    return replicate.Client(api_token=server.key, base_url=server.url)


def test_an_official_model_is_ordered_and_polled_to_its_end(
    server: ReplicateServer, client: replicate.Client
) -> None:
    prediction = client.predictions.create(
        model="bytedance/seedance-1-pro",
        input=INPUT,
        webhook="https://app.example/webhooks/1",
        webhook_events_filter=["start", "completed"],
    )
    assert (prediction.status, prediction.output) == ("starting", None)
    assert server.newest.callback_url == "https://app.example/webhooks/1"

    server.end(prediction.id, Ending.RUNNING)
    prediction.reload()
    assert prediction.status == "processing"

    server.finish(prediction.id)
    prediction.reload()
    assert prediction.status == "succeeded"
    assert "https://replicate.delivery/" in str(prediction.output)
    assert prediction.metrics == {"predict_time": 58.5}


def test_a_version_is_ordered_at_its_own_place(
    server: ReplicateServer, client: replicate.Client
) -> None:
    prediction = client.predictions.create(version="5c7d5dc6", input=INPUT)

    assert server.tasks[prediction.id].order["version"] == "5c7d5dc6"
    assert prediction.version == "5c7d5dc6"


def test_a_failure_tells_its_error(server: ReplicateServer, client: replicate.Client) -> None:
    prediction = client.predictions.create(version="5c7d5dc6", input=INPUT)
    server.end(prediction.id, Ending.FAILED)

    prediction.reload()

    assert (prediction.status, prediction.error) == ("failed", "CUDA error")


def test_a_prediction_is_canceled_and_listed(
    server: ReplicateServer, client: replicate.Client
) -> None:
    prediction = client.predictions.create(version="5c7d5dc6", input=INPUT)

    prediction.cancel()

    assert prediction.status == "canceled"
    assert server.tasks[prediction.id].ending == Ending.CANCELED


@pytest.mark.parametrize("fault", [Fault.FULL, Fault.INVALID, Fault.BROKE])
def test_a_refusal_is_a_problem_that_the_client_knows(
    server: ReplicateServer, client: replicate.Client, fault: Fault
) -> None:
    server.faults["submit"] = fault
    refusal = server.refusal(fault)
    assert refusal is not None

    # Of refusals below 500 the client repeats a 429 by GET only: an order comes once.
    with pytest.raises(ReplicateError) as error:
        client.predictions.create(version="5c7d5dc6", input=INPUT)

    assert error.value.status == refusal.status
    assert len(server.asked("submit")) == 1


def test_our_signature_is_one_to_the_client() -> None:
    server = ReplicateServer()
    body = b'{"id": "p", "status": "succeeded"}'
    headers = server.sign(body, at=time.time())

    Webhooks.validate(headers=headers, body=body.decode(), secret=KEY, tolerance=300)
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=headers, body=body.decode() + " ", secret=KEY)
    with pytest.raises(InvalidTimestampError):
        old = server.sign(body, at=time.time() - 301)
        Webhooks.validate(headers=old, body=body.decode(), secret=KEY, tolerance=300)
    server.close()
