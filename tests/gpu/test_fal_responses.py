"""How a request at fal has ended: its response alone tells, and not each refusal is one."""

from socket import socket

import pytest

from billing.gpu.protocol import Ambiguous, AttemptView, Fail, State, Status
from tests.gpu.faulty import Faulty, answering
from tests.gpu.test_fal import backend


def polled_with_response(status: str, body: bytes, headers: str = "") -> Status:
    """Ask about a request that has ended, whose response is this one."""
    completed = answering("200 OK", b'{"status": "COMPLETED"}')
    answers = iter([completed, answering(status, body, headers)])

    def in_turn(connection: socket) -> None:
        next(answers)(connection)

    gateway = Faulty(in_turn)
    view = AttemptView(id="att_1", provider_id="r", context={"app": "fal-ai/veo3"})
    try:
        return backend(gateway.base_url, "k").poll(view)
    finally:
        gateway.close()


def test_a_response_that_lags_behind_its_status_is_no_end() -> None:
    status = polled_with_response("400 Bad Request", b'{"detail": "Request is still in progress"}')

    assert (status.state, status.fail) == (State.RUNNING, None)


@pytest.mark.parametrize("body", [b'{"detail": "no"}', b'{"detail": [{"msg": "no"}]}'])
def test_a_refused_question_ends_no_request(body: bytes) -> None:
    with pytest.raises(Ambiguous):
        polled_with_response("422 Unprocessable Entity", body)


@pytest.mark.parametrize(
    "body", [b'{"detail": "no", "error_type": "bad_request"}', b'{"detail": [{"type": "missing"}]}']
)
def test_a_refusal_that_names_its_kind_is_the_end(body: bytes) -> None:
    status = polled_with_response("422 Unprocessable Entity", body)

    assert (status.state, status.fail) == (State.FAILED, Fail.INVALID_INPUT)


@pytest.mark.parametrize(
    ("status", "kind", "ended"),
    [
        ("422 Unprocessable Entity", "content_policy_violation", Fail.MODERATION),
        ("504 Gateway Timeout", "request_timeout", Fail.TIMEOUT),
    ],
)
def test_the_kind_of_a_plain_sentence_stands_in_its_head(
    status: str, kind: str, ended: Fail
) -> None:
    told = polled_with_response(status, b'{"detail": "no"}', f"X-Fal-Error-Type: {kind}\r\n")

    assert told.fail == ended
